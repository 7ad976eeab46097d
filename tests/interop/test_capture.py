# SPDX-License-Identifier: Apache-2.0
"""The witness must be trustworthy: what is read out of frames, and what the search for foreign octets finds."""

import socket
import struct

import pytest

from tests.demo.borders import find_foreign
from tests.interop.capture import Capture, Frame, read_datagrams

OUTSIDE, CARRIER = "203.0.113.5", "198.51.100.1"
WORDS = ("192.168.", "201", "office.test")


def ip_frame(body: bytes, *, source: str = OUTSIDE, target: str = CARRIER, place: int = 0, number: int = 7,
             at: float = 1.0) -> Frame:
    """An IPv4 packet of UDP in an Ethernet frame; place: flags and fragment offset as RFC 791 has them."""
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), number, place, 64, 17, 0,
                         socket.inet_aton(source), socket.inet_aton(target))
    return Frame(at, True, bytes(12) + b"\x08\x00" + header + body)


def udp(payload: bytes) -> bytes:
    return struct.pack("!HHHH", 5060, 5060, 8 + len(payload), 0) + payload


def capture_of(*frames: Frame) -> Capture:
    capture = Capture()
    capture.frames["outside"] = list(frames)
    return capture


def test_a_datagram_is_read_with_its_addresses():
    [datagram] = read_datagrams([ip_frame(udp(b"OPTIONS sip:x SIP/2.0\r\n\r\n"))])
    assert (datagram.source, datagram.target) == ((OUTSIDE, 5060), (CARRIER, 5060))
    assert datagram.is_sip
    assert not datagram.is_rtp


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_fragments_are_put_together_in_whatever_order(order):
    body = udp(bytes(range(256)) * 12)
    pieces = [body[:1480], body[1480:2960], body[2960:]]
    frames = [ip_frame(piece, place=(0x2000 if index < 2 else 0) | 185 * index) for index, piece in enumerate(pieces)]
    [datagram] = read_datagrams([frames[index] for index in order])
    assert datagram.payload == body[8:]


def test_a_missing_fragment_makes_no_datagram():
    body = udp(bytes(2000))
    assert list(read_datagrams([ip_frame(body[:1480], place=0x2000)])) == []


def test_rtcp_is_not_taken_for_voice():
    frames = [ip_frame(udp(bytes((0x80, kind)) + bytes(30))) for kind in (0, 200)]
    voice, report = read_datagrams(frames)
    assert voice.is_rtp
    assert not report.is_rtp


@pytest.mark.parametrize("payload", [
    b"INVITE sip:1@x SIP/2.0\r\nContact: <sip:192.168.1.11>\r\n\r\n",
    b"INVITE sip:1@x SIP/2.0\r\nFrom: <sip:201@203.0.113.5>\r\n\r\n",
    b"INVITE sip:1@x SIP/2.0\r\n\r\no=- 1 1 IN IP4 OFFICE.test\r\n",
    b"\x81\xca\x00\x05\x00\x00\x00\x01\x01\x13sip:9@office.test",
])
def test_what_is_foreign_is_found_in_sip_sdp_and_rtcp(payload):
    assert len(find_foreign(capture_of(ip_frame(udp(payload))), "outside", WORDS, 0)) == 1


def test_what_only_looks_foreign_is_not_reported():
    clean = b"INVITE sip:1201@x SIP/2.0\r\nContent-Length: 201\r\nCall-ID: a201b\r\n\r\n"
    assert find_foreign(capture_of(ip_frame(udp(clean))), "outside", WORDS, 0) == []


def test_a_packet_from_or_to_a_foreign_address_is_reported_whatever_it_carries():
    voice = udp(b"\x80\x00" + bytes(30))
    assert find_foreign(capture_of(ip_frame(voice, source="192.168.1.11")), "outside", WORDS, 0)
    question = Frame(1.0, True, bytes(12) + b"\x08\x06" + bytes(14) + socket.inet_aton("203.0.113.5") + bytes(6)
                     + socket.inet_aton("192.168.1.1"))
    assert find_foreign(capture_of(question), "outside", WORDS, 0)
    assert not find_foreign(capture_of(ip_frame(voice)), "outside", WORDS, 0)
