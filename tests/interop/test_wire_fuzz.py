# SPDX-License-Identifier: Apache-2.0
"""Spoilt messages over the real wire, from many sources, UDP and TCP: memory stays, nothing is noted as a bug of ours,
a call placed meanwhile succeeds.
"""

import random
import socket
import time

import pytest

from tests.fuzz.grammar import MessageGrammar
from tests.fuzz.mutation import mutate
from tests.interop.office import party, register_sipp
from tests.interop.test_calls import callee_answers, caller_hangs_up

pytestmark = pytest.mark.ours
ROUND, SOURCES = 6000, 50
GROWTH_LIMIT_KIB = 12 * 1024


def pour(server, host: str, seed: int) -> None:
    """One round: half by UDP from many ports, half by TCP in connections of a few messages each."""
    chance = random.Random(seed)
    grammar = MessageGrammar(chance)
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(SOURCES)]
    for number, opened in enumerate(sockets):
        opened.bind((host, 30000 + number))
    for number in range(ROUND // 2):
        octets = grammar.message()
        sockets[number % SOURCES].sendto(octets if chance.random() < 0.5 else mutate(chance, octets)[:65000],
                                         (server.host, server.port))
        if number % 100 == 0:
            time.sleep(0.005)
    for opened in sockets:
        opened.close()
    for _ in range(ROUND // 2 // 10):
        with socket.create_connection((server.host, server.port), 3, (host, 0)) as stream:
            try:
                stream.sendall(b"".join(grammar.request() for _ in range(9)) + mutate(chance, grammar.request()))
            except (ConnectionResetError, BrokenPipeError):
                pass                                               # closed on us: the right answer to lost framing


def test_spoilt_messages_cost_neither_memory_nor_a_call(new_server, new_sipp, network):
    host = network.new_host()
    with new_server() as server:
        called, calling = new_sipp(server), new_sipp(server)
        register_sipp(server, called, "1008")
        called.start(callee_answers(), party("1008", "1007"), calls=3, timeout_s=60).wait_listening()
        sizes = []
        for number in range(3):
            pour(server, host, number)
            calling.start(caller_hangs_up(), party("1007", "1008")).finish()
            sizes.append(server.resident_kib())
        called.finish()
        assert sizes[2] - sizes[1] < GROWTH_LIMIT_KIB, sizes
        statistics = server.show("show statistics")
        assert statistics["messages_received"]["total"] > ROUND
        assert sum(statistics["discarded_by_reason"].values()) > 300
        assert server.show("show alarms") == []
        assert "Traceback" not in server.tail(1 << 20)
