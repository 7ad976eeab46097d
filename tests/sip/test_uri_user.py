# SPDX-License-Identifier: Apache-2.0
"""Who a URI names, and hosts in their one form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.sip.grammar import escape_user
from appliance.sip.locating.plain_host import write_plainly
from appliance.sip.uri_user import read_uri_user


@pytest.mark.parametrize(("uri", "user"), [
    (b"sip:1002@office.test", b"1002"), (b"sips:a%20b@office.test;transport=tls", b"a b"),
    (b"sip:1002;phone-context=x@office.test", b"1002"), (b"sip:office.test", b""), (b"sip:", b""),
    (b"tel:+81-3-1234-5678", b"+81312345678"), (b"TEL:1002;phone-context=office.test", b"1002"),
    (b"tel:03(1234)5678", b"0312345678"), (b"tel:*81002", b"*81002"), (b"tel:", b""), (b"tel:nobody", b""),
    (b"urn:service:sos", b""), (b"", b"")])
def test_the_user_of_a_uri(uri: bytes, user: bytes):
    assert read_uri_user(uri) == user


@given(st.binary(min_size=1, max_size=20).filter(lambda user: b";" not in user))
def test_every_user_that_was_escaped_comes_back(user: bytes):
    assert read_uri_user(b"sip:%s@office.test" % escape_user(user)) == user


@given(st.binary(max_size=40))
def test_whatever_else_comes_raises_nothing(octets: bytes):
    assert isinstance(read_uri_user(octets), bytes)
    assert isinstance(read_uri_user(b"tel:" + octets), bytes)
    assert write_plainly(write_plainly(octets)) == write_plainly(octets)


@pytest.mark.parametrize(("host", "plain"), [
    (b"SIP.Carrier.Example.", b"sip.carrier.example"), (b"[2001:DB8:0::1]", b"2001:db8::1"),
    (b"::ffff:192.0.2.7", b"192.0.2.7"), (b"192.0.2.7", b"192.0.2.7"), (b"2001:db8::1", b"2001:db8::1")])
def test_two_ways_to_write_a_host_are_one(host: bytes, plain: bytes):
    assert write_plainly(host) == plain
