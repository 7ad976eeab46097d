# SPDX-License-Identifier: Apache-2.0
"""Processes that relay, real ones, as a call server keeps them: found, started, replaced, killed, ended."""

import asyncio
import gc
import json
import os
import select
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from appliance.system.media import relay_client, relay_keeper
from appliance.system.media.port_pool import OPEN_LIMIT
from appliance.system.media.relay_keeper import ALARM, RelayKeeper, RelaySurroundings
from appliance.system.media.relay_server import may_leave
from tests.system.media_phones import HOST, PATIENCE_S, MediaUser, Phones, open_call

PORTS = (33000, 35399)
CALLS = 500


class Office:
    """A call server as far as media go: its journal, its alarms, and who hears of the relay."""

    def __init__(self, state, ports=PORTS, hosts=(HOST,)):
        self.events, self.alarms = [], set()
        self.user = MediaUser()
        self.keeper = RelayKeeper(str(state), ports, hosts, RelaySurroundings(self, lambda _now: None, self._alarm))
        self.relay = self.keeper.relay
        self.relay.user = self.user

    def record(self, event, **values):
        self.events.append((event, values))

    def _alarm(self, name, _sentence, _remedy, is_raised):
        (self.alarms.add if is_raised else self.alarms.remove)(name)

    def pids(self):
        return [values["pid"] for event, values in self.events if event in ("media_relay_started", "media_relay_found")]

    def names(self):
        return [event for event, _ in self.events]

    async def noted(self, event, count=1):
        await until(lambda: self.names().count(event) >= count, f"{event}: {self.events}")


async def until(condition, what):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.005)


def is_alive(pid):
    """A process that only waits to be buried by init is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def descriptors_of(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except FileNotFoundError:
        return 0


def play(state, act, ports=PORTS):
    """Run act(office) with a relay there; afterwards nothing of it is left, whatever happened."""
    async def run():
        office = Office(state, ports)
        office.keeper.open()
        try:
            assert await office.keeper.wait_present(PATIENCE_S)
            return await act(office)
        finally:
            await office.keeper.close(PATIENCE_S)
            assert not any(map(is_alive, office.pids()))
    return asyncio.run(run())


@pytest.fixture
def phones():
    with Phones() as made:
        yield made


def test_a_relay_is_started_with_ports_at_once_and_ended_after_its_last_answers(tmp_path, phones):
    async def act(office):
        assert (await office.user.hears("found"))[1] == []
        ports = await open_call(office.relay, office.user, "last", phones)
        phones.talk(ports, 1)
        office.relay.close_session("last")
        await office.keeper.close()
        assert [item[:2] for item in office.user.told if item[0] == "closed"] == [("closed", "last")]
        assert office.names()[-2:] == ["media_relay_ending", "media_relay_ended"]
        assert office.events[-1][1]["code"] == "0"

    play(tmp_path, act)
    assert not (tmp_path / "media.sock").exists()


def test_a_relay_whose_call_server_is_gone_is_adopted_with_its_calls(tmp_path, phones):
    async def first(office):
        ports = await open_call(office.relay, office.user, "kept", phones)
        phones.talk(ports, 1)
        office.keeper.leave()               # as the kernel does when we are killed
        return ports, office.pids()

    async def second(office):
        found = (await office.user.hears("found"))[2]
        assert [(one.session, one.ports, one.figures[0].packets) for one in found] == [("kept", ports, 2)]
        phones.talk(ports, 3)
        assert await open_call(office.relay, office.user, "new", phones) != ports
        office.relay.ask_figures("kept")
        assert (await office.user.hears("figures"))[2][1].packets == 3
        return office.pids()

    async def leave():
        office = Office(tmp_path)
        office.keeper.open()
        assert await office.keeper.wait_present(PATIENCE_S)
        return await first(office)

    ports, pids = asyncio.run(leave())
    phones.talk(ports, 2)
    assert play(tmp_path, second) == pids


def test_a_relay_that_is_killed_is_replaced_and_calls_hear_of_it(tmp_path, phones):
    async def act(office):
        await office.user.hears("found")
        await open_call(office.relay, office.user, "lost", phones)
        os.kill(office.pids()[-1], signal.SIGKILL)
        await office.user.hears("lost")
        assert office.relay.take_port(HOST) is None
        office.relay.open_session("nowhere", (None, None))          # dropped: nobody is there
        assert (await office.user.hears("found"))[1] == []
        phones.talk(await open_call(office.relay, office.user, "lost", phones), 1)
        assert len(set(office.pids())) == 2
        assert office.alarms == set()

    play(tmp_path, act)


def test_relays_that_die_again_and_again_leave_nothing_open(tmp_path, monkeypatch):
    monkeypatch.setattr(relay_keeper, "LONGEST_DELAY_S", 0.3)

    async def act(office):
        gc.collect()        # what earlier tests have left open is none of this one's; later it may only become less
        counts = []
        for turn in range(1, 5):
            await office.user.hears("found")
            counts.append(descriptors_of(os.getpid()))
            os.kill(office.pids()[-1], signal.SIGKILL)
            await office.noted("media_relay_ended", turn)
        await office.user.hears("found")
        assert counts[-1] <= counts[0]
        for pid in office.pids()[:-1]:
            with pytest.raises(ChildProcessError):                  # none waits to be buried
                os.waitpid(pid, os.WNOHANG)

    play(tmp_path, act)


@pytest.mark.parametrize("other", [{"ports": (35400, 35499)}, {"version": "0.0.0"}])
def test_a_relay_of_another_version_or_with_other_ports_is_replaced(tmp_path, phones, monkeypatch, other):
    async def left():
        office = Office(tmp_path)
        office.keeper.open()
        assert await office.keeper.wait_present(PATIENCE_S)
        await open_call(office.relay, office.user, "old", phones)
        office.keeper.leave()
        return office.pids()[0]

    async def act(office):
        assert (await office.user.hears("found"))[1] == []
        assert ("media_relay_ending", {"reason": "unfit"}) in office.events
        assert not is_alive(old)
        first, last = other.get("ports", PORTS)
        assert first <= office.relay.take_port(HOST).port <= last

    old = asyncio.run(left())
    if "version" in other:
        # ours is another now; the process that is started has the one of its own file, so the old one is asked first
        real = relay_keeper.Greeting
        wanted = iter([real(other["version"], 1, *PORTS)])
        monkeypatch.setattr(RelayKeeper, "relay_greeted", first_judged_by(wanted, RelayKeeper.relay_greeted))
    play(tmp_path, act, other.get("ports", PORTS))


def first_judged_by(wanted, judge):
    def relay_greeted(keeper, greeting):
        ours = keeper._wanted
        keeper._wanted = next(wanted, ours)
        try:
            judge(keeper, greeting)
        finally:
            keeper._wanted = ours
    return relay_greeted


def test_a_relay_that_hangs_is_killed_and_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr(relay_keeper, "GREETING_LIMIT_S", 0.2)

    async def left():
        office = Office(tmp_path)
        monkeypatch.setattr(relay_keeper, "GREETING_LIMIT_S", PATIENCE_S)
        office.keeper.open()
        assert await office.keeper.wait_present(PATIENCE_S)
        office.relay.open_session("held", (office.relay.take_port(HOST), office.relay.take_port(HOST)))
        office.relay.ask_figures("held")
        await office.user.hears("figures")
        office.keeper.leave()
        return office.pids()[0]

    async def run():
        monkeypatch.setattr(relay_keeper, "GREETING_LIMIT_S", 0.2)
        office = Office(tmp_path)
        office.keeper.open()
        monkeypatch.setattr(relay_keeper, "GREETING_LIMIT_S", PATIENCE_S)
        try:
            assert await office.keeper.wait_present(PATIENCE_S)
            assert "media_relay_killed" in office.names()
            assert not is_alive(old)
        finally:
            await office.keeper.close(PATIENCE_S)

    old = asyncio.run(left())
    os.kill(old, signal.SIGSTOP)
    asyncio.run(run())


def test_a_relay_that_does_not_end_when_asked_is_killed(tmp_path):
    async def act(office):
        os.kill(office.pids()[0], signal.SIGSTOP)
        await office.keeper.close()
        assert "media_relay_killed" in office.names()

    play(tmp_path, act)


def test_where_none_can_be_had_the_office_goes_on_with_an_alarm_until_there_is_one(tmp_path, monkeypatch):
    async def run():
        office = Office(tmp_path)
        monkeypatch.setattr(sys, "executable", str(tmp_path / "missing"))
        office.keeper.open()
        assert not await office.keeper.wait_present(0.05)
        assert office.alarms == {ALARM}
        assert office.relay.take_port(HOST) is None
        monkeypatch.undo()
        assert await office.keeper.wait_present(PATIENCE_S)
        assert office.alarms == set()
        await office.keeper.close(PATIENCE_S)

    asyncio.run(run())


def test_an_address_that_is_not_ours_is_journalled_once_and_the_others_have_ports(tmp_path, monkeypatch):
    monkeypatch.setattr(relay_client, "SHORTAGE_S", 0.01)

    async def run():
        office = Office(tmp_path, hosts=("198.51.100.1", HOST))
        office.keeper.open()
        assert await office.keeper.wait_present(PATIENCE_S)
        await asyncio.sleep(0.1)
        assert office.relay.take_port("198.51.100.1") is None
        assert office.relay.take_port(HOST).host == HOST
        missing = [values for event, values in office.events if event == "media_ports_missing"]
        assert [(one["host"], "198.51.100.1" in one["reason"]) for one in missing] == [("198.51.100.1", True)]
        await office.keeper.close(PATIENCE_S)

    asyncio.run(run())


def test_a_range_that_is_leased_as_a_whole_wants_nothing_until_its_last_port_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(relay_client, "SHORTAGE_S", 0.01)

    async def run():
        office = Office(tmp_path, (38000, 38007))
        office.keeper.open()
        assert await office.keeper.wait_present(PATIENCE_S)
        await asyncio.sleep(0.1)
        assert "media_ports_missing" not in office.names()
        while office.relay.take_port(HOST) is not None:
            pass
        await office.noted("media_ports_missing")
        await office.keeper.close(PATIENCE_S)

    asyncio.run(run())


def test_what_a_relay_says_before_it_dies_is_in_the_journal(tmp_path):
    async def run():
        office = Office(tmp_path, ("first", "last"))        # arguments that it does not understand
        office.keeper.open()
        await office.noted("media_relay_said")
        assert any("ValueError" in str(values) for event, values in office.events if event == "media_relay_said")
        assert office.alarms == {ALARM}
        await office.keeper.close(PATIENCE_S)

    asyncio.run(run())


def test_hundreds_of_calls_come_and_go_and_leave_neither_port_nor_descriptor(tmp_path, phones):
    async def act(office):
        relay, user, pid = office.relay, office.user, office.pids()[0]
        await user.hears("found")
        # a leak of each call's, beside the ports that rest, would be twenty times that
        limit = descriptors_of(pid) + 2 * OPEN_LIMIT + CALLS // 5
        for turn in range(2):
            ports = set()
            for number in range(CALLS):
                pair = await take(relay), await take(relay)
                ports |= set(pair)
                relay.open_session(f"{turn}/{number}", pair)
                for side in (0, 1):
                    relay.direct(f"{turn}/{number}", side, phones.media(side))
            relay.ask_figures(f"{turn}/{CALLS - 1}")
            await user.hears("figures")
            assert len(ports) == 2 * CALLS
            assert count_sessions(tmp_path) == CALLS
            for number in range(CALLS):
                relay.close_session(f"{turn}/{number}")
            for number in range(CALLS):
                assert (await user.hears("closed"))[1] == f"{turn}/{number}"
            assert count_sessions(tmp_path) == 0
            await until(lambda: descriptors_of(pid) <= limit, "descriptors")
        assert not any(item[0] == "refused" for item in user.told)

    play(tmp_path, act)


async def take(relay):
    found = [None]

    def is_taken():
        found[0] = relay.take_port(HOST)
        return found[0] is not None
    await until(is_taken, "a port")
    return found[0]


def count_sessions(state):
    """Asked on a connection of its own."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asking:
        asking.settimeout(PATIENCE_S)
        asking.connect(str(state / "media.sock"))
        asking.send(b'[{"do":"list"}]')
        found = []
        while not (found and found[-1].get("is_last")):
            found += json.loads(asking.recv(1 << 18))
        return sum(len(one["sessions"]) for one in found if one["told"] == "sessions")


def test_a_relay_left_alone_without_calls_ends_by_itself(tmp_path):
    async def run():
        office = Office(tmp_path)
        office.keeper.open()
        assert await office.keeper.wait_present(PATIENCE_S)
        office.keeper.leave()
        await until(lambda: not is_alive(office.pids()[0]), "its end")
        assert not (tmp_path / "media.sock").exists()

    asyncio.run(run())


@pytest.mark.parametrize(("now", "last_packet", "expected"), [
    (159.9, 0.0, False), (160.0, 0.0, True), (200.0, 141.0, False), (200.0, 140.0, True), (699.9, 699.0, False),
    (700.0, 699.9, True)])
def test_a_relay_left_alone_goes_on_while_somebody_talks_but_not_for_ever(now, last_packet, expected):
    assert may_leave(now, 100.0, last_packet) == expected


@pytest.mark.parametrize("ports", [PORTS, (36000, 37399)])
def test_a_call_has_a_port_at_once_after_a_change_of_addresses_and_ports(tmp_path, ports):
    """It may be one for help. What the relay says meanwhile is not lost, and not heard in the middle of the change."""
    async def act(office):
        await office.user.hears("found")
        for name, host in (("old", HOST), ("new", "127.0.0.9")):
            ours = office.relay.take_port(host), office.relay.take_port(host)
            office.relay.open_session(name, ours)
            office.relay.ask_figures(name)
            told = len(office.user.told)
            office.keeper.reconfigure(ports, (HOST, "127.0.0.9"))
            for one in (HOST, "127.0.0.9"):
                assert ports[0] <= office.relay.take_port(one).port <= ports[1]
            assert len(office.user.told) == told
            await office.user.hears("figures")
    play(tmp_path, act)


def test_what_a_dead_relay_was_asked_is_not_waited_for_from_the_next_one(tmp_path):
    """The order itself finds out that the relay is gone: nothing may stay on order then."""
    async def act(office):
        await office.user.hears("found")
        death = os.pidfd_open(office.pids()[0])
        os.kill(office.pids()[0], signal.SIGKILL)
        assert select.select([death], [], [], PATIENCE_S)[0]        # its socket is closed, and the loop has not read it
        os.close(death)
        office.relay.change_range(36000, 37399)
        assert not office.relay._stock.is_awaited
        await office.noted("media_relay_present", 2)
        taken = []
        await until(lambda: taken.append(office.relay.take_port(HOST)) or taken[-1], "a port of the new one")
    play(tmp_path, act)


def test_a_relay_that_dies_while_ports_are_waited_for_is_lost_and_replaced(tmp_path):
    async def act(office):
        await office.user.hears("found")
        os.kill(office.pids()[0], signal.SIGKILL)
        office.keeper.reconfigure((36000, 37399), (HOST,))
        await office.user.hears("lost")
        await office.noted("media_relay_present", 2)
        taken = []
        await until(lambda: taken.append(office.relay.take_port(HOST)) or taken[-1], "a port of the new one")
        assert taken[-1].port >= 36000
    play(tmp_path, act)
