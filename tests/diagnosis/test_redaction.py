# SPDX-License-Identifier: Apache-2.0
"""Nothing that proves an identity is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.diagnosis.redaction import redact_message

SECRET = "6629fae49393a05397450978507c4ef1"


@pytest.mark.parametrize("line", [
    'Authorization: Digest username="201", realm="r", nonce="n", uri="sip:r", response="%s"',
    'Proxy-Authorization: Digest response=%s, username="201"',
    'Authorization: Digest username="201",\r\n response = "%s"',
    'authorization: digest RESPONSE="%s',
    'Authentication-Info: nextnonce="n", rspauth="%s"',
    "Authorization: Basic %s",
    "Proxy-Authorization: Bearer %s",
    "Contact: <sip:201:%s@192.168.1.11>",
    "From: sip:201:%s@office.test;tag=1",
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:%s|2^20|1:32",
    "k=clear:%s",
])
def test_a_secret_is_blotted_out_wherever_it_stands(line: str):
    octets = f"REGISTER sip:r SIP/2.0\r\n{line % SECRET}\r\nCSeq: 1 REGISTER\r\n\r\n".encode()
    shown = redact_message(octets)
    assert SECRET not in shown
    assert "…" in shown
    assert "CSeq: 1 REGISTER" in shown


@pytest.mark.parametrize("line", [
    'WWW-Authenticate: Digest realm="r", nonce="abc", qop="auth"', "Contact: <sip:201@192.168.1.11:5060>",
    "Via: SIP/2.0/UDP 192.168.1.11:5060;branch=z9hG4bK1", "To: <sip:a@[2001:db8::1]:5060>", "Subject: 電話番 x@y"])
def test_everything_else_is_shown_as_it_is(line: str):
    assert redact_message(line.encode()) == line


def test_octets_that_would_move_a_cursor_are_shown_escaped():
    assert redact_message(b"Subject: \x1b[2J\xff") == "Subject: \\x1b[2J\\xff"


@given(st.binary(max_size=300))
def test_any_octets_can_be_shown(octets: bytes):
    assert all(char.isprintable() or char in "\r\n\t" for char in redact_message(octets))
