# SPDX-License-Identifier: Apache-2.0
"""The same over IPv6: registration by raw SIP and SIPp, a call, references in brackets; calls between the families."""

import socket

import pytest

from tests.interop.network import free_port
from tests.interop.office import SERVER, party, register_sipp
from tests.interop.raw_sip import TcpPeer, UdpPeer, build_request, register, transact
from tests.interop.server import SECRETS
from tests.interop.sipp import Sipp
from tests.interop.test_calls import callee_answers, caller_hangs_up

LOOPBACK = "::1"
pytestmark = pytest.mark.ours


@pytest.fixture(scope="module")
def server(network, tmp_path_factory):
    """A server on ::1, on a port of its own since there is only one such address."""
    try:
        port = free_port(LOOPBACK)
    except OSError:
        pytest.skip("needs IPv6 on the loopback interface")
    assert socket.has_ipv6
    four = [f"set sip listener four {leaf}" for leaf in (f"address {network.host(66)}", "port 5060", "transport udp")]
    with SERVER(tmp_path_factory.mktemp("ipv6"), LOOPBACK, port, lines=four) as running:
        yield running


@pytest.mark.parametrize("kind", [UdpPeer, TcpPeer])
def test_registration(server, kind):
    with kind((server.host, server.port), LOOPBACK) as peer:
        answer = register(peer, "1001", SECRETS["1001"])
        assert any(peer.hostport in contact for contact in answer.all(b"Contact"))
        assert b"received=::1" in answer.header(b"Via") or b"[::1]" in answer.header(b"Via")


def test_options(server):
    with UdpPeer((server.host, server.port), LOOPBACK) as peer:
        answer = transact(peer, build_request(peer, "OPTIONS", f"sip:[::1]:{server.port}"))
        assert answer is not None
        assert answer.status == 200


def test_call(server, new_sipp):
    called, calling = new_sipp(server, host=LOOPBACK), new_sipp(server, host=LOOPBACK)
    register_sipp(server, called, "1002")
    called.start(callee_answers(), party("1002", "1001")).wait_listening()
    calling.start(caller_hangs_up(), party("1001", "1002")).finish()
    called.finish()
    assert f"Record-Route: <sip:[::1]:{server.port}" in called.received("INVITE")[0]


@pytest.mark.parametrize("is_caller_on_ipv6", [True, False])
def test_call_between_the_families_passes_both_listeners(server, network, tmp_path, is_caller_on_ipv6):
    """RFC 5658 section 4: two Record-Route values, so that each side sees an address of its own family."""
    six = {"host": LOOPBACK, "server": (server.host, server.port)}
    four = {"host": network.new_host(), "server": (network.host(66), 5060)}
    calling_side, called_side = (six, four) if is_caller_on_ipv6 else (four, six)
    with (Sipp(network, tmp_path / "callee", **called_side) as called,
          Sipp(network, tmp_path / "caller", **calling_side) as calling):
        with UdpPeer(called.server, called.host) as peer:
            register(peer, "1003", SECRETS["1003"], contact="*", expires_s=0)
            register(peer, "1003", SECRETS["1003"], contact=f"<sip:1003@{called.contact}>")
        called.start(callee_answers(), party("1003", "1001")).wait_listening()
        calling.start(caller_hangs_up(), party("1001", "1003")).finish()
        called.finish()
        routes = [line for line in called.received("INVITE")[0].splitlines() if line.startswith("Record-Route:")]
        assert "".join(routes).count("<sip:") == 2
        assert ("[::1]" in routes[0].split(",")[0]) is not is_caller_on_ipv6      # the callee's side comes first
