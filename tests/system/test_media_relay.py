# SPDX-License-Identifier: Apache-2.0
"""The process that relays, and the call server's end of its socket."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time

import pytest

from appliance.rtp.relaying import LegMedia, MediaRelay
from appliance.system.media.messages import PROTOCOL, Greeting
from appliance.system.media.relay_client import RelayClient
from appliance.version import VERSION
from tests.system.media_phones import HOST, PATIENCE_S, MediaUser, Phones, open_call

FIRST, LAST = 32000, 32399
PROGRAM = [sys.executable, "-m", "appliance.daemons.mediad"]


class Owner:
    """Adopts whatever there is."""

    client = greeting = None

    def relay_greeted(self, greeting):
        self.greeting = greeting
        self.client.begin()

    def relay_present(self, session_count):
        pass

    def ports_missing(self, host, reason):
        self.missing = host, reason

    def connection_ended(self):
        pass


def command(state):
    return [*PROGRAM, str(state), str(FIRST), str(LAST)]


def start_mediad(state):
    process = subprocess.Popen(command(state))
    wait_until_served(state, process)
    return process


def wait_until_served(state, process):
    deadline = time.monotonic() + PATIENCE_S
    while True:
        assert process.poll() is None
        assert time.monotonic() < deadline
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
            try:
                probe.connect(str(state / "media.sock"))
            except OSError:
                time.sleep(0.01)
            else:
                return


@pytest.fixture
def mediad(tmp_path):
    process = start_mediad(tmp_path)
    yield process
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0


def attach(state):
    user, owner = MediaUser(), Owner()
    client: MediaRelay = RelayClient([HOST], owner, lambda _now: None)
    client.user = user
    owner.client = client
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(str(state / "media.sock"))
    connection.setblocking(False)
    client.attach(connection)
    return client, user


async def connect(state):
    client, user = attach(state)
    await user.hears("found")
    return client, user


async def take_port(client):
    deadline = time.monotonic() + PATIENCE_S
    while (port := client.take_port(HOST)) is None:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)
    return port


def test_a_call_is_relayed_and_its_figures_come_at_its_end(tmp_path, mediad):
    async def run():
        client, user = await connect(tmp_path)
        with Phones() as phones:
            ports = await open_call(client, user, "one", phones)
            for sequence in range(10):
                phones.talk(ports, sequence)
            client.close_session("one")
            _, name, figures = await user.hears("closed")
            assert name == "one"
            assert [(one.packets, one.sent, one.lost, one.latch) for one in figures] == [(10, 10, 0, "latched")] * 2
        client.detach()

    asyncio.run(run())


def test_sessions_survive_a_restart_of_the_call_server_and_are_adopted(tmp_path, mediad):
    async def run():
        client, user = await connect(tmp_path)
        with Phones() as phones:
            ports = await open_call(client, user, "kept", phones)
            phones.talk(ports, 1)
            client.detach()             # as if killed: nothing was said to the relay
            phones.talk(ports, 2)
            heir_client, heir = attach(tmp_path)
            told = await heir.hears("found")
            assert told[1] == ["kept"]
            assert told[2][0].ports == ports
            assert told[2][0].figures[0].packets == 2
            phones.talk(ports, 3)
            heir_client.hold("kept", True)
            heir_client.close_session("kept")
            assert (await heir.hears("closed"))[2][1].packets == 3
            heir_client.detach()

    asyncio.run(run())


def test_a_port_is_there_as_soon_as_the_relay_is_found_and_unused_leases_go_back(tmp_path, mediad):
    async def run():
        seen = set()
        for _ in range(4):              # 4 x more than half of the pairs there are
            client, _user = await connect(tmp_path)
            taken = [client.take_port(HOST) for _ in range(101)]
            assert len(set(taken)) == 101
            assert None not in taken
            seen |= set(taken)
            client.detach()
        assert len(seen) <= (LAST - FIRST + 1) // 2

    asyncio.run(run())


def test_ports_are_drawn_until_none_is_left_and_come_again_after_the_calls(tmp_path, mediad):
    pairs = (LAST - FIRST + 1) // 2

    async def run():
        client, user = await connect(tmp_path)
        ports = [await take_port(client) for _ in range(pairs)]
        assert len(set(ports)) == pairs
        assert client.take_port(HOST) is None
        for index in range(pairs // 2):
            client.open_session(str(index), (ports[2 * index], ports[2 * index + 1]))
            client.close_session(str(index))
        again = [await take_port(client) for _ in range(pairs)]
        assert set(again) == set(ports)
        assert sum(item[0] == "closed" for item in user.told) == pairs // 2
        client.detach()

    asyncio.run(run())


def test_a_second_process_on_the_same_directory_is_refused(tmp_path, mediad):
    second = subprocess.run(command(tmp_path), capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert second.returncode == 1
    assert "another process relays" in second.stderr
    assert mediad.poll() is None


def test_what_cannot_be_done_is_refused_with_its_reason(tmp_path, mediad):
    async def run():
        client, user = await connect(tmp_path)
        port = await take_port(client)
        for use in (lambda: client.hold("nobody", True), lambda: client.open_session("twice", (port, port)),
                    lambda: client.direct("nobody", 0, LegMedia(None))):
            use()
            assert (await user.hears("refused"))[2]
        client.detach()

    asyncio.run(run())


def test_a_session_that_would_send_to_itself_is_refused(tmp_path, mediad):
    async def run():
        client, user = await connect(tmp_path)
        with Phones() as phones:
            ports = await open_call(client, user, "circle", phones)
            for side in (0, 1):
                client.direct("circle", side, LegMedia(ports[1 - side]))
                assert "own port" in (await user.hears("refused"))[2]
            phones.talk(ports, 1)
        client.detach()

    asyncio.run(run())


COMMANDS = [b"{}", b'{"do":1}', b'{"do":"lease"}', b'{"do":"lease","host":"x","count":2}', b'{"do":"lease","host":5}',
            b'{"do":"lease","host":"127.0.0.1","count":1000000}', b'{"do":"open","session":"a","ports":[1,2]}',
            b'{"do":"open","session":"a","ports":[["127.0.0.1",4],["127.0.0.1",99999]]}',
            b'{"do":"return","port":null}',
            b'{"do":"close","session":{}}', b'{"do":"direct","session":"s","side":0,"media":{}}',
            b'{"do":"direct","session":"s","side":2,"media":{}}']


@pytest.mark.parametrize("octets", [*COMMANDS, b"no json", b"[" * 50000, b"{}", b"[1]", b"\xff\xfe"])
def test_wrong_commands_hurt_nobody(tmp_path, mediad, octets):
    is_command = octets in COMMANDS[1:]
    with hello(tmp_path) as rough:
        rough.send(b"[" + octets + b"]" if is_command else octets)
        told = rough.recv(65536)
        assert is_command == bool(told)
        if told:
            [message] = json.loads(told)
            assert message["told"] == "refused" or message["why"] or message["ports"]
    with hello(tmp_path) as other:
        other.send(b'[{"do":"list"},{"do":"list"}]')
        assert json.loads(other.recv(65536)) == [{"told": "sessions", "is_last": True, "sessions": []}] * 2


def hello(state):
    """A connection that was greeted as it should be."""
    rough = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    rough.settimeout(PATIENCE_S)
    rough.connect(str(state / "media.sock"))
    assert json.loads(rough.recv(65536)) == [{"told": "hello", **Greeting(VERSION, PROTOCOL, FIRST, LAST)._asdict()}]
    return rough


def test_a_client_that_reads_nothing_is_dropped_and_the_others_are_served(tmp_path, mediad):
    with hello(tmp_path) as deaf, hello(tmp_path) as other:
        deaf.setblocking(True)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            ask_for_ever(deaf)
        other.send(b'[{"do":"list"}]')
        assert json.loads(other.recv(65536))[0]["sessions"] == []


def ask_for_ever(deaf):
    for _ in range(100_000):
        deaf.send(b'[{"do":"lease","host":"127.0.0.1","count":1},{"do":"figures","session":"x"}]')


def test_a_burst_of_calls_in_one_wake_is_carried_out_in_order(tmp_path, mediad):
    async def run():
        client, user = await connect(tmp_path)
        with Phones() as phones:
            for index in range(60):
                client.open_session(str(index), (client.take_port(HOST), client.take_port(HOST)))
                for side in (0, 1):
                    client.direct(str(index), side, phones.media(side))
                client.ask_figures(str(index))
                client.close_session(str(index))
            for index in range(60):
                _, name, (first, second) = await user.hears("figures")
                assert (name, first.destination, second.destination) == (
                    str(index), phones.sockets[0].getsockname(), phones.sockets[1].getsockname())
                assert (await user.hears("closed"))[1] == str(index)
        client.detach()

    asyncio.run(run())


MEDIA = LegMedia(("127.0.0.1", 4000))


@pytest.mark.parametrize("wrong", [{"rtp": ["host.name", 1]}, {"rtp": [1, 2]}, {"rtp": ["127.0.0.1", 70000]},
                                   {"dscp": 64}, {"dscp": -1}, {"dscp": 1 << 80}, {"payloads": [[0, 200, 8000]]},
                                   {"payloads": [[0, 0, -1]]}, {"payloads": [[0]]}, {"payloads": 5},
                                   {"signalling_host": "pbx.test"}, {"signalling_host": 5}])
def test_wrong_media_is_refused_and_the_session_goes_on(tmp_path, mediad, wrong):
    async def run():
        client, user = await connect(tmp_path)
        with Phones() as phones:
            ports = await open_call(client, user, "s", phones)
            phones.talk(ports, 1)
            client._send({"do": "direct", "session": "s", "side": 0, "media": MEDIA._replace(**wrong)})
            await user.hears("refused")
            client.close_session("s")
            await user.hears("closed")
        client.detach()

    asyncio.run(run())
