# SPDX-License-Identifier: Apache-2.0
"""The call server's end of the gate: silent where nobody is, everything told anew to whoever comes."""

import asyncio
import json
import socket

from appliance.system import gate_client
from appliance.system.gate_client import GateClient

PATIENCE_S = 20


class Journal:
    def __init__(self):
        self.events = []

    def record(self, event, **_values):
        self.events.append(event)


class Gate:
    """Listens, and reads what the first client says."""

    def __init__(self, directory):
        self.path = directory / gate_client.SOCKET_NAME
        self.path.unlink(missing_ok=True)
        self.listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listening.bind(str(self.path))
        self.listening.listen()
        self.listening.settimeout(PATIENCE_S)

    def accept(self):
        self.client = self.listening.accept()[0]
        self.client.settimeout(PATIENCE_S)

    def read(self):
        return json.loads(self.client.recv(1 << 18))

    def close(self):
        self.client.close()
        self.listening.close()


def test_it_is_missed_once_and_told_everything_when_it_comes_and_comes_again(tmp_path, monkeypatch):
    monkeypatch.setattr(gate_client, "LOOK_S", 0.02)

    async def run():
        journal = Journal()
        client = GateClient(str(tmp_path), journal)
        client.list_open = lambda: [("203.0.113.5", 10000)]
        client.list_peers = lambda: [("198.51.100.1", 5060, "udp")]
        client.open()
        await asyncio.sleep(0.1)
        assert journal.events == ["gate_absent"]
        assert not client.ban("198.51.100.7", 600, "why")       # nobody does it
        for _ in range(2):
            gate = Gate(tmp_path)
            await asyncio.to_thread(gate.accept)
            assert await asyncio.to_thread(gate.read) == ["peers", [["198.51.100.1", 5060, "udp"]]]
            assert await asyncio.to_thread(gate.read) == ["only", [["203.0.113.5", 10000]]]
            client.open_port("203.0.113.5", 10002)
            assert client.ban("198.51.100.7", 600, "why")
            client.close_port("203.0.113.5", 10002)
            said = [await asyncio.to_thread(gate.read) for _ in range(3)]
            assert said == [["open", "203.0.113.5", 10002], ["ban", "198.51.100.7", 600, "why"],
                            ["close", "203.0.113.5", 10002]]
            gate.close()
            async with asyncio.timeout(PATIENCE_S):
                while client.is_connected:
                    await asyncio.sleep(0.01)
        client.close()
        assert journal.events.count("gate_reached") == 2
    asyncio.run(run())


def test_a_gate_that_does_not_read_holds_up_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr(gate_client, "LOOK_S", 0.02)

    async def run():
        client, gate = GateClient(str(tmp_path), Journal()), Gate(tmp_path)
        client.open()
        await asyncio.to_thread(gate.accept)
        for number in range(3 * gate_client.WAITING_LIMIT):
            client.open_port("203.0.113.5", number)
            if not client.is_connected:
                break
        assert not client.is_connected              # let go; what is open is told anew
        client.close()
        gate.close()
    asyncio.run(run())
