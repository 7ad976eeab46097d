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

from appliance.rtp.packet import RtpPacket, write_packet
from appliance.rtp.relaying import LegMedia, MediaRelay, PayloadMapping
from appliance.system.media.relay_client import STOCK_SIZE, RelayClient

HOST = "127.0.0.78"
PATIENCE_S = 10.0
PROGRAM = ("import sys; from appliance.config.network_kinds import PortRange;"
           "from appliance.daemons.mediad import run_mediad;"
           "sys.exit(run_mediad(sys.argv[1], PortRange(32000, 32399)))")


class User:
    """Writes down what it is told."""

    def __init__(self):
        self.told = []

    def session_silent(self, session):
        self.told.append(("silent", session))

    def session_closed(self, session, figures):
        self.told.append(("closed", session, figures))

    def session_refused(self, session, reason):
        self.told.append(("refused", session, reason))

    def figures_told(self, session, figures):
        self.told.append(("figures", session, figures))

    def relay_found(self, sessions):
        self.told.append(("found", [found.session for found in sessions], sessions))

    def relay_lost(self):
        self.told.append(("lost",))

    async def hears(self, kind):
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            for index, item in enumerate(self.told):
                if item[0] == kind:
                    return self.told.pop(index)
            await asyncio.sleep(0.005)
        raise AssertionError(f"{kind} was never told: {self.told}")


def start_mediad(state):
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(state)])
    deadline = time.monotonic() + PATIENCE_S
    while not (state / "media.sock").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return process


@pytest.fixture
def mediad(tmp_path):
    process = start_mediad(tmp_path)
    yield process
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0


async def connect(state):
    user = User()
    client: MediaRelay = RelayClient(str(state), [HOST], user)
    client.open()
    await user.hears("found")
    return client, user


async def take_port(client):
    deadline = time.monotonic() + PATIENCE_S
    while (port := client.take_port(HOST)) is None:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)
    return port


class Phones:
    """Two phones on addresses of their own, and what they send and hear."""

    def __init__(self):
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for index, opened in enumerate(self.sockets):
            opened.bind((f"127.0.0.{80 + index}", 0))
            opened.settimeout(PATIENCE_S)

    def __enter__(self):
        return self

    def __exit__(self, *_unused):
        for opened in self.sockets:
            opened.close()

    def talk(self, ports, sequence):
        for side in (0, 1):
            octets = write_packet(RtpPacket(0, sequence, sequence * 160, side + 1, b"speech"))
            self.sockets[side].sendto(octets, ports[side])
            assert self.sockets[1 - side].recv(2048) == octets

    def media(self, side):
        return LegMedia(self.sockets[side].getsockname(), None, f"127.0.0.{80 + side}", False, (PayloadMapping(0, 0),))


async def open_call(client, name, phones):
    ports = await take_port(client), await take_port(client)
    client.open_session(name, ports)
    client.direct(name, 0, phones.media(0))
    client.direct(name, 1, phones.media(1))
    client.ask_figures(name)        # answered in order: then the rest is done
    return ports


def test_a_call_is_relayed_and_its_figures_come_at_its_end(tmp_path, mediad):
    async def run():
        client, user = await connect(tmp_path)
        with Phones() as phones:
            ports = await open_call(client, "one", phones)
            await user.hears("figures")
            for sequence in range(10):
                phones.talk(ports, sequence)
            client.close_session("one")
            _, name, figures = await user.hears("closed")
            assert name == "one"
            assert [(one.packets, one.sent, one.lost, one.latch) for one in figures] == [(10, 10, 0, "latched")] * 2
        client.close()

    asyncio.run(run())


def test_sessions_survive_a_restart_of_the_call_server_and_are_adopted(tmp_path, mediad):
    async def run():
        client, user = await connect(tmp_path)
        with Phones() as phones:
            ports = await open_call(client, "kept", phones)
            await user.hears("figures")
            phones.talk(ports, 1)
            client.close()              # as if killed: nothing was said to the relay
            phones.talk(ports, 2)
            heir, told = User(), None
            heir_client = RelayClient(str(tmp_path), [HOST], heir)
            heir_client.open()
            told = await heir.hears("found")
            assert told[1] == ["kept"]
            assert told[2][0].ports == ports
            assert told[2][0].figures[0].packets == 2
            phones.talk(ports, 3)
            heir_client.hold("kept", True)
            heir_client.close_session("kept")
            assert (await heir.hears("closed"))[2][1].packets == 3
            heir_client.close()

    asyncio.run(run())


def test_unused_leases_of_a_call_server_that_is_gone_go_back(tmp_path, mediad):
    async def run():
        for _ in range(4):              # 4 x 32 of 200 pairs, resting in between: none is lost but for the quarantine
            client, _user = await connect(tmp_path)
            taken = [await take_port(client) for _ in range(STOCK_SIZE // 2)]
            assert len(set(taken)) == STOCK_SIZE // 2
            client.close()

    asyncio.run(run())


def test_a_relay_that_dies_is_reported_and_found_again_empty(tmp_path, mediad):
    async def run():
        client, user = await connect(tmp_path)
        with Phones() as phones:
            await open_call(client, "lost", phones)
            await user.hears("figures")
        mediad.kill()
        mediad.wait()
        await user.hears("lost")
        assert client.take_port(HOST) is None
        process = start_mediad_over(tmp_path)
        try:
            assert (await user.hears("found"))[1] == []
            await take_port(client)
        finally:
            client.close()
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0

    asyncio.run(run())


def start_mediad_over(state):
    """Where a killed one has left its socket."""
    assert (state / "media.sock").exists()
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(state)])


def test_a_second_process_on_the_same_directory_is_refused(tmp_path, mediad):
    second = subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, check=False,
                            timeout=PATIENCE_S)
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
        client.close()

    asyncio.run(run())


def test_a_session_that_would_send_to_itself_is_refused(tmp_path, mediad):
    async def run():
        client, user = await connect(tmp_path)
        with Phones() as phones:
            ports = await open_call(client, "circle", phones)
            await user.hears("figures")
            for side in (0, 1):
                client.direct("circle", side, LegMedia(ports[1 - side]))
                assert "own port" in (await user.hears("refused"))[2]
            phones.talk(ports, 1)
        client.close()

    asyncio.run(run())


COMMANDS = [b"{}", b'{"do":1}', b'{"do":"lease"}', b'{"do":"lease","host":"x","count":2}', b'{"do":"lease","host":5}',
            b'{"do":"lease","host":"127.0.0.1","count":1000000}', b'{"do":"open","session":"a","ports":[1,2]}',
            b'{"do":"open","session":"a","ports":[["127.0.0.1",4],["127.0.0.1",99999]]}',
            b'{"do":"return","port":null}',
            b'{"do":"close","session":{}}', b'{"do":"direct","session":"s","side":0,"media":{}}',
            b'{"do":"direct","session":"s","side":2,"media":{}}']


@pytest.mark.parametrize("octets", [*COMMANDS, b"no json", b"[" * 50000, b"[]", b"\xff\xfe"])
def test_wrong_commands_hurt_nobody(tmp_path, mediad, octets):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as rough:
        rough.settimeout(PATIENCE_S)
        rough.connect(str(tmp_path / "media.sock"))
        rough.send(octets)
        told = rough.recv(65536)
        assert (octets in COMMANDS) == bool(told)
        if told:
            message = json.loads(told)
            assert message["told"] == "refused" or message["why"] or message["ports"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as other:
        other.settimeout(PATIENCE_S)
        other.connect(str(tmp_path / "media.sock"))
        other.send(b'{"do":"list"}')
        assert json.loads(other.recv(65536)) == {"told": "sessions", "is_last": True, "sessions": []}


MEDIA = {"rtp": ["127.0.0.1", 4000], "rtcp": None, "signalling_host": None, "is_behind_nat": False, "payloads": [],
         "dscp": 46}


@pytest.mark.parametrize("wrong", [{"rtp": ["host.name", 1]}, {"rtp": [1, 2]}, {"rtp": ["127.0.0.1", 70000]},
                                   {"dscp": 64}, {"dscp": -1}, {"dscp": 1 << 80}, {"payloads": [[0, 200, 8000]]},
                                   {"payloads": [[0, 0, -1]]}, {"payloads": [[0]]}, {"payloads": 5},
                                   {"signalling_host": "pbx.test"}, {"signalling_host": 5}])
def test_wrong_media_is_refused_and_the_session_goes_on(tmp_path, mediad, wrong):
    async def run():
        client, user = await connect(tmp_path)
        with Phones() as phones:
            ports = await open_call(client, "s", phones)
            await user.hears("figures")
            phones.talk(ports, 1)
            client._send({"do": "direct", "session": "s", "side": 0, "media": MEDIA | wrong})
            await user.hears("refused")
            client.close_session("s")
            await user.hears("closed")
        client.close()

    asyncio.run(run())
