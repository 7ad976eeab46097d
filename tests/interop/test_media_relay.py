# SPDX-License-Identifier: Apache-2.0
"""The process that relays beside the call server: signals, kill -9 of either, what is left over, what it costs."""

import contextlib
import json
import os
import signal
import socket
from pathlib import Path

import pytest

from tests.bench.process_tree import memory_mib, tree_of
from tests.interop.network import PATIENCE_S, wait_until
from tests.interop.raw_sip import UdpPeer, register
from tests.interop.server import SECRETS

pytestmark = pytest.mark.ours
IDLE_LIMIT_MIB = 60
RTP = bytes((0x80, 0, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7)) + b"\xd5" * 160


class MediaSocket:
    """A connection to DIR/media.sock, to have a call there that no call server knows."""

    def __init__(self, state: Path) -> None:
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._connection.settimeout(PATIENCE_S)
        self._connection.connect(str(state / "media.sock"))
        self.hello = self.hear("hello")

    def say(self, *commands: dict[str, object]) -> None:
        self._connection.send(json.dumps(commands).encode())

    def hear(self, kind: str) -> dict[str, object]:
        for told in json.loads(self._connection.recv(1 << 18)):
            if told["told"] == kind:
                return told
        raise AssertionError(f"no {kind}")

    def close(self) -> None:
        self._connection.close()


class Call:
    """Two phones that talk through the relay, past the call server."""

    def __init__(self, state: Path, host: str, network) -> None:
        self.phones = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for phone in self.phones:
            phone.bind((network.new_host(), 0))
            phone.settimeout(PATIENCE_S)
        media = MediaSocket(state)
        media.say({"do": "lease", "host": host, "count": 2})
        self.ports = [tuple(port) for port in media.hear("leased")["ports"]]
        directions = [{"do": "direct", "session": "nobody's", "side": side,
                       "media": [phone.getsockname(), None, None, False, [], 46, None]}
                      for side, phone in enumerate(self.phones)]
        media.say({"do": "open", "session": "nobody's", "ports": self.ports}, *directions, {"do": "list"})
        assert [one["session"] for one in media.hear("sessions")["sessions"]] == ["nobody's"]
        media.close()

    def talk(self) -> None:
        for side in (0, 1):
            self.phones[side].sendto(RTP, self.ports[side])
            assert self.phones[1 - side].recv(2048) == RTP

    def close(self) -> None:
        for phone in self.phones:
            phone.close()


@pytest.fixture
def make_call(network):
    made = []

    def make(server) -> Call:
        made.append(Call(server.state, server.host, network))
        return made[-1]
    yield make
    for call in made:
        call.close()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def relay_pid(server, relays: int = 1) -> int:
    """The one that was started or found last, of so many; the journal is written a moment later."""
    wait_until(lambda: len(server.journal("media_relay_present")) == relays, PATIENCE_S, f"relay {relays}")
    return [entry["pid"] for entry in server.journal()
            if entry.get("event") in ("media_relay_started", "media_relay_found")][-1]


def test_it_is_there_at_ready_in_a_session_of_its_own_with_the_ports_of_the_configuration(new_server):
    with new_server(lines=["set media ports 20000-20999"]) as server:
        pid = relay_pid(server)
        assert tree_of(server.process.pid) == [server.process.pid, pid]
        assert os.getsid(pid) == pid != os.getsid(server.process.pid)
        media = MediaSocket(server.state)
        assert (media.hello["first"], media.hello["last"]) == (20000, 20999)
        media.close()
        assert (server.state / "media.sock").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_both_and_nothing_is_left(new_server, make_call, number):
    with new_server() as server:
        make_call(server).talk()
        tree = tree_of(server.process.pid)
        os.killpg(server.process.pid, number)                       # as the terminal does
        assert server.process.wait(PATIENCE_S) == 0
        assert not any(map(is_alive, tree))
        assert not (server.state / "media.sock").exists()
        server.start()


def test_the_call_server_is_killed_with_its_whole_group_and_talk_goes_on(new_server, make_call):
    with new_server() as server:
        call, pid = make_call(server), relay_pid(server)
        call.talk()
        os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait(PATIENCE_S)
        for _ in range(10):
            call.talk()
        server.start()
        assert relay_pid(server, 2) == pid
        # it is no call that the call server knows
        wait_until(lambda: sessions(server) == [], PATIENCE_S, "the stray session closed")


def sessions(server) -> list[str]:
    media = MediaSocket(server.state)
    media.say({"do": "list"})
    found = [one["session"] for one in media.hear("sessions")["sessions"]]
    media.close()
    return found


def test_a_call_server_that_is_killed_without_calls_leaves_no_relay(new_server):
    with new_server() as server:
        pid = relay_pid(server)
        server.kill()
        wait_until(lambda: not is_alive(pid), PATIENCE_S, "the relay's end")


def held_by(pid: int) -> set[int]:
    """Numbers of the files that a process has open; it may close one meanwhile."""
    held = set()
    for number in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            held.add(os.stat(f"/proc/{pid}/fd/{number}").st_ino)
    assert held
    return held


def test_who_reads_our_output_sees_its_end_while_the_relay_lives(new_server, make_call):
    with new_server() as server:
        call, pid = make_call(server), relay_pid(server)
        ours = {os.stat(path).st_ino for path in (server.output, server.errors)}
        assert ours.isdisjoint(held_by(pid))
        server.kill()
        call.talk()
        server.start()


def test_the_relay_is_killed_and_another_serves_within_a_second(new_server, network):
    with new_server() as server, UdpPeer((server.host, server.port), network.new_host()) as phone:
        first = relay_pid(server)
        os.kill(first, signal.SIGKILL)
        second = relay_pid(server, 2)
        assert second != first
        assert server.journal("media_relay_lost")
        register(phone, "1001", SECRETS["1001"])
        media = MediaSocket(server.state)
        media.say({"do": "lease", "host": server.host, "count": 1})
        assert media.hear("leased")["ports"]
        media.close()
        assert tree_of(server.process.pid) == [server.process.pid, second]


def test_other_ports_after_a_restart_are_served_by_another_relay(new_server, make_call):
    with new_server() as server:
        make_call(server)
        first = relay_pid(server)
        server.kill()
        server.config.write_text(server.config.read_text() + "set media ports 20000-20099\n")
        server.start()
        assert not is_alive(first)
        media = MediaSocket(server.state)
        assert media.hello["first"] == 20000
        media.close()


def test_all_processes_together_are_small_when_idle(new_server):
    with new_server() as server:
        assert memory_mib(server.process.pid, "Rss") < IDLE_LIMIT_MIB
