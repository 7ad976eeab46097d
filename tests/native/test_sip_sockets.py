# SPDX-License-Identifier: Apache-2.0
"""The datagram island against real loopback sockets."""

import ipaddress
import os
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.native.sip_sockets import DatagramSocket, pack_address


class Peer:
    """What make_flow returns: anything with `raw`."""

    def __init__(self, raw, host, port):
        self.raw, self.host, self.port = raw, host, port


def bound(host="127.0.0.1"):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    opened.bind((host, 0))
    return opened


@pytest.fixture(params=["127.0.0.1", "::1"])
def pair(request):
    """(our socket, its island, a peer's socket) on one address family."""
    ours, theirs = bound(request.param), bound(request.param)
    yield ours, DatagramSocket(ours.fileno(), Peer), theirs
    ours.close()
    theirs.close()


def test_nothing_waiting_gives_an_empty_list(pair):
    assert pair[1].receive() == []


def test_a_datagram_comes_with_its_peer_and_the_answer_goes_back(pair):
    ours, wire, theirs = pair
    theirs.sendto(b"question", ours.getsockname())
    [(octets, peer)] = wire.receive()
    assert octets == b"question"
    assert (peer.host.decode(), peer.port) == theirs.getsockname()[:2]
    assert peer.raw == pack_address(peer.host, peer.port)
    assert wire.send([(b"answer", peer)]) == 0
    assert theirs.recvfrom(100)[0] == b"answer"


def test_one_peer_is_one_object_and_its_packed_address_finds_it(pair):
    ours, wire, theirs = pair
    for _ in range(3):
        theirs.sendto(b"x", ours.getsockname())
    peers = {id(peer) for _, peer in wire.receive()}
    host, port = theirs.getsockname()[:2]
    assert peers == {id(wire.find_flow(pack_address(host.encode(), port)))}


def test_two_hundred_datagrams_come_in_order_64_at_a_time(pair):
    ours, wire, theirs = pair
    for number in range(200):
        theirs.sendto(b"%d" % number, ours.getsockname())
    batches = [wire.receive() for _ in range(5)]
    assert [len(batch) for batch in batches] == [64, 64, 64, 8, 0]
    assert [int(octets) for batch in batches for octets, _ in batch] == list(range(200))
    assert (wire.datagrams_received, wire.batches) == (200, 4)


def test_more_than_a_batch_is_sent_in_order(pair):
    _, wire, theirs = pair
    host, port = theirs.getsockname()[:2]
    peer = wire.find_flow(pack_address(host.encode(), port))
    assert wire.send([(b"%d" % number, peer) for number in range(150)]) == 0
    assert [int(theirs.recv(100)) for _ in range(150)] == list(range(150))
    assert wire.datagrams_sent == 150


def test_the_largest_datagram_passes_whole(pair):
    ours, wire, theirs = pair
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    octets = os.urandom(65_507)
    theirs.sendto(octets, ours.getsockname())
    assert [data for data, _ in wire.receive()] == [octets]


def test_empty_datagrams_are_left_out(pair):
    ours, wire, theirs = pair
    for octets in (b"", b"a", b"", b"b"):
        theirs.sendto(octets, ours.getsockname())
    assert [octets for octets, _ in wire.receive()] == [b"a", b"b"]


def test_a_datagram_over_the_limit_is_dropped_and_counted(pair):
    ours, _, theirs = pair
    wire = DatagramSocket(ours.fileno(), Peer, size_limit=10)
    for octets in (b"0123456789", b"01234567890", b"last"):
        theirs.sendto(octets, ours.getsockname())
    assert [octets for octets, _ in wire.receive()] == [b"0123456789", b"last"]
    assert wire.datagrams_truncated == 1


def test_what_one_destination_refuses_does_not_stop_the_others(pair):
    _, wire, theirs = pair
    host, port = theirs.getsockname()[:2]
    good = wire.find_flow(pack_address(host.encode(), port))
    wrong_family = Peer(pack_address(b"127.0.0.1" if ":" in host else b"::1", 9), b"", 9)
    too_long = b"x" * 70_000
    refused = wire.send([(b"1", good), (b"lost", wrong_family), (b"2", good), (too_long, good), (b"3", good)])
    assert refused == wire.datagrams_refused == 2
    assert [theirs.recv(100) for _ in range(3)] == [b"1", b"2", b"3"]
    assert wire.datagrams_sent == 3


def test_an_unreachable_peer_costs_no_other_peer_a_datagram():
    """With IP_RECVERR the kernel reports a port-unreachable to the next call, whomever that is about."""
    ours, theirs, dead = bound(), bound(), bound()
    ours.setsockopt(socket.IPPROTO_IP, 11, 1)
    wire = DatagramSocket(ours.fileno(), Peer)
    gone = wire.find_flow(pack_address(b"127.0.0.1", dead.getsockname()[1]))
    alive = wire.find_flow(pack_address(b"127.0.0.1", theirs.getsockname()[1]))
    dead.close()
    wire.send([(b"to nobody", gone)] * 3)
    assert wire.send([(b"%d" % number, alive) for number in range(10)]) == 0
    assert [int(theirs.recv(100)) for _ in range(10)] == list(range(10))
    wire.send([(b"to nobody", gone)])
    theirs.sendto(b"hello", ours.getsockname())
    assert [octets for octets, _ in wire.receive()] == [b"hello"]
    ours.close()
    theirs.close()


def test_a_closed_descriptor_is_an_error_and_not_silence():
    ours = bound()
    wire = DatagramSocket(ours.fileno(), Peer)
    ours.close()
    with pytest.raises(OSError, match="descriptor"):
        wire.receive()
    with pytest.raises(OSError):
        wire.pressure()


def test_pressure_tells_what_waits_and_what_was_dropped():
    ours, theirs = bound(), bound()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    wire = DatagramSocket(ours.fileno(), Peer)
    waiting, size, dropped = wire.pressure()
    assert (waiting, dropped) == (0, 0)
    assert size == ours.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    for _ in range(100):
        theirs.sendto(b"x" * 500, ours.getsockname())
    waiting, _, dropped = wire.pressure()
    received = len(wire.receive())
    assert waiting > 0
    assert received > 0
    assert received + dropped == 100
    ours.close()
    theirs.close()


def numbered_address(number):
    return pack_address(b"10.%d.%d.%d" % (number >> 16 & 255, number >> 8 & 255, number & 255), 5060)


def test_strangers_are_forgotten_and_a_held_flow_stays_the_same_object():
    ours = bound()
    wire = DatagramSocket(ours.fileno(), Peer, flow_limit=100)
    held = [wire.find_flow(numbered_address(number)) for number in range(20)]
    for number in range(1000, 6000):
        wire.find_flow(numbered_address(number))
        assert wire.flow_count <= 100 + 2 * len(held)
    assert all(wire.find_flow(peer.raw) is peer for peer in held)
    ours.close()


def test_a_peer_heard_of_again_and_again_is_not_forgotten_for_strangers():
    ours = bound()
    made = []

    def make_peer(raw, host, port):
        made.append(host)
        return Peer(raw, host, port)
    wire = DatagramSocket(ours.fileno(), make_peer, flow_limit=100)
    for number in range(1000, 3000):
        wire.find_flow(numbered_address(number))
        wire.find_flow(numbered_address(1))
    assert made.count(b"10.0.0.1") == 1
    ours.close()


def test_an_error_in_make_flow_comes_out_and_the_socket_goes_on():
    ours, theirs = bound(), bound()
    wire = DatagramSocket(ours.fileno(), Peer)
    failing = DatagramSocket(ours.fileno(), lambda raw, host, port: 1 / 0)
    theirs.sendto(b"a", ours.getsockname())
    with pytest.raises(ZeroDivisionError):
        failing.receive()
    theirs.sendto(b"b", ours.getsockname())
    assert [octets for octets, _ in wire.receive()] == [b"b"]
    ours.close()
    theirs.close()


@pytest.mark.parametrize("entry", [(b"x", None), ("text", 1), b"xx", (b"x",)])
def test_an_entry_that_is_no_datagram_is_a_type_or_attribute_error(entry):
    ours = bound()
    with pytest.raises((TypeError, AttributeError, ValueError)):
        DatagramSocket(ours.fileno(), Peer).send([entry])
    ours.close()


def test_a_raw_address_that_is_too_long_is_refused():
    ours = bound()
    with pytest.raises(ValueError, match="packed"):
        DatagramSocket(ours.fileno(), Peer).send([(b"x", Peer(b"x" * 200, b"", 0))])
    ours.close()


@given(st.ip_addresses(v=4), st.integers(0, 65535))
def test_packed_ipv4_is_the_kernels_form(address, port):
    assert pack_address(str(address).encode(), port) == (
        struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + address.packed + bytes(8))


@given(st.ip_addresses(v=6), st.integers(0, 65535))
def test_packed_ipv6_is_the_kernels_form_and_unpacks_to_the_same_address(address, port):
    raw = pack_address(str(address).encode(), port)
    assert raw == struct.pack("=H", socket.AF_INET6) + struct.pack("!HI", port, 0) + address.packed + bytes(4)
    ours = bound()
    peer = DatagramSocket(ours.fileno(), Peer).find_flow(raw)
    ours.close()
    assert ipaddress.IPv6Address(peer.host.decode()) == address
    assert peer.port == port


@pytest.mark.parametrize("host", [b"", b"example.com", b"[::1]", b"1.2.3", b"127.0.0.1\0", b"::1 ", b"fe80::1%lo"])
def test_what_is_no_numeric_address_is_a_value_error(host):
    with pytest.raises(ValueError):
        pack_address(host, 5060)


@pytest.mark.parametrize("raw", [b"", b"\2", bytes(16), bytes(28), b"x" * 100])
def test_octets_that_are_no_packed_address_find_no_flow(raw):
    ours = bound()
    with pytest.raises(ValueError):
        DatagramSocket(ours.fileno(), Peer).find_flow(raw)
    ours.close()
