# SPDX-License-Identifier: Apache-2.0
"""What is kept of a message, and the request that it becomes (RFC 3428 4, RFC 3261 8.1.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.native.sip_scanner import Message
from appliance.pbx.instant_message.mailbox import WaitingMessage
from appliance.pbx.instant_message.message_form import build_message, cut_tag, keep_message, read_life_s
from appliance.pbx.proxy.target import Target
from appliance.sip.flow import UDP, Flow, Listener

PHONE = Flow(Listener("office", UDP, b"192.168.1.1", 5060), b"192.168.1.12", 5060)
BOB = Target(b"sip:202@192.168.1.12", PHONE, 0, b"Route: <sip:edge.test;lr>\r\n")


def message(lines: bytes = b"", body: bytes = b"", sender: bytes = b"<sip:201@office.test>;tag=a") -> Message:
    octets = (b"MESSAGE sip:202@office.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.11;branch=z9hG4bK1\r\n"
              b"Max-Forwards: 3\r\nFrom: %s\r\nTo: \"B\" <sip:202@office.test>\r\nCall-ID: c\r\n"
              b"CSeq: 7 MESSAGE\r\n%sContent-Length: %d\r\n\r\n%s" % (sender, lines, len(body), body))
    return Message(octets, b"192.168.1.11", 5060)


def deliver(kept) -> Message:
    return Message(build_message(kept, BOB, b"z9hG4bKnew", b"newtag", 2), b"192.168.1.1", 5060)


@pytest.mark.parametrize(("value", "cut"), [
    (b"<sip:a@b>;tag=1", b"<sip:a@b>"), (b"sip:a@b;tag=1", b"sip:a@b"), (b"<sip:a@b>", b"<sip:a@b>"),
    (b'"A;tag=2" <sip:a@b;x=1>;y=2;tag=1', b'"A;tag=2" <sip:a@b;x=1>;y=2'),
    (b"<sip:a@b>;TAG=1;z", b"<sip:a@b>;z"), (b"<sip:a@b> ; tag = 1", b"<sip:a@b>"),
    (b'"\xe5\x8f\x97" <sip:a@b>;tag=1', b'"\xe5\x8f\x97" <sip:a@b>'),
])
def test_a_value_without_its_tag(value: bytes, cut: bytes) -> None:
    assert cut_tag(value) == cut


def test_the_way_it_came_stays_behind_and_what_it_says_goes_along() -> None:
    kept = keep_message(message(
        b"Route: <sip:office.test;lr>\r\nProxy-Authorization: Digest username=\"x\"\r\nAuthorization: Digest a=b\r\n"
        b"P-Asserted-Identity: <sip:1@x>\r\nTimestamp: 1\r\nProxy-Require: x\r\nSubject: a\r\n b\r\nX-Own: 1\r\n"
        b"c: message/cpim\r\nDate: Sat, 13 Nov 2010 23:29:00 GMT\r\n", b"\x00\xff"), b"id", 0.0)
    request = deliver(kept)
    assert request.fault_status == 0
    assert [(name.lower(), value) for name, value in request.header_lines()] == [
        (b"via", b"SIP/2.0/UDP 192.168.1.1:5060;branch=z9hG4bKnew"), (b"route", b"<sip:edge.test;lr>"),
        (b"max-forwards", b"70"), (b"from", b"<sip:201@office.test>;tag=newtag"), (b"to", b'"B" <sip:202@office.test>'),
        (b"call-id", b"id"), (b"cseq", b"2 MESSAGE"), (b"subject", b"a b"), (b"x-own", b"1"), (b"c", b"message/cpim"),
        (b"date", b"Sat, 13 Nov 2010 23:29:00 GMT"), (b"content-length", b"2")]
    assert request.body == b"\x00\xff"


@given(st.binary(max_size=2000))
def test_the_body_is_the_same_octet_for_octet_also_over_a_restart(body: bytes) -> None:
    waiting = WaitingMessage(None, 1, b"202", keep_message(message(b"Content-Type: a/b\r\n", body), b"id", 0.0))
    again = WaitingMessage.restore(None, waiting.build_row(100.0))
    assert deliver(again.kept).body == body
    assert deliver(again.kept).data == deliver(waiting.kept).data
    assert again.kept.size_octets == waiting.kept.size_octets


@pytest.mark.parametrize(("lines", "life_s"), [
    (b"", 1000.0), (b"Expires: 60\r\n", 60.0), (b"Expires: 99999\r\n", 1000.0), (b"Expires: 0\r\n", 0.0),
    (b"Expires: 60\r\nDate: Sat, 13 Nov 2010 23:28:30 GMT\r\n", 30.0),      # thirty seconds on its way
    (b"Expires: 60\r\nDate: Sat, 13 Nov 2010 23:00:00 GMT\r\n", -1680.0),
    (b"Expires: 60\r\nDate: Sun, 14 Nov 2010 23:29:00 GMT\r\n", 60.0),      # a clock ahead of ours
    (b"Expires: 60\r\nDate: soon\r\n", 60.0), (b"Date: Sat, 13 Nov 2010 23:00:00 GMT\r\n", 1000.0),
])
def test_how_long_a_message_is_worth_delivering(lines: bytes, life_s: float) -> None:
    assert read_life_s(message(lines), 1289690940.0, 1000.0) == life_s
