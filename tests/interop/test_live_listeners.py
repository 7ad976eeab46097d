# SPDX-License-Identifier: Apache-2.0
"""Listeners that move while people talk, by SIGHUP and with the address of their interface; what the firewall is told.

The phone stands on the private side and notices nothing of what happens outside.
"""

import contextlib
import time
from dataclasses import replace

import pytest

from tests.interop.carrier_emulator.desk_phone import Desk, DeskPhone
from tests.interop.carrier_emulator.emulator import Account, CarrierEmulator
from tests.interop.carrier_emulator.habits import GENERIC
from tests.interop.config_desk import ConfigDesk
from tests.interop.gateway import DESKS, OFFICE_NUMBER, Gateway, route_lines, trunk_lines
from tests.interop.network import PATIENCE_S, wait_until
from tests.interop.network_keeper import NetworkStandIn
from tests.interop.raw_sip import TcpPeer, UdpPeer, authorize, build_request, register, transact
from tests.interop.state_files import wait_rows

pytestmark = pytest.mark.ours
MANAGED = ("set network managed true", "set network interface eth0 role wan")


class House:
    """A gateway with one phone, and the carrier that its trunk is registered at."""

    def __init__(self, stack, network, folder):
        self.stack, self.network = stack, network
        self.carrier = stack.enter_context(CarrierEmulator(replace(GENERIC, has_digest=False), network.new_host(),
                                                           account=Account(OFFICE_NUMBER)))
        self.gateway = Gateway(folder, network, [*trunk_lines("carrier", self.carrier), *route_lines("carrier")])

    def rewrite(self, before, after):
        text = self.gateway.config.read_text()
        assert before in text
        self.gateway.config.write_text(text.replace(before, after))

    def follow_interface(self):
        """The listener outside is where its interface is, which somebody else looks after."""
        self.rewrite(f"set sip listener wan address {self.gateway.outside}",
                     "\n".join(["set sip listener wan interface wan", *MANAGED]))
        return self.stack.enter_context(NetworkStandIn(self.gateway.state))

    def start(self):
        self.stack.enter_context(self.gateway)

    def add_phone(self):
        phone = self.stack.enter_context(DeskPhone(self.network.new_host(), (self.gateway.host, 5060),
                                                   Desk("201", DESKS["201"])))
        phone.register()
        return phone

    def connect(self):
        """(call at the phone, call at the carrier), talking."""
        wait_until(lambda: self.gateway.show("show trunks")[0]["state"] == "up", PATIENCE_S, "the trunk is up")
        inside = self.add_phone().dial("0312345678")
        assert inside.wait_status() == 200
        outside = self.carrier.wait_call()
        wait_until(lambda: talk(inside, outside), PATIENCE_S, "talk both ways")
        return inside, outside


def talk(inside, outside):
    """Whether what each says now reaches the other."""
    had = len(inside.voice.heard), len(outside.voice.heard)
    for call in (inside, outside):
        call.voice.speak(2)
    end = time.monotonic() + 0.3
    while time.monotonic() < end:
        if len(inside.voice.heard) > had[0] and len(outside.voice.heard) > had[1]:
            return True
        time.sleep(0.01)
    return False


@pytest.fixture
def house(network, tmp_path, monkeypatch):
    monkeypatch.setenv("DENWABAN_NETD", "service")
    with contextlib.ExitStack() as stack:
        yield House(stack, network, tmp_path / "gateway")


def test_a_listener_moves_and_its_trunk_and_its_call_go_with_it(house, network):
    house.start()
    house.carrier.wait_registered()
    inside, outside = house.connect()
    before, after = house.gateway.outside, network.new_host()
    invites = inside.count(b"INVITE")
    house.rewrite(f"listener wan address {before}", f"listener wan address {after}")
    changed_at = time.monotonic()
    house.gateway.reload()
    wait_until(lambda: after in house.carrier.contact, PATIENCE_S, "registered from there")
    wait_until(lambda: outside.voice.peer and outside.voice.peer[0] == after, PATIENCE_S, "the carrier heard of it")
    wait_until(lambda: talk(inside, outside), PATIENCE_S, "talk both ways")
    print(f"the voice is back after {time.monotonic() - changed_at:.2f} s")
    assert inside.count(b"INVITE") == invites                       # the phone was told nothing
    (invite,) = [one for one in house.carrier.seen(b"INVITE") if one.source[0] == after]
    assert after in invite.contact
    removed = house.carrier.seen(b"REGISTER")[-1].header(b"contact").decode()
    assert f"@{before}:5060" in removed
    assert removed.endswith("expires=0")
    outside.bye()
    inside.wait_over()
    house.gateway.wait_no_calls()


def test_a_call_that_rings_while_its_listener_moves_is_answered(house, network):
    """For help it would be the same. The answer comes to where the INVITE was sent from (RFC 3261 18.2.2)."""
    house.carrier.answers_by_itself = False
    house.start()
    wait_until(lambda: house.gateway.show("show trunks")[0]["state"] == "up", PATIENCE_S, "the trunk is up")
    inside = house.add_phone().dial("0312345678")
    outside = house.carrier.wait_call()
    outside.ring()
    wait_until(lambda: 180 in inside.statuses(b"INVITE"), PATIENCE_S, "it rings")
    house.rewrite(f"listener wan address {house.gateway.outside}", f"listener wan address {network.new_host()}")
    house.gateway.reload()
    wait_until(lambda: house.gateway.journal("listener_changed"), PATIENCE_S, "the move")
    outside.answer()
    assert inside.wait_status() == 200
    wait_until(lambda: talk(inside, outside), PATIENCE_S, "talk both ways")
    inside.bye()
    outside.wait_over()
    house.gateway.wait_no_calls()


def test_a_call_for_help_outlives_the_commit_that_takes_its_listener_away(house):
    house.rewrite("set emergency none", "set trunk carrier emergency true")
    house.start()
    house.carrier.wait_registered()
    phone = house.add_phone()
    inside = phone.dial("110")
    assert inside.wait_status() == 200
    outside = house.carrier.wait_call()
    wait_until(lambda: talk(inside, outside), PATIENCE_S, "talk both ways")
    neighbour = phone.dial("0312345678")
    assert neighbour.wait_status() == 200
    with ConfigDesk(house.gateway.state) as desk:
        desk.edit("delete route outside", "delete trunk carrier", "delete sip listener wan", "set emergency none")
        place = f"wan udp:{house.gateway.outside}:5060"
        assert desk.ask("check")["plan"]["calls"] == [
            f"listener {place} stays open until the emergency call over it has ended"]
        done = desk.commit()
    assert any("1 call affected" in note for note in done["effects"]), done
    neighbour.wait_over()
    assert talk(inside, outside)
    inside.bye()
    outside.wait_over()
    house.gateway.wait_no_calls()
    wait_until(lambda: any("closed" in one["what"] for one in house.gateway.journal("listener_changed")), 30,
               "the listener to go")


def test_a_listener_that_cannot_be_opened_changes_nothing(house, network):
    house.start()
    house.carrier.wait_registered()
    inside, outside = house.connect()
    before = house.carrier.contact
    with UdpPeer((house.gateway.host, 5060), network.new_host(), 5060) as squatter:
        house.rewrite(f"listener wan address {house.gateway.outside}", f"listener wan address {squatter.host}")
        house.gateway.reload()
        wait_until(lambda: house.gateway.journal("configuration_refused"), PATIENCE_S, "the refusal")
    assert talk(inside, outside)
    assert house.carrier.contact == before
    assert not house.gateway.journal("listener_changed")
    inside.bye()
    outside.wait_over()


def test_a_phone_on_tcp_keeps_its_connection_while_everything_else_changes(house, network):
    house.rewrite("listener office transport udp",
                  "listener office transport tcp\nset sip listener office transport udp")
    house.start()
    gateway = house.gateway
    with TcpPeer((gateway.host, 5060), network.new_host()) as phone:
        register(phone, "202", DESKS["202"])
        house.rewrite(f"listener wan address {gateway.outside}", f"listener wan address {network.new_host()}")
        house.rewrite("set sip role b2bua", "set sip role b2bua\nset media ports 40000-40999")
        gateway.reload()
        wait_until(lambda: gateway.journal("configuration_loaded"), PATIENCE_S, "the change")
        answer = transact(phone, build_request(phone, "OPTIONS", f"sip:{gateway.host}"))
        assert answer.status == 200
        inside = house.add_phone().dial("0312345678")
        assert inside.wait_status() == 200
        assert 40000 <= inside.voice.peer[1] <= 40999
        house.rewrite("system domain office.test", "system domain other.test")
        gateway.reload()
        wait_until(lambda: len(gateway.journal("configuration_loaded")) == 2, PATIENCE_S, "the other domain")
        register(phone, "202", DESKS["202"], domain="other.test")   # the same connection, the new realm
        inside.bye()
        gateway.wait_no_calls()


def test_a_listener_follows_its_interface_and_the_gate_is_told(house, network):
    network_side = house.follow_interface()
    house.start()                                       # ready though there is no address yet
    (trunk,) = house.gateway.show("show trunks")
    assert trunk["reason"] == "its listener has no address yet"
    first, second = house.gateway.outside, network.new_host()
    network_side.tell(wan=first)
    house.carrier.wait_registered()
    assert first in house.carrier.contact
    wait_until(lambda: any([house.carrier.host, 5060, "udp"] in one[1] for one in network_side.told("peers")),
               PATIENCE_S, "the carrier among the peers")
    assert network_side.open_ports() == set()           # leased and unused is shut
    inside, outside = house.connect()
    wait_until(lambda: network_side.open_ports() == {outside.voice.peer}, PATIENCE_S, "the call's pinhole")

    network_side.tell(wan=None)                         # its cable is out; nothing is torn down for that
    wait_until(lambda: [one for one in house.gateway.journal("side_address") if not one["address"]], PATIENCE_S, "gone")
    registers = len(house.carrier.seen(b"REGISTER"))
    network_side.tell(wan=first)
    wait_until(lambda: len(house.carrier.seen(b"REGISTER")) > registers, PATIENCE_S, "registered again at once")
    assert talk(inside, outside)

    changed_at = time.monotonic()
    network_side.tell(wan=second)
    wait_until(lambda: outside.voice.peer[0] == second, PATIENCE_S, "the carrier heard of it")
    wait_until(lambda: talk(inside, outside), PATIENCE_S, "talk both ways")
    print(f"the voice is back after {time.monotonic() - changed_at:.2f} s")
    assert [one.source[0] for one in house.carrier.seen(b"INVITE")].count(second) == 1      # the first try was heard
    wait_until(lambda: network_side.open_ports() == {outside.voice.peer}, PATIENCE_S, "only the new pinhole")
    inside.bye()
    outside.wait_over()
    wait_until(lambda: network_side.open_ports() == set(), PATIENCE_S, "shut")


def test_the_pinholes_of_calls_that_go_on_are_told_after_a_crash(house):
    network_side = house.follow_interface()
    network_side.tell(wan=house.gateway.outside)
    house.start()
    house.carrier.wait_registered()
    inside, outside = house.connect()
    expected = {outside.voice.peer}
    wait_until(lambda: network_side.open_ports() == expected, PATIENCE_S, "the call's pinhole")
    wait_rows(house.gateway.state, "kept_calls", 1)
    house.gateway.kill()
    network_side.gate.clear()
    house.gateway.start()
    wait_until(lambda: network_side.open_ports() == expected, PATIENCE_S, "told again")
    wait_until(lambda: talk(inside, outside), PATIENCE_S, "talk both ways")
    inside.bye()
    outside.wait_over()


def guess(peer, user, secret):
    """One wrong password, over a nonce that the server has given."""
    request = build_request(peer, "REGISTER", "sip:office.test", user=user, to=f"sip:{user}@office.test",
                            lines=(f"Contact: <sip:{user}@{peer.hostport.decode()}>",))
    challenge = transact(peer, request)
    return transact(peer, authorize(request, challenge, user, secret))


def test_who_guesses_at_several_users_is_shut_out_and_a_user_is_not(house, network):
    network_side = house.follow_interface()
    network_side.tell(wan=house.gateway.outside)
    house.start()
    outside = house.gateway.outside, 5060
    house.carrier.wait_registered()
    wait_until(lambda: house.gateway.journal("gate_reached"), PATIENCE_S, "the gate")
    with UdpPeer(outside, network.new_host()) as user, UdpPeer(outside, network.new_host()) as scanner, \
            UdpPeer((house.gateway.host, 5060), network.new_host()) as desk:
        register(user, "202", DESKS["202"])
        for number in range(12):
            for peer in (user, desk, scanner):
                guess(peer, f"30{number % 4}", "wrong")
    (ban,) = wait_until(lambda: network_side.told("ban"), PATIENCE_S, "the ban")
    assert ban[1:3] == [scanner.host, 600]
    (said,) = wait_until(lambda: house.gateway.journal("source_banned"), PATIENCE_S, "why")
    assert said["source"] == scanner.host
    assert "wrong passwords" in said["reason"]
