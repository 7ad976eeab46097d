# SPDX-License-Identifier: Apache-2.0
"""SIP-Date both ways (RFC 3261 20.17)."""

import email.utils

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.sip.date import build_date, read_date


def test_the_date_of_the_rfc() -> None:
    assert read_date(b"Sat, 13 Nov 2010 23:29:00 GMT") == 1289690940.0
    assert build_date(1289690940.0) == b"Sat, 13 Nov 2010 23:29:00 GMT"


@given(st.integers(0, 4_000_000_000))
def test_what_is_written_is_read_again_and_as_mail_writes_it(moment: int) -> None:
    assert read_date(build_date(moment)) == moment
    assert build_date(moment) == email.utils.formatdate(moment, usegmt=True).encode()


@pytest.mark.parametrize("value", [
    b"", b"yesterday", b"Sat, 13 Nov 2010 23:29:00", b"Sat, 13 Nov 2010 23:29:00 JST", b"Sat, 31 Feb 2010 23:29:00 GMT",
    b"Sat, 13 Foo 2010 23:29:00 GMT", b"Sat, 13 Nov 2010 25:29:00 GMT", b"Sat, 13 Nov 0000 23:29:00 GMT",
    b"13 Nov 2010 23:29:00 GMT", b"Sat, 1 Nov 2010 23:29:00 GMT",
])
def test_what_is_no_date_is_none(value: bytes) -> None:
    assert read_date(value) is None
