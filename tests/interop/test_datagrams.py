# SPDX-License-Identifier: Apache-2.0
"""Where responses go (RFC 3261 section 18.2, RFC 3581), and datagrams of every size and kind."""

import os
import random
import time

import pytest

from tests.interop.raw_sip import UdpPeer, build_request, transact


def assert_serves(peer: UdpPeer) -> None:
    answer = transact(peer, build_request(peer, "OPTIONS", "sip:office.test"))
    assert answer is not None
    assert answer.status == 200


@pytest.fixture
def second(server, network, udp):
    """Another socket on the host of `udp`."""
    with UdpPeer((server.host, server.port), udp.host) as peer:
        yield peer


@pytest.mark.ours
def test_without_rport_the_response_goes_to_the_port_of_the_via(udp, second):
    request = build_request(second, "OPTIONS", "sip:office.test", rport="")
    udp.send(request)                                              # leaves from another port than its Via says
    answer = second.receive()
    assert answer is not None
    assert answer.status == 200
    assert udp.receive(0.2) is None


def test_with_rport_the_response_goes_to_the_source_port(udp, second):
    udp.send(build_request(second, "OPTIONS", "sip:office.test", rport=";rport"))
    answer = udp.receive()
    assert answer is not None
    assert b"rport=%d" % udp.port in answer.header(b"Via")         # RFC 3581 section 4
    assert b"received=%s" % udp.host.encode() in answer.header(b"Via")
    assert second.receive(0.2) is None


def test_received_is_added_where_the_via_names_another_host(udp):
    request = build_request(udp, "OPTIONS", "sip:office.test", rport="")
    udp.send(request.replace(udp.hostport, b"phone.example.com:%d" % udp.port, 1))
    answer = udp.receive()
    assert answer is not None
    assert b"received=%s" % udp.host.encode() in answer.header(b"Via")   # RFC 3261 section 18.2.1


@pytest.mark.parametrize("size", [1000, 1500, 9000, 60000])
def test_datagram_of_any_size_the_network_carries(udp, size):
    answer = transact(udp, build_request(udp, "OPTIONS", "sip:office.test", body=b"x" * size))
    assert answer is not None
    assert answer.status in (200, 513, 415)
    assert_serves(udp)


def test_the_largest_datagram(udp):
    request = build_request(udp, "OPTIONS", "sip:office.test", body=b"x" * 65000)
    udp.send(request[:65507].ljust(65507, b"x"))
    assert_serves(udp)


@pytest.mark.ours
@pytest.mark.parametrize("line", [b"v:SIP/2.0/UDP a", b"v:" + b",".join([b"SIP/2.0/UDP a"] * 500)],
                         ids=["lines", "list"])
def test_as_many_vias_as_a_datagram_holds(server, udp, line):
    vias = (line + b"\r\n") * (60000 // (len(line) + 2))
    used_s = server.processor_s()
    udp.send(build_request(udp, "OPTIONS", "sip:office.test").replace(b"Max-Forwards", vias + b"Max-Forwards", 1))
    assert_serves(udp)
    assert server.processor_s() - used_s < 0.5


NO_SIP = [b"", b"\r\n\r\n", b"\x00" * 500, b"\xff" * 1400, b"\x00\x00\x00\x00", b"hello\r\n\r\n", b"INVITE",
          b"SIP/2.0 200 OK\r\n\r\n", b"OPTIONS sip:office.test SIP/2.0\r\n\r\n"]


@pytest.mark.parametrize("octets", NO_SIP)
def test_datagram_that_is_no_sip_gets_no_answer_that_harms(udp, octets):
    udp.send(octets)
    assert_serves(udp)


def test_random_octets_and_trashed_requests(udp):
    chance = random.Random(11)
    for _ in range(300):
        octets = bytearray(build_request(udp, "INVITE", "sip:1002@office.test"))
        for _ in range(chance.randint(1, 30)):
            octets[chance.randrange(len(octets))] = chance.randrange(256)
        udp.send(bytes(octets))
        udp.send(os.urandom(chance.randrange(1200)))
    time.sleep(0.1)
    while udp.receive(0.1):
        pass
    assert_serves(udp)


def test_mixed_line_ends_are_read(udp):
    request = build_request(udp, "OPTIONS", "sip:office.test").replace(b"\r\n", b"\n")
    udp.send(request)
    udp.receive(0.5)                                               # answered or not: it must only do no harm
    assert_serves(udp)
