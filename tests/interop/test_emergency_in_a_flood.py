# SPDX-License-Identifier: Apache-2.0
"""A call for help in the middle of more than can be served, over the wire."""

import os
import signal
import socket

import pytest

from tests.interop.carrier_emulator.desk_phone import Desk, DeskPhone
from tests.interop.carrier_emulator.emulator import CarrierEmulator
from tests.interop.carrier_emulator.habits import GENERIC
from tests.interop.gateway import ACCOUNT, DESKS, Gateway, trunk_lines
from tests.interop.network import PATIENCE_S, wait_until
from tests.interop.raw_sip import SipMessage, UdpPeer, build_request
from tests.interop.test_overload import FLOOD, large_buffer  # noqa: F401

pytestmark = pytest.mark.ours
CALLS, BETWEEN = 5, 500


def flood(opened: socket.socket, server: Gateway, octets: bytes, numbers: range) -> None:
    for number in numbers:
        each = octets.replace(b"branch=z9hG4bK-", b"branch=z9hG4bK-%d-" % number)
        opened.sendto(each.replace(b"Call-ID: ", b"Call-ID: %d" % number), (server.host, server.port))


def has_refused(opened: socket.socket) -> bool:
    """Whether a 503 is among what has come so far; that is read."""
    opened.settimeout(0.1)
    try:
        while SipMessage(opened.recv(65536)).status != 503:
            pass
    except TimeoutError:
        return False
    return True


def test_a_call_for_help_passes_where_others_are_shed(network, tmp_path, large_buffer):  # noqa: F811
    with CarrierEmulator(GENERIC, network.new_host(), account=ACCOUNT) as carrier:
        lines = [*trunk_lines("carrier", carrier), "set trunk carrier emergency true"]
        with Gateway(tmp_path / "gateway", network, lines) as gateway, DeskPhone(
                network.new_host(), (gateway.host, 5060), Desk("201", DESKS["201"])) as phone:
            phone.register()
            carrier.wait_registered()
            with UdpPeer((gateway.host, gateway.port), network.new_host()) as shape:
                invite = build_request(shape, "INVITE", "sip:202@office.test", user="202")
            os.kill(gateway.process.pid, signal.SIGSTOP)
            flood(large_buffer, gateway, invite, range(FLOOD))
            os.kill(gateway.process.pid, signal.SIGCONT)
            wait_until(lambda: has_refused(large_buffer), PATIENCE_S, "the first 503")
            calls = []
            for turn in range(CALLS):
                flood(large_buffer, gateway, invite, range(FLOOD + turn * BETWEEN, FLOOD + (turn + 1) * BETWEEN))
                calls.append(phone.dial("110"))
            assert [call.wait_status() for call in calls] == [200] * CALLS
            assert {letter.start.split(b"@")[0] for letter in carrier.seen(b"INVITE")} == {b"INVITE sip:110"}
            for call in calls:
                assert 503 not in call.statuses(b"INVITE")
                call.bye()
            gateway.wait_no_calls()
