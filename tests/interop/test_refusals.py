# SPDX-License-Identifier: Apache-2.0
"""What the server refuses, with which status (RFC 3261 sections 8.2, 16.3, 21), and what it must never forward."""

import pytest

from tests.interop.office import clear_bindings
from tests.interop.raw_sip import UdpPeer, authorize, build_request, new_branch, register, transact
from tests.interop.server import SECRETS

pytestmark = pytest.mark.ours


def status_of(peer: UdpPeer, request: bytes, *, user: str = "") -> int:
    """The final status of a request, sent again with credentials when challenged and a user is named."""
    answer = transact(peer, request)
    assert answer is not None, "no answer"
    if user and answer.status in (401, 407):
        acknowledge(peer, request, answer)
        request = authorize(request, answer, user, SECRETS[user])
        answer = transact(peer, request)
        assert answer is not None, "no answer to the request with credentials"
    acknowledge(peer, request, answer)
    return answer.status


def acknowledge(peer: UdpPeer, request: bytes, answer) -> None:
    if request.startswith(b"INVITE"):
        head = request.split(b"\r\n\r\n", 1)[0].replace(b"INVITE ", b"ACK ", 1).replace(b" INVITE", b" ACK")
        lines = [line for line in head.split(b"\r\n") if not line.startswith((b"To:", b"Content-", b"Proxy-", b"Auth"))]
        peer.send(b"\r\n".join([*lines, b"To: " + answer.header(b"To"), b"Content-Length: 0"]) + b"\r\n\r\n")


@pytest.mark.parametrize(("method", "uri", "header"), [("REGISTER", "sip:office.test", "Require"),
                                                       ("INVITE", "sip:1002@office.test", "Proxy-Require")])
def test_unsupported_extension_gets_420(udp, method, uri, header):
    request = build_request(udp, method, uri, to="sip:1001@office.test", lines=(f"{header}: no-such-extension",))
    answer = transact(udp, request)
    assert answer is not None
    if answer.status in (401, 407):
        acknowledge(udp, request, answer)
        request = authorize(request, answer, "1001", SECRETS["1001"])
        answer = transact(udp, request)
    assert answer is not None
    acknowledge(udp, request, answer)
    assert answer.status == 420
    assert answer.header(b"Unsupported") == b"no-such-extension"    # RFC 3261 section 8.2.2.3


def test_no_hops_left_gets_483(udp):
    request = build_request(udp, "INVITE", "sip:1002@office.test", max_forwards=0)
    assert status_of(udp, request, user="1001") == 483               # RFC 3261 section 16.3 step 3


def test_options_for_the_server_itself_is_answered_with_no_hops_left(udp):
    assert status_of(udp, build_request(udp, "OPTIONS", "sip:office.test", max_forwards=0)) == 200


def test_unknown_scheme_gets_416(udp):
    request = build_request(udp, "OPTIONS", "nobodyknows:1002", to="sip:1002@office.test")
    assert status_of(udp, request, user="1001") == 416


def test_other_version_gets_505(udp):
    request = build_request(udp, "OPTIONS", "sip:office.test").replace(b" SIP/2.0\r\n", b" SIP/7.0\r\n", 1)
    assert status_of(udp, request) == 505


def test_unmatched_cancel_gets_481(udp):
    assert status_of(udp, build_request(udp, "CANCEL", "sip:1002@office.test")) == 481


def test_unmatched_ack_is_never_answered(udp):
    udp.send(build_request(udp, "ACK", "sip:1002@office.test"))
    assert udp.receive(0.3) is None


def test_method_that_the_server_does_not_serve_gets_405_or_501(udp):
    answer = transact(udp, build_request(udp, "FROBNICATE", "sip:office.test"))
    assert answer is not None
    assert answer.status in (405, 501)
    assert answer.status == 501 or answer.header(b"Allow")


def test_same_request_by_two_ways_gets_482(new_server, network):
    trusted = network.new_host()                                   # credentials sent twice would be a replay
    with (new_server(lines=[f"set sip listener office trusted {trusted}/32"]) as server,
          UdpPeer((server.host, server.port), trusted) as caller,
          UdpPeer((server.host, server.port), network.new_host()) as phone):
        register(phone, "1002", SECRETS["1002"])
        request = build_request(caller, "INVITE", "sip:1002@office.test")
        caller.send(request)
        assert phone.receive() is not None
        caller.send(request.replace(request.split(b"branch=", 1)[1].split(b";", 1)[0], new_branch(), 1))
        statuses = [answer.status for answer in iter(lambda: caller.receive(0.3), None)]
        assert statuses[:2] == [100, 482], statuses                # RFC 3261 section 8.2.2.2


@pytest.fixture
def phone(server, network):
    """The registered phone of 1002, which must not hear from strangers."""
    clear_bindings(server, network, "1002")
    with UdpPeer((server.host, server.port), network.new_host()) as peer:
        register(peer, "1002", SECRETS["1002"])
        yield peer


@pytest.mark.parametrize("method", ["INVITE", "BYE", "MESSAGE", "INFO", "UPDATE", "NOTIFY", "REFER", "ACK"])
@pytest.mark.parametrize("route", ["none", "forged"])
def test_a_tag_alone_does_not_open_the_way_to_a_phone(server, udp, phone, method, route):
    lines = (f"Route: <sip:{server.host}:{server.port};lr>",) if route == "forged" else ()
    request = build_request(udp, method, f"sip:1002@{phone.hostport.decode()}", to="sip:1002@office.test", lines=lines)
    request = request.replace(b"To: <sip:1002@office.test>", b"To: <sip:1002@office.test>;tag=guessed")
    udp.send(request)
    assert phone.receive(0.25) is None
    answer = udp.receive(0.05)
    assert answer is None or answer.status >= 300, answer


def test_a_stranger_cannot_relay_to_the_outside(udp, network, server):
    with UdpPeer((server.host, server.port), network.new_host()) as outside:
        for method in ("INVITE", "MESSAGE", "OPTIONS"):
            udp.send(build_request(udp, method, f"sip:victim@{outside.hostport.decode()}"))
        assert outside.receive(0.4) is None
