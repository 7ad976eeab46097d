# SPDX-License-Identifier: Apache-2.0
"""What the desk of the relay tells of its own: silence of a leg, of a session. And what it does with what is said."""

import os
import random
import socket
import threading
import time

import pytest

from appliance.daemons.mediad import share_descriptors
from appliance.native.packet_relay import PacketRelay
from appliance.rtp.packet import RtpPacket, write_packet
from appliance.rtp.relaying import LegMedia, PayloadMapping
from appliance.system.media.port_pool import PortPool
from appliance.system.media.relay_desk import RelayDesk
from tests.system.media_phones import HOST, PATIENCE_S

LEG_S, SESSION_S = 0.3, 0.9
EXPEDITED, BEST_EFFORT = 46, 0


class Desk:
    """A desk with one session between two phones."""

    def __init__(self):
        self.relay = PacketRelay(4)
        self.thread = threading.Thread(target=self.relay.run)
        self.thread.start()
        self.pool = PortPool(36000, 36099, random.Random(1).randrange)
        self.desk = RelayDesk(self.relay, self.pool, 6, LEG_S, SESSION_S)
        self.leases = {}
        self.phones = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for index, phone in enumerate(self.phones):
            phone.bind((f"127.0.0.{82 + index}", 0))
            phone.settimeout(PATIENCE_S)
        [told] = self.obey("lease", host=HOST, count=2)
        self.ports = told["ports"]
        assert self.obey("open", ports=self.ports) == []

    def obey(self, do, **more):
        return self.desk.obey({"do": do, "session": "s", **more}, self.leases, 0.0)

    def direct(self, side, **more):
        told = self.obey("direct", side=side, media=LegMedia(self.phones[side].getsockname())._replace(**more))
        assert told == []

    def talk(self, side, payload_type=0, number=1):
        self.phones[side].sendto(write_packet(RtpPacket(payload_type, number, number * 160, side, b"speech")),
                                 self.ports[side])
        return self.phones[1 - side].recv(2048)

    def hears(self, *expected, while_talking=None):
        """These are told next, within patience, of whoever does not talk; behind them more where we were held up."""
        told, number = [], 0
        deadline = time.monotonic() + PATIENCE_S
        while len(told) < len(expected):
            assert time.monotonic() < deadline, told
            if while_talking is not None:
                number += 1
                self.talk(while_talking, number=number)
            told += [one for one in self.desk.find_silent() if one.get("side", -1) != while_talking]
            time.sleep(0.005)
        assert [(one["told"], one.get("side")) for one in told[:len(expected)]] == list(expected)
        return told

    def close(self):
        self.desk.release(self.leases, 0.0)
        self.pool.close()
        self.relay.stop()
        self.thread.join(PATIENCE_S)
        for phone in self.phones:
            phone.close()


@pytest.fixture
def desk():
    made = Desk()
    yield made
    made.close()


def test_who_was_offered_a_session_is_heard_before_its_answer(desk):
    """RFC 3264 5.1, from where its signalling is, and is sent nothing; the answer begins afresh."""
    desk.direct(0, other_host="127.0.0.83")
    assert desk.talk(1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.85", 0))
        stranger.sendto(write_packet(RtpPacket(0, 1, 1, 9, b"x")), desk.ports[1])
    desk.phones[0].sendto(write_packet(RtpPacket(0, 1, 160, 0, b"speech")), desk.ports[0])
    deadline = time.monotonic() + PATIENCE_S
    while True:
        caller, called = desk.obey("figures")[0]["figures"]
        if caller.unroutable and called.foreign:
            break
        assert time.monotonic() < deadline
    assert (caller.sent, called.packets, called.destination) == (0, 1, None)
    desk.direct(1)
    assert desk.talk(0)
    desk.direct(0, other_host="127.0.0.99")     # its answer is known: nobody else's host counts
    assert desk.talk(1, number=2)


def test_a_leg_that_falls_silent_is_told_once_with_its_figures_and_when_it_is_heard_again(desk):
    desk.direct(0)
    desk.direct(1)
    desk.talk(0)
    [told] = desk.hears(("silent", 1), while_talking=0)
    assert (told["figures"].packets, told["figures"].last_s, told["figures"].latch) == (0, None, "waiting")
    desk.talk(1)
    assert [one["told"] for one in desk.desk.find_silent() if one.get("side") == 1] == ["heard"]


def test_a_session_that_is_silent_on_both_sides_is_told_after_its_legs(desk):
    desk.direct(0)
    desk.direct(1)
    desk.hears(("silent", 0), ("silent", 1), ("quiet", None))
    time.sleep(LEG_S)
    assert desk.desk.find_silent() == []


def test_a_stranger_who_is_not_heard_is_named_in_the_figures_of_the_silent_leg(desk):
    desk.direct(0, signalling_host="127.0.0.82")
    desk.direct(1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.84", 0))
        stranger.sendto(write_packet(RtpPacket(0, 1, 160, 9, b"speech")), desk.ports[0])
        [told] = desk.hears(("silent", 0), while_talking=1)
        assert (told["figures"].foreign, told["figures"].stranger) == (1, stranger.getsockname())


@pytest.mark.parametrize("reason", ["hold", "no address", "one side"])
def test_silence_that_says_nothing_is_not_told(desk, reason):
    desk.direct(0)
    if reason != "one side":
        desk.direct(1, **({"rtp": None} if reason == "no address" else {}))
    if reason == "hold":
        assert desk.obey("hold", is_held=True) == []
    time.sleep(2 * LEG_S)
    assert desk.desk.find_silent() == []


def test_silence_counts_anew_from_every_offer_and_answer(desk):
    desk.direct(0)
    desk.direct(1)
    desk.hears(("silent", 0), ("silent", 1))
    desk.direct(1)
    assert desk.desk.find_silent() == []        # nobody was heard
    desk.hears(("silent", 0), ("silent", 1))


def test_payload_types_and_dscp_follow_every_description(desk):
    desk.direct(1)
    desk.phones[1].setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
    for number, (payloads, dscp, expected) in enumerate([
            ((), 46, 96), ((PayloadMapping(96, 97),), 46, 97), ((PayloadMapping(96, 97),), 8, 97),
            ((PayloadMapping(96, 98),), 8, 98), ((), 8, 96)]):
        desk.direct(0, payloads=payloads)
        desk.direct(1, dscp=dscp)
        desk.phones[0].sendto(write_packet(RtpPacket(96, number, number * 160, 1, b"speech")), desk.ports[0])
        octets, [(_level, _kind, octet)], *_ = desk.phones[1].recvmsg(2048, 64)
        assert (octets[1] & 0x7F, octet[0] >> 2) == (expected, dscp)


def test_what_was_refused_in_the_middle_is_done_when_it_is_said_again(desk):
    desk.direct(1)
    media = LegMedia(desk.phones[0].getsockname(), payloads=(PayloadMapping(96, 97),))
    assert desk.obey("direct", side=0, media=media._replace(dscp=99))[0]["told"] == "refused"
    desk.direct(0)
    assert desk.talk(0, payload_type=96)[1] & 0x7F == 96


def test_leases_are_bounded_and_what_is_missing_is_said(desk):
    [told] = desk.obey("lease", host=HOST, count=10)
    assert (len(told["ports"]), told["asked"], told["why"]) == (6, 10, "as many leases as there may be")
    assert desk.obey("return", port=told["ports"][0]) == []
    assert len(desk.obey("lease", host=HOST, count=2)[0]["ports"]) == 1


def test_a_call_over_ports_of_another_one_hears_nothing_of_it(desk):
    desk.direct(0)
    desk.direct(1)
    desk.talk(0)
    [told] = desk.obey("close")
    assert told["figures"][0].packets == 1
    for phone in desk.phones:       # it has not heard of the end
        phone.sendto(write_packet(RtpPacket(0, 1, 160, 9, b"late")), desk.ports[0])
    far = 1e6                       # the rest is over
    leased = {}
    ports = desk.desk.obey({"do": "lease", "host": HOST, "count": 6}, leased, far)[0]["ports"]
    assert set(desk.ports) <= set(ports)
    again = {"do": "open", "session": "t", "ports": [list(port) for port in desk.ports]}
    assert desk.desk.obey(again, leased, far) == []
    desk.leases.update(leased)
    [told] = desk.obey("figures", session="t")
    assert [(one.packets, one.foreign, one.latch, one.heard) for one in told["figures"]] == [
        (0, 0, "waiting", None)] * 2


@pytest.mark.parametrize(("limit", "expected"), [(1024, (144, 128, 64)), (4096, (624, 512, 256)),
                                                (1 << 20, (2048, 4096, 1024))])
def test_descriptors_are_shared_between_calls_and_ports_that_wait(limit, expected):
    assert share_descriptors(limit) == expected
    sessions, leases, resting = expected
    assert 4 * sessions + 2 * leases + 2 * resting < limit


@pytest.mark.parametrize("host", ["::1", HOST], ids=["IPv6", "IPv4"])
def test_addresses_are_told_as_people_read_them(desk, host):
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((host, 0))
        [told] = desk.obey("lease", host=host, count=2)
        assert desk.obey("open", session="t", ports=told["ports"]) == []
        assert desk.obey("direct", session="t", side=0, media=LegMedia(phone.getsockname()[:2])) == []
        assert desk.obey("direct", session="t", side=1, media=LegMedia(("192.0.2.1", 9))) == []
        phone.sendto(write_packet(RtpPacket(0, 1, 160, 9, b"speech")), told["ports"][0])
        deadline = time.monotonic() + PATIENCE_S
        while not (figures := desk.obey("figures", session="t")[0]["figures"])[0].packets:
            assert time.monotonic() < deadline
        assert figures[0].heard == figures[0].destination == phone.getsockname()[:2]
        assert figures[1].destination == ("192.0.2.1", 9)


def test_one_side_moves_to_another_address_and_the_other_notices_nothing(desk):
    desk.direct(0)
    desk.direct(1)
    desk.talk(0)
    desk.talk(1)
    [told] = desk.obey("lease", host="127.0.0.86", count=1)
    [port] = told["ports"]
    assert desk.obey("move", side=1, port=port) == []
    before, desk.ports = desk.ports, [desk.ports[0], port]
    assert desk.talk(1, number=2)                       # heard at the new place
    assert desk.talk(0, number=2)
    desk.phones[0].sendto(write_packet(RtpPacket(0, 3, 480, 0, b"speech")), desk.ports[0])
    assert desk.phones[1].recvfrom(2048)[1] == tuple(port)      # and sent from there
    [told] = desk.obey("list")
    [session] = told["sessions"]
    assert list(map(tuple, session["ports"])) == [tuple(one) for one in desk.ports]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind(tuple(before[1]))                    # the former port is closed
    assert port not in desk.leases


def test_a_side_moves_to_no_port_that_is_not_leased(desk):
    [told] = desk.obey("move", side=0, port=("127.0.0.86", 36000))
    assert told["told"] == "refused"


def test_other_ports_are_leased_from_then_on_and_sessions_keep_theirs(desk):
    desk.direct(0)
    desk.direct(1)
    assert desk.obey("range", first=37000, last=37009) == []
    [told] = desk.obey("lease", host=HOST, count=4)
    assert all(37000 <= port.port <= 37009 for port in told["ports"])
    assert desk.talk(0)
    [closed] = desk.obey("close")
    assert closed["told"] == "closed"


def test_sockets_have_room_for_a_second_of_voice_while_they_are_read_and_for_next_to_nothing_at_rest(desk):
    def read_rooms():
        found = []
        for lease in leases:
            with socket.socket(fileno=os.dup(lease.rtp)) as opened:
                found.append(opened.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF))
        return found
    [told] = desk.obey("lease", host=HOST, count=3)
    leases = list(desk.leases.values())
    assert max(read_rooms()) < 8 * 1024
    assert desk.obey("open", session="t", ports=told["ports"][:2]) == []
    assert min(read_rooms()[:2]) > 64 * 1024
    desk.obey("move", session="t", side=1, port=told["ports"][2])
    leases = [leases[0], leases[2]]         # the other one is closed
    assert min(read_rooms()) > 64 * 1024
    desk.obey("close", session="t")
    assert max(read_rooms()) < 8 * 1024


def read_mark(descriptor):
    with socket.socket(fileno=os.dup(descriptor)) as same:
        return same.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) >> 2


def test_sockets_that_a_call_gets_after_another_one_are_marked_as_it_wants():
    """RFC 2474. Their mark rests with them."""
    relay = PacketRelay(1)
    desk = RelayDesk(relay, PortPool(36200, 36299, random.Random(1).randrange, 0.0), 2, LEG_S, SESSION_S)
    leases = {}
    descriptors = set()
    for dscp in (EXPEDITED, EXPEDITED, BEST_EFFORT, EXPEDITED):
        [told] = desk.obey({"do": "lease", "host": HOST, "count": 2}, leases, 0.0)
        taken = [number for port in told["ports"] for number in (leases[port].rtp, leases[port].rtcp)]
        assert desk.obey({"do": "open", "session": "s", "ports": told["ports"]}, leases, 0.0) == []
        for side in (0, 1):
            media = LegMedia((f"127.0.0.{82 + side}", 4000), dscp=dscp)
            assert desk.obey({"do": "direct", "session": "s", "side": side, "media": media}, leases, 0.0) == []
        assert [read_mark(number) for number in taken] == [dscp] * 4
        [told] = desk.obey({"do": "close", "session": "s"}, leases, 0.0)
        assert told["told"] == "closed"
        descriptors.add(frozenset(taken))
    assert len(descriptors) == 1        # the same sockets each time
    relay.stop()
