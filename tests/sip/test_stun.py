# SPDX-License-Identifier: Apache-2.0
"""STUN on the SIP port: the RFC 5769 vectors' arithmetic, what is refused, and that no octets do harm."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.sip.flow import UDP, Flow, Listener
from appliance.sip.stack import SipStack
from appliance.sip.stun import answer_binding_request, is_stun
from appliance.vocabulary.counters import Counters

TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")         # of RFC 5769 section 2


def request(kind=1, cookie=0x2112A442, attributes=b"", length=None):
    return struct.pack("!HHI", kind, len(attributes) if length is None else length, cookie) + TRANSACTION + attributes


def test_ipv4_answer_has_the_octets_of_rfc_5769_section_2_2():
    answer = answer_binding_request(request(), b"192.0.2.1", 32853)
    assert answer == bytes.fromhex("0101000c2112a442") + TRANSACTION + bytes.fromhex("002000080001a147e112a643")


def test_ipv6_answer_has_the_octets_of_rfc_5769_section_2_3():
    answer = answer_binding_request(request(), b"2001:db8:1234:5678:11:2233:4455:6677", 32853)
    value = bytes.fromhex("0002a1470113a9faa5d3f179bc25f4b5bed2b9d9")
    assert answer == bytes.fromhex("010100182112a442") + TRANSACTION + bytes.fromhex("00200014") + value


@pytest.mark.parametrize("octets", [
    request(kind=0x0011),                   # an indication is never answered
    request(kind=0x0101),                   # nor is a response: two servers would talk for ever
    request(kind=0x0003),                   # another method
    request(cookie=0),                      # RFC 3489
    request(length=4),
    request(attributes=b"\x00\x06\x00\x09abcd"),
    request(attributes=b"\x80\x22\x00\x03abc", length=7),
], ids=["indication", "response", "method", "cookie", "length", "attribute", "padding"])
def test_what_is_no_sound_binding_request_gets_no_answer(octets):
    assert answer_binding_request(octets, b"192.0.2.1", 5060) == b""


def test_attributes_that_must_be_understood_are_named_in_a_420():
    answer = answer_binding_request(request(attributes=b"\x00\x24\x00\x04abcd\x7f\xff\x00\x00"), b"192.0.2.1", 5060)
    assert answer[:2] == b"\x01\x11"
    assert answer[20:28] == b"\x00\x09\x00\x04\x00\x00\x04\x14"
    assert answer[28:] == b"\x00\x0a\x00\x04\x00\x24\x7f\xff"


def test_attributes_that_need_not_be_understood_change_nothing():
    software_and_username = b"\x80\x22\x00\x03abc\0\x00\x06\x00\x01u\0\0\0"
    assert answer_binding_request(request(attributes=software_and_username), b"192.0.2.1", 5060)[:2] == b"\x01\x01"


def with_fingerprint(attributes=b"", flaw=0):
    octets = request(attributes=attributes, length=len(attributes) + 8)
    return octets + struct.pack("!HHI", 0x8028, 4, zlib.crc32(octets) ^ 0x5354554E ^ flaw)


def test_the_fingerprint_of_rfc_5769_section_2_1_is_right():
    """The sample request; its PRIORITY and ICE-CONTROLLED are not for us, so that it is answered 420."""
    sample = bytes.fromhex(
        "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff"
        "80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
        "80280004e57a3bcf")
    assert answer_binding_request(sample, b"192.0.2.1", 32853)[:2] == b"\x01\x11"
    for at in (21, 30, len(sample) - 1):
        assert answer_binding_request(sample[:at] + bytes([sample[at] ^ 1]) + sample[at + 1:], b"192.0.2.1", 1) == b""


def test_a_request_with_a_wrong_fingerprint_gets_no_answer():
    software = b"\x80\x22\x00\x03abc\0"
    assert answer_binding_request(with_fingerprint(software), b"192.0.2.1", 5060)[:2] == b"\x01\x01"
    assert answer_binding_request(with_fingerprint(software, flaw=1), b"192.0.2.1", 5060) == b""
    octets = with_fingerprint()
    behind = octets[:2] + struct.pack("!H", 16) + octets[4:] + software      # not the last attribute
    assert answer_binding_request(behind, b"192.0.2.1", 5060) == b""


@given(st.binary(max_size=200), st.booleans())
def test_any_octets_are_answered_with_little_more_or_not_at_all(octets, is_ours):
    if is_ours:
        octets = request(attributes=octets + b"\0" * (-len(octets) % 4))
    if is_stun(octets):
        assert len(answer_binding_request(octets, b"2001:db8::1", 1)) <= len(octets) + 24


def test_the_stack_answers_on_the_flow_and_counts():
    stack = SipStack(lambda *what: None, lambda size: b"k" * size, Counters())
    listener = Listener("office", UDP, b"192.0.2.9", 5060)
    flow = Flow(listener, b"192.0.2.1", 32853)
    stack.receive_datagram(request(), flow, 1.0)
    stack.receive_datagram(request(kind=0x0101), flow, 1.0)
    stack.receive_datagram(b"\r\n\r\n", flow, 1.0)
    [(octets, reply_flow)] = listener.outbox
    assert octets[:2] == b"\x01\x01"
    assert reply_flow is flow
    assert stack.counters["stun_answered"] == 1
    assert stack.counters["discarded_stun"] == 1
    assert stack.counters["discarded_keepalive"] == 1
