# SPDX-License-Identifier: Apache-2.0
"""Which header lines of the office a carrier may see."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.gateway.border import pass_inwards, pass_outwards
from appliance.native.sip_scanner import Message


def message(*lines: bytes) -> Message:
    """A phone's INVITE with these header lines."""
    return Message(b"".join([
        b"INVITE sip:05033334444@office.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.168.1.11;branch=z9hG4bK1\r\n",
        b"From: \"Tanaka\" <sip:201@office.test>;tag=1\r\nTo: <sip:05033334444@office.test>\r\n",
        b"Call-ID: 1@192.168.1.11\r\nCSeq: 1 INVITE\r\nContact: <sip:201@192.168.1.11>\r\n",
        *[line + b"\r\n" for line in lines], b"Content-Length: 0\r\n\r\n"]))


def test_nothing_passes_that_is_not_on_the_list():
    assert pass_outwards(message(
        b"Subject: salary of 201", b"User-Agent: Phone 1.0 (192.168.1.11)", b"Call-Info: <http://192.168.1.1/x.png>",
        b"Alert-Info: <http://office.test/ring>", b"Date: Sat, 13 Nov 2010 23:29:00 GMT", b"Organization: office.test",
        b"History-Info: <sip:202@office.test>;index=1", b"Diversion: <sip:202@office.test>",
        b"In-Reply-To: 1@192.168.1.11", b"Geolocation: <cid:1>",
        b"P-Asserted-Identity: <sip:201@office.test>", b"Session-ID: 1", b"Reply-To: <sip:201@office.test>",
        b"Via: SIP/2.0/UDP 192.168.1.12;branch=z9hG4bK2", b"Record-Route: <sip:192.168.1.1;lr>",
    )) == b""


def test_languages_and_priority_pass_as_their_grammar_has_them():
    assert pass_outwards(message(b"Accept-Language: ja, en;q=0.5, 192.168.1.11, *;q=0")) == (
        b"Accept-Language: ja, en;q=0.5, *;q=0\r\n")
    assert pass_outwards(message(b"Priority: Urgent")) == b"Priority: urgent\r\n"
    assert pass_outwards(message(b"Priority: call 201")) == b""


def test_what_a_profile_adds_passes_unless_it_names_somebody_inside():
    further = (b"User-to-User", b"X-Account")
    assert pass_outwards(message(b"User-to-User: 56a390f3d2b7310023a;encoding=hex", b"X-Account: 12"), further) == (
        b"User-to-User: 56a390f3d2b7310023a;encoding=hex\r\nX-Account: 12\r\n")
    for value in (b"sip:201", b"201@office.test", b"see 192.168.1.11", b"[2001:db8::1]", b"fe80::1%eth0"):
        assert pass_outwards(message(b"X-Account: " + value), further) == b""


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40))
def test_no_language_or_priority_carries_an_address_out(value):
    lines = pass_outwards(message(b"Accept-Language: %s" % value.encode(), b"Priority: %s" % value.encode()))
    assert b"@" not in lines
    assert not any(part.isdigit() and len(part) > 3 for part in lines.replace(b".", b" ").split())


@pytest.mark.parametrize("line", [
    b"Call-Info: <http://198.51.100.9/x.png>;purpose=icon", b"Call-Info: <sip:carrier.test>;answer-after=0",
    b"Alert-Info: <http://198.51.100.9/ring.wav>", b"Alert-Info: <http://127.0.0.1>;info=alert-autoanswer",
    b"Alert-Info: <urn:alert:service:normal>;x=198.51.100.9", b"Answer-Mode: Auto", b"Priv-Answer-Mode: Auto",
    b"Subject: call 198.51.100.9", b"User-to-User: 56a390f3;encoding=hex", b"P-Charging-Vector: icid-value=1",
    b"P-Asserted-Identity: <sip:1@carrier.test>", b"Geolocation: <cid:1>", b"Organization: carrier.test",
    b"Refer-To: <sip:1@carrier.test>", b"Replaces: 1;to-tag=2;from-tag=3", b"Join: 1;to-tag=2;from-tag=3"])
def test_nothing_comes_in_that_a_phone_would_obey_or_fetch(line):
    assert pass_inwards(message(line)) == b""


def test_how_to_ring_comes_in_by_words_that_phones_know():
    assert pass_inwards(message(
        b"Alert-Info: <urn:alert:source:external>, <http://198.51.100.9/ring.wav>", b"Priority: urgent",
        b"Accept-Language: ja")) == (
        b"Accept-Language: ja\r\nPriority: urgent\r\nAlert-Info: <urn:alert:source:external>\r\n")
