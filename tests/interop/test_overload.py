# SPDX-License-Identifier: Apache-2.0
"""More than can be served: new work is refused with 503 and Retry-After, calls in progress end well, all is calm soon.

The server is held (SIGSTOP) while a flood fills its receive buffer, as a machine that is busy elsewhere would be.
"""

import os
import signal
import socket
import time

import pytest

from tests.interop.network import PATIENCE_S, wait_until
from tests.interop.office import party, register_sipp
from tests.interop.raw_sip import SipMessage, UdpPeer, build_request
from tests.interop.test_calls import call_until_answer, callee_answers, caller_hangs_up

pytestmark = pytest.mark.ours
FLOOD = 40_000
CALM_S = 4.0


def drain(opened: socket.socket, seconds: float) -> list[SipMessage]:
    """Everything that comes until nothing has come for that long."""
    opened.settimeout(seconds)
    answers = []
    try:
        while True:
            answers.append(SipMessage(opened.recv(65536)))
    except TimeoutError:
        return answers


@pytest.fixture
def large_buffer(network, new_server):
    if os.geteuid() != 0:
        pytest.skip("needs root to have a large receive buffer")
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, 33, 32 << 20)             # SO_RCVBUFFORCE
    opened.bind((network.new_host(), 0))
    yield opened
    opened.close()


def test_flood_is_shed_and_the_call_in_progress_is_not(new_server, network, new_sipp, large_buffer):
    with new_server() as server:
        called, calling = new_sipp(server), new_sipp(server)
        register_sipp(server, called, "1002")
        called.start(callee_answers(), party("1002", "1001")).wait_listening()
        script = call_until_answer("call in a storm").pause(3000).in_dialog("BYE").receive(200)
        calling.start(script, party("1001", "1002"))
        wait_until(lambda: [call for call in server.show("show calls") if call["state"] == "answered"], PATIENCE_S,
                   "the call in progress")
        os.kill(server.process.pid, signal.SIGSTOP)
        with UdpPeer((server.host, server.port), network.new_host()) as shape:
            invite = build_request(shape, "INVITE", "sip:1002@office.test", user="1003")
        for number in range(FLOOD):
            octets = invite.replace(b"branch=z9hG4bK-", b"branch=z9hG4bK-%d-" % number)
            large_buffer.sendto(octets.replace(b"Call-ID: ", b"Call-ID: %d" % number), (server.host, server.port))
        os.kill(server.process.pid, signal.SIGCONT)
        answers = drain(large_buffer, 1.0)
        refused = [answer for answer in answers if answer.status == 503]
        assert refused, "nothing was shed"
        assert all(int(answer.header(b"Retry-After")) > 0 for answer in refused)
        calling.finish()
        called.finish()
        time.sleep(CALM_S)                                         # nothing happens; then the next calls are welcome
        called, calling = new_sipp(server), new_sipp(server)
        register_sipp(server, called, "1004")
        called.start(callee_answers(), party("1004", "1001"), calls=10).wait_listening()
        calling.start(caller_hangs_up(), party("1001", "1004"), calls=10).finish()
        called.finish()
        assert server.show("show statistics")["is_overloaded"] is False
