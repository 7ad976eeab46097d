# SPDX-License-Identifier: Apache-2.0
"""tel URIs, RFC 3966."""

import pytest

from appliance.errors import PeerError
from appliance.sip.tel_uri import TelUri


@pytest.mark.parametrize(("one", "other"), [
    (b"tel:+1-201-555-0123", b"tel:+12015550123"), (b"TEL:+1(201)555.0123", b"tel:+12015550123"),
    (b"tel:7042;phone-context=example.com", b"tel:70-42;Phone-Context=EXAMPLE.com"),
    (b"tel:863-1234;phone-context=+1-914-555", b"tel:8631234;phone-context=+1914555"),
    (b"tel:+81312345678;ext=2-01;x=1", b"tel:+81312345678;x=1;ext=201"),
    (b"tel:a0*#;phone-context=b.c", b"tel:A0*#;phone-context=b.c")])
def test_equivalent_numbers_are_equal_and_have_one_hash(one, other):
    assert TelUri.parse(one) == TelUri.parse(other)
    assert len({TelUri.parse(one), TelUri.parse(other)}) == 1


@pytest.mark.parametrize(("one", "other"), [
    (b"tel:+12015550123", b"tel:+12015550124"), (b"tel:+1201;ext=1", b"tel:+1201"),
    (b"tel:201;phone-context=a.example", b"tel:201;phone-context=b.example"),
    (b"tel:+201;phone-context=a.example", b"tel:201;phone-context=a.example")])
def test_different_numbers_are_unequal(one, other):
    assert TelUri.parse(one) != TelUri.parse(other)


@pytest.mark.parametrize("octets", [b"tel:", b"tel:+", b"tel:+-.", b"tel:201", b"tel:+12x", b"tel:+1;a=1;A=2",
                                    b"tel:+1;", b"tel:+1 2", b"tel:*", b"tel:+1?x", b"sip:+1@host", b""])
def test_what_is_no_tel_uri_is_refused(octets):
    with pytest.raises(PeerError):
        TelUri.parse(octets)


def test_every_part_is_read():
    uri = TelUri.parse(b"tel:03-1234-5678;isub=1411;phone-context=+81")
    assert (uri.number, uri.is_global, uri.context, uri.parameter(b"isub")) == (b"0312345678", False, b"+81", b"1411")
    assert bytes(uri) == b"tel:03-1234-5678;isub=1411;phone-context=+81"
    assert TelUri.parse(b"tel:+81-3-1234-5678").is_global
