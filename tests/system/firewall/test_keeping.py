# SPDX-License-Identifier: Apache-2.0
"""The firewall as netd keeps it: by configuration and sides, taken back, healed, and told in words."""

import asyncio
import json
import os
import socket
from ipaddress import IPv4Interface

import pytest

from appliance.networking.side import Side
from appliance.system.firewall.keeping import FirewallKeeper
from appliance.system.firewall.kernel_settings import RESERVED_PORTS
from tests.config.office import load_smallest
from tests.system.firewall.place import BOX

SIDES = {"lan": Side("lan", "eth1", IPv4Interface("192.168.1.1/24"), True, None),
         "wan": Side("wan", "eth0", None, True, None)}
WEB = ("set network forward web protocol tcp", "set network forward web port 8080",
       "set network forward web to 192.168.1.10")


class Journal:
    def __init__(self):
        self.events = []

    def record(self, event, **values):
        self.events.append(event)


def configuration_of(*lines):
    return load_smallest(*BOX, *lines).configuration


@pytest.fixture
def keep(place, tmp_path):
    """Runs `act(keeper, journal)` in the place, with a keeper of its own."""
    def keep(act, look_s=60.0):
        journal = Journal()

        async def run():
            keeper = FirewallKeeper(str(tmp_path), journal, look_s)
            keeper.open()
            try:
                return await act(keeper, journal)
            finally:
                await keeper.close()
        return place.inside(lambda: asyncio.run(run()))
    return keep


async def until(condition):
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it has not come about")


def test_the_last_change_is_taken_back(place, keep):
    async def act(keeper, _journal):
        await keeper.apply(configuration_of(), SIDES)
        await keeper.apply(configuration_of(*WEB), SIDES)
        assert len(place.list_rules("port_forwards")) == 2
        await keeper.revert()
        assert place.list_rules("port_forwards") == []
        assert place.list_rules("admission")
        await keeper.apply(None, {})
        assert place.list_rules("admission") == []
    keep(act)


def test_the_first_rules_are_taken_back_to_none_but_inherited_ones_stay(place, keep):
    async def begin(keeper, _journal):
        await keeper.apply(configuration_of(), SIDES)
        await keeper.revert()
        assert place.list_rules("admission") == []
        await keeper.apply(configuration_of(), SIDES)

    async def go_on(keeper, _journal):
        await keeper.apply(configuration_of(*WEB), SIDES)
        await keeper.revert()
        assert place.list_rules("admission")
    keep(begin)
    assert place.list_rules("admission")        # whoever ends leaves everything in force
    keep(go_on)


def test_what_somebody_flushes_is_healed(place, keep):
    async def act(keeper, journal):
        await keeper.apply(configuration_of(), SIDES)
        await asyncio.to_thread(place.nft, "flush", "ruleset")
        await until(lambda: "firewall_healed" in journal.events)
        assert place.list_rules("admission")
        assert not keeper.heal()
    keep(act, look_s=0.02)


def test_ports_of_audio_that_somebody_gives_free_are_reserved_again(place, keep):
    async def act(keeper, journal):
        await keeper.apply(configuration_of("set media ports 20000-20999"), SIDES)
        for foreign, both in (("", "20000-20999"), ("19000-19999", "19000-20999")):
            journal.events.clear()
            RESERVED_PORTS.write_text(f"{foreign}\n")
            await until(lambda: "firewall_healed" in journal.events)
            assert RESERVED_PORTS.read_text().strip() == both
            assert not keeper.heal()
    keep(act, look_s=0.02)


def test_the_router_and_the_name_server_are_shut_out_for_nobody(place, keep, tmp_path):
    async def act(keeper, journal):
        await keeper.apply(configuration_of(), SIDES)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as gate:
            gate.connect(os.path.join(tmp_path, "gate.sock"))
            gate.send(json.dumps(["ban", "198.51.100.53", 600, "guessed 40 passwords"]).encode())
            await until(lambda: journal.events == ["source_banned"])
            await keeper.apply(configuration_of("set system dns 198.51.100.53"), SIDES)
            for spared in ("203.0.113.1", "198.51.100.53"):
                gate.send(json.dumps(["ban", spared, 600, "guessed 40 passwords"]).encode())
            await until(lambda: journal.events == ["source_banned", "ban_refused", "ban_refused"])
        assert {"203.0.113.1", "198.51.100.53"} <= set(place.list_set("never_banned4"))     # a ban of before as well
    keep(act)


def test_no_lan_address_means_no_way_round_by_the_wan(place, keep):
    async def act(keeper, _journal):
        await keeper.apply(configuration_of(*WEB), {**SIDES, "lan": Side("lan", "eth1", None, True, None)})
        assert len(place.list_rules("port_forwards")) == 1
    keep(act)


def test_rules_and_bans_are_told_in_words(place, keep, tmp_path):
    async def act(keeper, journal):
        await keeper.apply(configuration_of(*WEB), SIDES)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as gate:
            gate.connect(os.path.join(tmp_path, "gate.sock"))
            for message in (["ban", "198.51.100.66", 600, "guessed 40 passwords"], ["ban", "192.168.1.7", 60, "x"],
                            ["open", "203.0.113.5", 30000], ["peers", [["203.0.113.20", 5060, "udp"]]]):
                gate.send(json.dumps(message).encode())
            await until(lambda: keeper.describe_rules()["peers"])
        assert keeper.describe_bans() == [
            {"address": "198.51.100.66", "left_s": 600, "reason": "guessed 40 passwords", "packets": 0}]
        told = keeper.describe_rules()
        assert told["in_force"]
        assert told["pinholes"] == [["203.0.113.5", 30000], ["203.0.113.5", 30001]]
        assert told["peers"] == ["203.0.113.20/32"]
        assert told["bans"] == 1
        rules = {(one["chain"], one["rule"]): one["packets"] for one in told["rules"]}
        assert rules["admission", "anything else from the WAN"] == 0
        assert ("port_forwards", "forward web: tcp 8080 to 192.168.1.10") in rules
        assert json.dumps(told)
        assert journal.events == ["source_banned", "ban_refused"]
    keep(act)
