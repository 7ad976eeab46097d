# SPDX-License-Identifier: Apache-2.0
"""The relay against real loopback sockets: who is heard, where media goes, what is counted, what may change."""

import contextlib
import select
import socket
import struct
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.native.packet_relay import PacketRelay
from appliance.native.sip_sockets import pack_address
from appliance.rtp.packet import RtpPacket, write_packet
from appliance.rtp.reception import Reception
from appliance.rtp.relaying import DirectionFigures
from appliance.rtp.rtcp import ReceiverReport, write_compound

PATIENCE_S = 20.0
NOBODY = b""


def bound(host, port=0):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    opened.bind((host, port))
    return opened


def packed(address):
    return pack_address(address[0].encode(), address[1])


def rtp(sequence, payload=b"x" * 160, payload_type=0, ssrc=7, timestamp=None):
    return write_packet(RtpPacket(payload_type, sequence % 65536, (sequence * 160 if timestamp is None else timestamp)
                                  % (1 << 32), ssrc, payload))


def received_by(opened, patience_s=PATIENCE_S):
    """The next datagram, or None after patience_s."""
    if not select.select([opened], [], [], patience_s)[0]:
        return None
    return opened.recv(4096)


class KeepingReception(Reception):
    """Keeps beside what was counted before a restart, as the relay does."""

    former_expected = former_received = 0

    def _begin(self, sequence):
        if getattr(self, "received", 0):
            self.former_expected += self.expected
            self.former_received += self.received
        super()._begin(sequence)


class Call:
    """One session between two phones on addresses of their own, with a stranger beside."""

    def __init__(self, relay, hosts=("127.0.0.2", "127.0.0.3"), is_multiplexed=(False, False), key=None):
        self.relay = relay
        loopback = ["::1" if ":" in host else "127.0.0.1" for host in hosts]
        own = [(bound(host), None if is_muxed else bound(host))
               for host, is_muxed in zip(loopback, is_multiplexed, strict=True)]
        self.ports = [[opened and opened.getsockname() for opened in leg] for leg in own]
        self.phones = [bound(host) for host in hosts]
        self.reporters = [bound(host) for host in hosts]
        self.stranger = bound("127.0.0.66")
        self.handle = relay.open_session(*(tuple(opened.detach() if opened else -1 for opened in leg) for leg in own),
                                         key)

    def direct(self, side, signalling=NOBODY, announced=None, is_behind_nat=False, is_multiplexed=False):
        rtp_address = packed(self.phones[side].getsockname()) if announced is None else announced
        rtcp_address = rtp_address if is_multiplexed else packed(self.reporters[side].getsockname())
        self.relay.direct(self.handle, side, (rtp_address, rtcp_address, signalling), is_behind_nat)

    def send(self, side, octets, sender=None, port=0):
        (sender or self.phones[side]).sendto(octets, self.ports[side][port])

    def figures(self, side):
        return DirectionFigures(*self.relay.statistics(self.handle, side))

    def settle(self, side, count):
        """Wait until the relay has judged that many packets from that side."""
        for _ in range(2000):
            figures = self.figures(side)
            if sum((figures.packets, figures.reports, figures.foreign, figures.malformed)) >= count:
                return figures
            select.select([], [], [], 0.001)
        raise AssertionError(f"not {count} packets: {figures}")

    def close(self):
        for opened in (*self.phones, *self.reporters, self.stranger):
            opened.close()
        with contextlib.suppress(KeyError):
            self.relay.close_session(self.handle)


@pytest.fixture
def relay():
    made = PacketRelay(64)
    thread = threading.Thread(target=made.run)
    thread.start()
    yield made
    made.stop()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()


@pytest.fixture
def make_call(relay):
    calls = []

    def make(**wanted):
        calls.append(Call(relay, **wanted))
        return calls[-1]

    yield make
    for call in calls:
        call.close()


@pytest.mark.parametrize("hosts", [("127.0.0.2", "127.0.0.3"), ("::1", "127.0.0.3"), ("::1", "::1")])
def test_media_passes_both_ways(make_call, hosts):
    call = make_call(hosts=hosts)
    call.direct(0)
    call.direct(1)
    for side in (0, 1):
        call.send(side, rtp(side))
        assert received_by(call.phones[1 - side]) == rtp(side)
        call.send(side, write_compound([ReceiverReport(9)]), call.reporters[side], 1)
        assert received_by(call.reporters[1 - side]) == write_compound([ReceiverReport(9)])
    assert [call.figures(side).latch for side in (0, 1)] == ["latched"] * 2


def test_nothing_is_heard_before_the_leg_is_directed(make_call):
    call = make_call()
    call.direct(1)
    call.send(0, rtp(0))
    assert call.settle(0, 1).foreign == 1
    assert received_by(call.phones[1], 0.05) is None


def test_what_came_before_the_session_is_nobodys_first_packet(relay):
    ours = [bound("127.0.0.1") for _ in range(4)]
    with bound("127.0.0.2") as early, bound("127.0.0.3") as far:
        address = ours[0].getsockname()
        for _ in range(20):
            early.sendto(rtp(1), address)
        numbers = [opened.detach() for opened in ours]
        handle = relay.open_session(tuple(numbers[:2]), tuple(numbers[2:]))
        relay.direct(handle, 0, (packed(early.getsockname()), NOBODY, NOBODY))
        relay.direct(handle, 1, (packed(far.getsockname()), NOBODY, NOBODY))
        early.sendto(rtp(2), address)
        assert received_by(far) == rtp(2)
        assert relay.statistics(handle, 0)[0] == 1
        relay.close_session(handle)


def test_the_first_source_on_the_host_of_the_signalling_is_latched(make_call):
    """A phone behind NAT, or one whose SDP names another of its addresses."""
    call = make_call()
    call.direct(0, packed(("127.0.0.2", 5060)), packed(("192.0.2.1", 4000)), is_behind_nat=True)
    call.direct(1)
    call.send(0, rtp(0))
    assert received_by(call.phones[1]) == rtp(0)
    call.send(1, rtp(5))
    assert received_by(call.phones[0]) == rtp(5)
    assert call.figures(0).heard == call.figures(0).destination == packed(call.phones[0].getsockname())


@pytest.mark.parametrize("is_behind_nat", [False, True])
def test_who_sprays_the_ports_neither_hears_nor_injects(make_call, is_behind_nat):
    """Before the first packet of the phone, and after it, whatever the stranger sends and however much."""
    call = make_call()
    call.direct(0, packed(("127.0.0.2", 5060)), is_behind_nat=is_behind_nat)
    call.direct(1)
    for index in range(9):
        call.send(0, rtp(index, ssrc=666), call.stranger)
    call.settle(0, 9)
    call.send(1, rtp(1))
    assert received_by(call.phones[0]) == rtp(1)        # to the announced address, nowhere else
    call.send(0, rtp(100))
    for index in range(9, 60):
        call.send(0, rtp(index, ssrc=666), call.stranger)
        call.send(0, write_compound([ReceiverReport(666)]), call.stranger, 1)
    figures = call.settle(0, 112)
    assert received_by(call.phones[1]) == rtp(100)
    assert received_by(call.phones[1], 0.05) is None
    assert received_by(call.reporters[1], 0.05) is None
    call.send(1, rtp(2))
    assert received_by(call.phones[0]) == rtp(2)
    assert received_by(call.stranger, 0.05) is None
    assert (figures.packets, figures.foreign) == (1, 111)


def test_another_port_of_a_latched_host_is_a_stranger(make_call):
    call = make_call()
    call.direct(0, packed(("127.0.0.2", 5060)))
    call.direct(1)
    call.send(0, rtp(0))
    call.send(0, rtp(1), call.reporters[0])
    figures = call.settle(0, 2)
    assert (figures.packets, figures.foreign) == (1, 1)


def test_a_source_beside_the_announced_port_is_heard_but_media_goes_where_the_sdp_says(make_call):
    """Its signalling comes from elsewhere, as with a carrier that sends from one port and listens on another."""
    call = make_call()
    call.direct(0, packed(("127.0.0.9", 5060)))
    call.direct(1)
    call.send(0, rtp(0), call.reporters[0])
    assert received_by(call.phones[1]) == rtp(0)
    call.send(1, rtp(1))
    assert received_by(call.phones[0]) == rtp(1)


def test_behind_nat_another_host_must_prove_itself_alone(make_call):
    call = make_call()
    call.direct(0, packed(("127.0.0.9", 5060)), packed(("192.0.2.1", 4000)), is_behind_nat=True)
    call.direct(1)
    for index in range(9):
        call.send(0, rtp(index))
    call.send(0, rtp(1, ssrc=666), call.stranger)       # interrupts: it begins anew
    for index in range(9, 18):
        call.send(0, rtp(index))
    assert call.settle(0, 19).latch == "waiting"
    call.send(0, rtp(18))
    assert call.settle(0, 20).latch == "provisional"
    assert received_by(call.phones[1]) == rtp(18)
    call.send(0, rtp(2, ssrc=666), call.stranger)
    assert call.settle(0, 21).packets == 1
    with bound("127.0.0.9") as owner:                   # the host of the signalling takes its place
        call.send(0, rtp(50), owner)
        assert received_by(call.phones[1]) == rtp(50)
        call.send(0, rtp(19))
        assert call.settle(0, 23).heard == packed(owner.getsockname())
        assert received_by(call.phones[1], 0.05) is None


def test_a_refresh_keeps_the_latch_and_a_new_address_lets_it_go(make_call):
    call = make_call()
    call.direct(0, packed(("127.0.0.2", 5060)))
    call.direct(1)
    call.send(0, rtp(0), call.reporters[0])
    assert call.settle(0, 1).heard == packed(call.reporters[0].getsockname())
    call.direct(0, packed(("127.0.0.2", 5062)))
    assert call.figures(0).heard == packed(call.reporters[0].getsockname())
    moved = packed(("127.0.0.8", 4444))
    call.direct(0, packed(("127.0.0.2", 5062)), moved)
    assert (call.figures(0).latch, call.figures(0).destination) == ("waiting", moved)


def test_payload_types_are_renamed_per_direction_and_collisions_dropped(make_call):
    call = make_call()
    call.direct(0)
    call.direct(1)
    call.relay.map_payloads(call.handle, 0, [(96, 101, 0), (0, 0, 8000)])
    call.relay.map_payloads(call.handle, 1, [(101, 96, 0), (0, 0, 8000)])
    marked = bytearray(rtp(1, payload_type=96))
    marked[1] |= 0x80
    call.send(0, rtp(0))
    call.send(0, bytes(marked))
    call.send(0, rtp(2, payload_type=101))      # the other side would take it for the event it knows by this number
    call.send(0, rtp(3, payload_type=13))
    assert received_by(call.phones[1]) == rtp(0)
    assert received_by(call.phones[1])[:2] == bytes([0x80, 0x80 | 101])
    assert received_by(call.phones[1]) == rtp(3, payload_type=13)
    assert call.settle(0, 4).unmapped == 1
    call.send(1, rtp(1, payload_type=101))
    assert received_by(call.phones[0]) == rtp(1, payload_type=96)


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("has_own_port", [True, False])
def test_multiplexed_reports_find_the_port_of_the_other_leg(make_call, side, has_own_port):
    """RFC 5761 4: told apart by the second octet."""
    call = make_call(is_multiplexed=(not has_own_port and side == 0, not has_own_port and side == 1))
    call.direct(side, is_multiplexed=True)
    call.direct(1 - side)
    report = write_compound([ReceiverReport(3)])
    call.send(side, report)
    call.send(side, rtp(1))
    assert received_by(call.reporters[1 - side]) == report
    assert received_by(call.phones[1 - side]) == rtp(1)
    call.send(1 - side, report, call.reporters[1 - side], 1)
    assert received_by(call.phones[side]) == report


@pytest.mark.parametrize("octets", [b"", b"x", bytes(12), b"\x80" * 11, b"\x8f" + bytes(30), b"\x00\x01" + bytes(18),
                                    b"\x80\x00" + bytes(3000)])
def test_what_is_no_rtp_does_not_pass(make_call, octets):
    call = make_call()
    call.direct(0)
    call.direct(1)
    call.send(0, octets)
    call.send(0, rtp(1))
    assert received_by(call.phones[1]) == rtp(1)
    figures = call.figures(0)
    assert (figures.malformed, figures.packets) == (1, 1)


@settings(max_examples=40)
@given(first=st.integers(0, 65535), steps=st.lists(st.sampled_from([1, 1, 1, 1, 2, 3, 0, -1, -2, 200, 4000, 40000]),
                                                   min_size=1, max_size=40))
def test_figures_are_those_of_the_rfc(first, steps):
    """The island's A.1 and A.3 beside the readable ones, over loss, reordering, repetition, jumps and wraps."""
    numbers, reference = [first], KeepingReception(7, first)
    for step in steps:
        numbers.append((numbers[-1] + step) % 65536)
    for number in numbers:
        reference.receive(number, 0, 0.0)
    relay = PacketRelay(1)
    thread = threading.Thread(target=relay.run)
    thread.start()
    call = Call(relay)
    try:
        call.direct(0)
        call.direct(1)
        for number in numbers:
            call.send(0, rtp(number))
        figures = call.settle(0, len(numbers))
    finally:
        call.close()
        relay.stop()
        thread.join()
    assert figures.expected == reference.former_expected + reference.expected
    assert figures.received == reference.former_received + reference.received
    assert (figures.packets, figures.lost) == (len(numbers), figures.expected - figures.received)


def test_a_new_source_keeps_what_was_counted(make_call):
    call = make_call()
    call.direct(0)
    call.direct(1)
    for index in (0, 1, 2, 5):
        call.send(0, rtp(index))
    for index in (900, 901, 902):
        call.send(0, rtp(index, ssrc=8))
    figures = call.settle(0, 7)
    assert (figures.expected, figures.received, figures.lost) == (5 + 2, 3 + 2, 2)
    assert (figures.ssrc, figures.sources) == (8, 2)


def test_jitter_is_measured_from_the_packets(make_call):
    call = make_call()
    call.direct(0)
    call.direct(1)
    for index in range(40):     # timestamps say 20 ms, packets come at once: the deviation grows towards 20 ms
        call.send(0, rtp(index))
        call.settle(0, index + 1)
    assert 5.0 < call.figures(0).jitter_ms < 20.5
    call.relay.map_payloads(call.handle, 0, [(101, 101, 0)])
    before = call.figures(0).jitter_ms
    call.send(0, rtp(40, payload_type=101, timestamp=0))
    call.settle(0, 41)
    assert call.figures(0).jitter_ms == before


def test_silence_is_found_except_on_hold(make_call, relay):
    call = make_call()
    call.direct(0)
    select.select([], [], [], 0.02)
    assert relay.find_silent(0.01) == []        # nobody has said where the other side is
    call.direct(1)
    assert relay.find_silent(30.0) == []
    select.select([], [], [], 0.02)
    assert [found[:2] for found in relay.find_silent(0.01)] == [(call.handle, 0), (call.handle, 1)]
    assert all(0.02 <= seconds < PATIENCE_S for _, _, seconds in relay.find_silent(0.01))
    relay.hold(call.handle, True)
    select.select([], [], [], 0.02)
    assert relay.find_silent(0.01) == []
    relay.hold(call.handle, False)
    assert relay.find_silent(0.01) == []
    call.send(0, rtp(1))
    call.settle(0, 1)
    assert relay.find_silent(0.5) == []


def test_silence_is_told_of_each_leg(make_call, relay):
    call = make_call()
    call.direct(0)
    call.direct(1)
    select.select([], [], [], 0.3)
    call.send(1, write_compound([ReceiverReport(9)]), call.reporters[1], 1)
    call.settle(1, 1)
    assert [found[:2] for found in relay.find_silent(0.3)] == [(call.handle, 0)]
    call.direct(1)                              # an offer or answer: whoever was silent has time again
    assert relay.find_silent(0.3) == []


def test_the_last_source_that_is_not_heard_is_named(make_call):
    call = make_call()
    call.direct(0)
    call.send(0, rtp(0))
    call.settle(0, 1)
    assert call.figures(0).stranger == NOBODY
    call.send(0, rtp(1), call.stranger)
    assert call.settle(0, 2).stranger == packed(call.stranger.getsockname())


@pytest.mark.parametrize("host", ["127.0.0.2", "::1"])
def test_packets_are_marked_with_the_dscp(make_call, relay, host):
    call = make_call(hosts=(host, host))
    call.direct(0)
    call.direct(1)
    relay.set_dscp(call.handle, 1, 46)
    level, option, kind = ((socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, socket.IPV6_TCLASS) if ":" in host else
                           (socket.IPPROTO_IP, socket.IP_RECVTOS, socket.IP_TOS))
    call.phones[1].setsockopt(level, option, 1)
    call.send(0, rtp(0))
    assert select.select([call.phones[1]], [], [], PATIENCE_S)[0]
    [(_, found, octet)] = call.phones[1].recvmsg(4096, 64)[1]
    assert (found, octet[0]) == (kind, 46 << 2)


def test_sessions_come_and_go_while_others_talk(make_call, relay):
    call = make_call()
    call.direct(0)
    call.direct(1)
    for turn in range(100):
        other = Call(relay, hosts=("127.0.0.4", "127.0.0.5"))
        other.direct(0)
        other.send(0, rtp(turn))
        call.send(0, rtp(turn))
        assert received_by(call.phones[1]) == rtp(turn)
        other.close()
    assert relay.session_count == 1
    assert call.figures(0).lost == 0


def test_a_closed_session_is_unknown_and_gives_its_last_figures(make_call, relay):
    call = make_call()
    call.direct(0)
    call.direct(1)
    call.send(0, rtp(0))
    call.settle(0, 1)
    first, second = relay.close_session(call.handle)
    assert (first[0], second[0]) == (1, 0)
    for use in (lambda: relay.close_session(call.handle), lambda: relay.statistics(call.handle, 0),
                lambda: relay.hold(call.handle, True), lambda: relay.set_dscp(call.handle, 0, 46),
                lambda: relay.map_payloads(call.handle, 0, []), lambda: call.direct(0)):
        with pytest.raises(KeyError):
            use()


def test_sessions_are_bounded_and_a_refused_one_leaves_its_sockets():
    relay = PacketRelay(1)
    with bound("127.0.0.1") as one, bound("127.0.0.1") as other:
        first = relay.open_session((one.fileno(), -1), (other.fileno(), -1))
        with bound("127.0.0.1") as third, bound("127.0.0.1") as fourth:
            with pytest.raises(OverflowError):
                relay.open_session((third.fileno(), -1), (fourth.fileno(), -1))
            assert third.getsockname()
        relay.close_session(first)
        one.detach()
        other.detach()


def test_wrong_values_are_refused(make_call, relay):
    call = make_call()
    for use in (lambda: PacketRelay(0), lambda: relay.open_session((-1, -1), (-1, -1)),
                lambda: relay.set_dscp(call.handle, 0, 64), lambda: relay.statistics(call.handle, 2),
                lambda: relay.direct(call.handle, 0, (b"xx", b"", b"")),
                lambda: relay.direct(call.handle, 0, (b"", b"")),
                lambda: relay.map_payloads(call.handle, 0, [(0, 128, 8000)])):
        with pytest.raises(ValueError):
            use()


def test_a_busy_interpreter_does_not_hold_up_the_relay(make_call):
    """A thread that keeps the GIL busy: the packets go on, since none of them needs it."""
    call = make_call()
    call.direct(0)
    call.direct(1)
    is_over = threading.Event()

    def spin():
        while not is_over.is_set():
            sum(range(1000))

    spinner = threading.Thread(target=spin)
    spinner.start()
    try:
        for index in range(30):
            call.send(0, rtp(index))
            assert received_by(call.phones[1]) == rtp(index)
    finally:
        is_over.set()
        spinner.join()


def test_packed_addresses_are_what_the_kernel_writes():
    assert packed(("127.0.0.1", 4000))[2:8] == struct.pack("!H4s", 4000, bytes([127, 0, 0, 1]))
