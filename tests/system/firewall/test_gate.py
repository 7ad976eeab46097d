# SPDX-License-Identifier: Apache-2.0
"""The gate: each message does what it says, whatever else comes is survived, and nobody waits."""

import asyncio
import itertools
import json
import os
import socket
import stat

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.errors import MachineError
from appliance.system.firewall.gate import MESSAGES_A_TURN, Gate


class Recorder:
    """Stands for the firewall, and for the journal."""

    def __init__(self):
        self.done = []
        self.events = []
        self.refusal = ""
        self.error = None

    def record(self, event, **values):
        self.events.append((event, values))

    def _note(self, *what):
        if self.error is not None:
            raise self.error
        self.done.append(what)

    def ban(self, address, seconds, reason):
        self._note("ban", str(address), seconds, reason)
        return self.refusal

    def unban(self, address):
        self._note("unban", str(address))
        return True

    def open_pinholes(self, pinholes):
        self._note("open", *((str(host), port) for host, port in pinholes))

    def close_pinholes(self, pinholes):
        self._note("close", *((str(host), port) for host, port in pinholes))

    def set_pinholes(self, pinholes):
        self._note("only", *((str(host), port) for host, port in pinholes))

    def set_peers(self, networks):
        self._note("peers", *map(str, networks))


def converse(directory, act, recorder=None):
    """What the firewall was asked and what was journalled while `act(connect)` ran beside the gate."""
    recorder = recorder or Recorder()

    async def run():
        gate = Gate(str(directory), recorder, recorder)
        gate.open()
        try:
            await act(lambda: connect(directory), recorder)
        finally:
            gate.close()
    asyncio.run(run())
    return recorder


def connect(directory):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(os.path.join(directory, "gate.sock"))
    return connection


async def until(condition):
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it has not come about")


def say(directory, *messages, recorder=None):
    """Send each as it is, then one that is understood, and wait for that."""
    async def act(connect, recorder):
        with connect() as connection:
            for message in messages:
                connection.send(message if isinstance(message, bytes) else json.dumps(message).encode())
            kept, recorder.error = recorder.error, None
            if kept is not None:
                recorder.error = kept
                await until(lambda: recorder.events)
                return
            connection.send(b'["unban","192.0.2.255"]')
            await until(lambda: ("unban", "192.0.2.255") in recorder.done)
        recorder.done.remove(("unban", "192.0.2.255"))
    return converse(directory, act, recorder)


@pytest.mark.parametrize(("message", "done"), [
    (["ban", "198.51.100.66", 600, "guesses"], ("ban", "198.51.100.66", 600.0, "guesses")),
    (["ban", "2001:db8::66", 0.5, "bad\nreason"], ("ban", "2001:db8::66", 0.5, "bad?reason")),
    (["unban", "198.51.100.66"], ("unban", "198.51.100.66")),
    (["open", "203.0.113.5", 30000], ("open", ("203.0.113.5", 30000), ("203.0.113.5", 30001))),
    (["close", "203.0.113.5", 30000], ("close", ("203.0.113.5", 30000), ("203.0.113.5", 30001))),
    (["only", []], ("only",)),
    (["only", [["203.0.113.5", 30000], ["2001:db8::5", 30002]]],
     ("only", ("203.0.113.5", 30000), ("203.0.113.5", 30001), ("2001:db8::5", 30002), ("2001:db8::5", 30003))),
    (["peers", [["203.0.113.9", 5060, "udp"], ["2001:db8::/64", 0, "tls"]]],
     ("peers", "203.0.113.9/32", "2001:db8::/64")),
])
def test_each_message_does_what_it_says(tmp_path, message, done):
    assert say(tmp_path, message).done == [done]


@pytest.mark.parametrize("message", [
    ["ban", "nobody", 60, "x"], ["ban", "198.51.100.66", 0, "x"], ["ban", "198.51.100.66", -1, "x"],
    ["ban", "198.51.100.66", float("nan"), "x"], ["ban", "198.51.100.66", "60", "x"], ["ban"], [], {}, None, "ban",
    ["open", "203.0.113.5", 0], ["open", "203.0.113.5", 65535], ["open", "203.0.113.5", 3.5], ["open", "x", 30000],
    ["only", [["203.0.113.5"]]], ["only", [3]], ["only", [["203.0.113.5", "x"]]],
    ["peers", [["203.0.113.9/24", 0, "udp"]]], ["peers", ["x"]], ["close", "203.0.113.5", 30000, "more"],
    b"[" * 100_000, b"\xff\xfe", b"{", ["ban", "198.51.100.66", 10**400, "x"],
])
def test_what_is_no_message_is_journalled_and_does_nothing(tmp_path, message):
    recorder = say(tmp_path, message)
    assert recorder.done == []
    assert recorder.events[0][0] == "gate_message_not_understood"


@pytest.mark.parametrize("wide", ["0.0.0.0/0", "128.0.0.0/1", "10.0.0.0/7", "2000::/3"])
def test_networks_that_hold_half_the_world_are_no_carriers_and_others_beside_them_are(tmp_path, wide):
    recorder = say(tmp_path, ["peers", [["203.0.113.9", 5060, "udp"], [wide, 0, "udp"], ["198.51.100.0/24", 0, "udp"]]])
    assert recorder.done == [("peers", "203.0.113.9/32", "198.51.100.0/24")]
    assert recorder.events[0] == ("peer_refused", {"network": wide, "why": "it is so wide that strangers are in it"})


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=60), max_size=5))
def test_whatever_comes_is_survived(tmp_path, messages):
    say(tmp_path, *messages)


def test_a_refusal_and_a_ban_are_journalled_with_why(tmp_path):
    recorder = Recorder()
    recorder.refusal = "it is on the LAN"
    assert say(tmp_path, ["ban", "192.168.1.7", 60, "x"], recorder=recorder).events[0] == (
        "ban_refused", {"address": "192.168.1.7", "reason": "x", "why": "it is on the LAN"})
    assert say(tmp_path, ["ban", "198.51.100.66", 60, "x"]).events[0] == (
        "source_banned", {"address": "198.51.100.66", "seconds": 60, "reason": "x"})


def test_what_the_kernel_refuses_is_journalled(tmp_path):
    recorder = Recorder()
    recorder.error = MachineError("nftables: pinholes: no space", 28)
    say(tmp_path, ["open", "203.0.113.5", 30000], recorder=recorder)
    assert recorder.events[0][0] == "gate_failed"
    assert recorder.events[0][1]["error"] == "nftables: pinholes: no space"


def test_a_message_that_is_too_long_is_left_out(tmp_path):
    recorder = say(tmp_path, b'["only",[' + b" " * 200_001 + b"]]")
    assert recorder.done == []
    assert recorder.events[0][0] == "gate_message_too_long"


def test_a_flood_leaves_the_loop_its_turns(tmp_path):
    turns = []

    async def act(connect, recorder):
        with connect() as connection:
            connection.setblocking(False)
            sent = 0
            try:
                while sent < 5 * MESSAGES_A_TURN:
                    connection.send(b'["unban","192.0.2.1"]')
                    sent += 1
            except BlockingIOError:
                pass
            loop = asyncio.get_running_loop()

            def tick():
                turns.append(len(recorder.done))
                if len(recorder.done) < sent:
                    loop.call_soon(tick)
            loop.call_soon(tick)
            await until(lambda: len(recorder.done) == sent)
    converse(tmp_path, act)
    assert all(after - before <= MESSAGES_A_TURN for before, after in itertools.pairwise(turns))


def test_the_socket_is_for_its_own_user_and_goes_with_the_gate(tmp_path):
    async def act(_connect, _recorder):
        assert stat.S_IMODE(os.stat(tmp_path / "gate.sock").st_mode) == 0o600
        with pytest.raises(MachineError, match="another netd"):
            Gate(str(tmp_path), Recorder(), Recorder()).open()
    converse(tmp_path, act)
    assert not (tmp_path / "gate.sock").exists()


def test_what_a_killed_process_left_is_taken_over(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as left:
        left.bind(str(tmp_path / "gate.sock"))
    assert say(tmp_path, ["only", []]).done == [("only",)]


def test_only_so_many_clients_at_a_time_and_a_new_one_when_one_has_gone(tmp_path):
    async def act(connect, recorder):
        clients = [connect() for _ in range(4)]
        for client in clients:
            client.send(b'["only",[]]')
        await until(lambda: len(recorder.done) == 4)
        with connect() as fifth:
            fifth.setblocking(False)
            await until(lambda: is_over(fifth))
        for client in clients:
            client.close()
        await asyncio.sleep(0)
        with connect() as again:
            again.send(b'["only",[]]')
            await until(lambda: len(recorder.done) == 5)
    converse(tmp_path, act)


def is_over(connection):
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
