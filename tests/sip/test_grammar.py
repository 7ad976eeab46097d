# SPDX-License-Identifier: Apache-2.0
"""Tokens, escapes, quoted strings, status lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.native.sip_scanner import split_address
from appliance.sip.grammar import is_token, normalise_escapes, quote, unescape
from appliance.sip.status import REASON_PHRASES, reason_phrase, status_line


def test_a_token_is_made_of_the_octets_of_the_grammar():
    # RFC 3261 25.1
    octets = {bytes([octet]) for octet in range(256) if is_token(bytes([octet]))}
    assert octets == {bytes([c]) for c in b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~"}
    assert not is_token(b"")


@given(st.binary(max_size=20))
def test_escaping_every_octet_is_undone_exactly_once(octets):
    escaped = b"".join(b"%%%02x" % octet for octet in octets)
    assert unescape(escaped) == octets
    assert unescape(b"%25" + escaped[1:] if escaped else b"") == (escaped and b"%" + escaped[1:3] + octets[1:])


def test_a_percent_sign_that_is_no_escape_stays():
    assert unescape(b"%Z%45%") == b"%ZE%"
    assert normalise_escapes(b"%3b%41%zz%25") == b"%3BA%zz%25"


@given(st.binary(max_size=30))
def test_a_quoted_text_is_read_back(text):
    read = split_address(quote(text) + b" <sip:a@b>")[0]
    assert read == bytes(octet if octet == 9 or (octet > 31 and octet != 127) else 32 for octet in text)


def test_status_lines():
    assert status_line(404) == b"SIP/2.0 404 Not Found\r\n"
    assert status_line(499) == b"SIP/2.0 499 Request Failure\r\n"
    assert reason_phrase(180) == "Ringing"
    assert all(status_line(status) == b"SIP/2.0 %d %s\r\n" % (status, phrase.encode())
               for status, phrase in REASON_PHRASES.items())


@pytest.mark.parametrize("status", [*range(100, 104), *range(600, 700, 33)])
def test_every_status_has_a_line(status):
    assert status_line(status).startswith(b"SIP/2.0 %d " % status)
