# SPDX-License-Identifier: Apache-2.0
"""SIP over TCP as awkward peers speak it: dripping, coalesced, cut anywhere, wrong lengths, never finished."""

import random

import pytest

from tests.interop.network import PATIENCE_S
from tests.interop.raw_sip import TcpPeer, build_request, register, transact
from tests.interop.server import SECRETS

HALF_OPEN_S = 30.0


def options(peer: TcpPeer, **more) -> bytes:
    return build_request(peer, "OPTIONS", "sip:office.test", **more)


def assert_serves(peer: TcpPeer) -> None:
    answer = transact(peer, options(peer))
    assert answer is not None
    assert answer.status == 200


def test_request_that_drips_one_octet_at_a_time(tcp):
    for octet in options(tcp):
        tcp.send(bytes([octet]))
    answer = tcp.receive()
    assert answer is not None
    assert answer.status == 200


def test_messages_that_come_in_one_segment_are_all_answered_in_order(tcp):
    requests = [options(tcp, cseq=number, body=b"x" * number) for number in range(1, 21)]
    tcp.send(b"".join(requests))
    answers = [tcp.receive() for _ in requests]
    numbers = [answer.header(b"CSeq") for answer in answers if answer]
    assert numbers == [b"%d OPTIONS" % number for number in range(1, 21)]


def test_messages_cut_at_any_place(tcp):
    cuts = random.Random(7)
    stream = b"".join(options(tcp, body=b"\r\n\r\nSIP/2.0 200 OK\r\n\r\n") for _ in range(30))
    while stream:
        size = cuts.randint(1, 400)
        tcp.send(stream[:size])
        stream = stream[size:]
    assert all((answer := tcp.receive()) is not None and answer.status == 200 for _ in range(30))


@pytest.mark.ours
def test_keep_alive_is_answered_by_one_crlf(tcp):
    tcp.send(b"\r\n\r\n")                                          # RFC 5626 section 4.4.1: ping
    assert tcp.read(PATIENCE_S) == b"\r\n"                                  # pong
    assert_serves(tcp)


def test_registration_binds_the_connection(tcp):
    answer = register(tcp, "1004", SECRETS["1004"])
    assert any(tcp.hostport in contact for contact in answer.all(b"Contact"))


@pytest.mark.ours
@pytest.mark.parametrize("line", [b"Content-Length: -1", b"Content-Length: 99999999999999999999", b"X-No-Length: 1",
                                  b"Content-Length: abc", b"Content-Length: 5\r\nContent-Length: 7"])
def test_stream_whose_framing_is_lost_is_closed(tcp, line):
    tcp.send(options(tcp, body=b"12345").replace(b"Content-Length: 5", line))
    assert tcp.is_closed_within(PATIENCE_S)
    assert tcp.buffer == b"" or tcp.buffer.startswith(b"SIP/2.0 400")


@pytest.mark.ours
@pytest.mark.parametrize("octets", [b"\x00\xff" * 3000 + b"\r\n\r\n", b"GET / HTTP/1.1\r\nHost: office.test\r\n\r\n",
                                    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) + b"\r\n\r\n"],
                         ids=["binary", "http", "tls"])
def test_stream_that_is_no_sip_is_closed(tcp, octets):
    tcp.send(octets)
    assert tcp.is_closed_within(PATIENCE_S)


@pytest.mark.ours
def test_message_of_more_than_64_kib_ends_the_stream(tcp):
    try:
        tcp.send(options(tcp, body=b"x" * 70000))
    except (ConnectionResetError, BrokenPipeError):
        return
    assert tcp.is_closed_within(PATIENCE_S)


@pytest.mark.ours
def test_ten_thousand_vias_do_no_harm(server, tcp, udp):
    vias = b", ".join([b"SIP/2.0/TCP a"] * 10000)
    try:
        tcp.send(options(tcp).replace(b"\r\nMax-Forwards", b"\r\nVia: " + vias + b"\r\nMax-Forwards"))
    except (ConnectionResetError, BrokenPipeError):
        pass                                                       # closed while we were still sending: as it should be
    used_s = server.processor_s()
    answer = transact(udp, build_request(udp, "OPTIONS", "sip:office.test"))
    assert answer is not None
    assert server.processor_s() - used_s < 0.5


def test_a_peer_that_leaves_in_the_middle_of_a_message_disturbs_nobody(server, network, udp):
    for size in (1, 30, 100, 200):
        with TcpPeer((server.host, server.port), network.new_host()) as peer:
            peer.send(options(peer)[:size])
    answer = transact(udp, build_request(udp, "OPTIONS", "sip:office.test"))
    assert answer is not None
    assert answer.status == 200


def test_two_hundred_connections_at_once(server, network):
    host = network.new_host()
    peers = [TcpPeer((server.host, server.port), host) for _ in range(200)]
    for peer in peers:
        peer.send(options(peer))
    answers = [peer.receive() for peer in peers]
    for peer in peers:
        peer.close()
    assert all(answer is not None and answer.status == 200 for answer in answers)


@pytest.mark.ours
def test_half_open_stream_ends_30_s_after_it_began_however_it_drips(half_open_streams):
    """Begun by a fixture when the session began, so that the half minute passes behind the other tests."""
    lifetimes = half_open_streams.result(timeout=HALF_OPEN_S + PATIENCE_S)
    assert lifetimes.pop("idle after a whole message") is None, "a sound idle connection was closed"
    for name, lifetime_s in lifetimes.items():
        assert lifetime_s is not None, name
        assert -1 < lifetime_s - HALF_OPEN_S < 4, name
