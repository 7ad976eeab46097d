# SPDX-License-Identifier: Apache-2.0
"""SIP URIs: RFC 3261 19.1 with its whole comparison table, RFC 5118, addresses of record."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import PeerError
from appliance.sip.grammar import unescape
from appliance.sip.uri import SipUri, is_numeric, strip_for_request

# RFC 3261 19.1.4, sets of equivalent URIs
EQUIVALENT = [
    (b"sip:%61lice@atlanta.com;transport=TCP", b"sip:alice@AtLanTa.CoM;Transport=tcp"),
    (b"sip:carol@chicago.com", b"sip:carol@chicago.com;newparam=5"),
    (b"sip:carol@chicago.com", b"sip:carol@chicago.com;security=on"),
    (b"sip:carol@chicago.com;newparam=5", b"sip:carol@chicago.com;security=on"),
    (b"sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
     b"sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com"),
    (b"sip:alice@atlanta.com?subject=project%20x&priority=urgent",
     b"sip:alice@atlanta.com?priority=urgent&subject=project%20x"),
    (b"sip:carol@chicago.com", b"sip:carol@chicago.com;security=off"),
    # further rules of the same section
    (b"sip:alice@[2001:db8::1]", b"sip:alice@[2001:DB8:0:0::1]"),
    (b"sip:a%2fb@example.com", b"sip:a%2Fb@example.com"),
]
DIFFERENT = [
    (b"SIP:ALICE@AtLanTa.CoM;Transport=udp", b"sip:alice@AtLanTa.CoM;Transport=UDP"),
    (b"sip:bob@biloxi.com", b"sip:bob@biloxi.com:5060"),
    (b"sip:bob@biloxi.com", b"sip:bob@biloxi.com;transport=udp"),
    (b"sip:bob@biloxi.com", b"sip:bob@biloxi.com:6000;transport=tcp"),
    (b"sip:carol@chicago.com", b"sip:carol@chicago.com?Subject=next%20meeting"),
    (b"sip:bob@phone21.boxesbybob.com", b"sip:bob@192.0.2.4"),
    (b"sip:carol@chicago.com;security=on", b"sip:carol@chicago.com;security=off"),
    # further rules of the same section
    (b"sip:alice@atlanta.com", b"sips:alice@atlanta.com"),
    (b"sip:alice@atlanta.com", b"sip:atlanta.com"),
    (b"sip:alice:secret@atlanta.com", b"sip:alice@atlanta.com"),
    (b"sip:alice:secret@atlanta.com", b"sip:alice:Secret@atlanta.com"),
    (b"sip:+12125551212@example.com;user=phone", b"sip:+12125551212@example.com"),
    (b"sip:alice@atlanta.com;ttl=1", b"sip:alice@atlanta.com"),
    (b"sip:alice@atlanta.com;method=INVITE", b"sip:alice@atlanta.com"),
    (b"sip:alice@atlanta.com;maddr=239.255.255.1", b"sip:alice@atlanta.com"),
    # a reserved octet is not its escape; an escaped "%" does not pair with what follows
    (b"sip:a%3bb@example.com", b"sip:a;b@example.com"),
    (b"sip:a%2540@example.com", b"sip:a%40@example.com"),
    (b"sip:a%2541@example.com", b"sip:aA@example.com"),
]
MALFORMED = [
    b"", b"sip:", b"sip:@host", b"sip:user@", b"sip:user@host:", b"sip:user@host:x", b"sip:user@host:65536",
    b"sip:us er@host", b"sip:user@host name", b"sip:user@host;", b"sip:user@host;;lr", b"sip:user@host;a=1;A=2",
    b"sip:user@2001:db8::1", b"sip:user@[2001:db8::1", b"sip:user@[::1::2]", b"sip:user@[12345::1]", b"sip:a@b@host",
    b"sip:user%4@host", b"sip:user%zz@host", b"<sip:user@host>", b"sip:user\x00@host", b"sip:user@host\n",
    b"sip:us<er@host", b"sip:host?", b"sip:user@ho\xffst",
]


@pytest.mark.parametrize(("one", "other"), EQUIVALENT)
def test_equivalent_uris_are_equal_both_ways(one, other):
    assert SipUri.parse(one) == SipUri.parse(other)
    assert SipUri.parse(other) == SipUri.parse(one)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_uris_are_unequal_both_ways(one, other):
    assert SipUri.parse(one) != SipUri.parse(other)
    assert SipUri.parse(other) != SipUri.parse(one)


def test_uris_have_no_hash_because_equality_is_not_transitive():
    with pytest.raises(TypeError):
        hash(SipUri.parse(b"sip:carol@chicago.com"))


@pytest.mark.parametrize("octets", MALFORMED)
def test_what_is_no_sip_uri_is_refused(octets):
    with pytest.raises(PeerError):
        SipUri.parse(octets)


def test_another_scheme_deserves_416_and_a_broken_sip_uri_400():
    for octets, status in ((b"tel:+8131234", 416), (b"soap.beep://a", 416), (b"sip:us er@host", 400)):
        with pytest.raises(PeerError) as caught:
            SipUri.parse(octets)
        assert caught.value.status_hint == status


def test_every_part_is_read():
    uri = SipUri.parse(b"sips:al%69ce;day=tuesday:p%40ss@Atlanta.COM:5062;Transport=TCP;lr?Subject=a%20b&x=")
    assert (uri.scheme, uri.user, uri.password) == (b"sips", b"al%69ce;day=tuesday", b"p%40ss")
    assert (uri.host, uri.port, uri.hostport) == (b"atlanta.com", 5062, b"atlanta.com:5062")
    assert (uri.parameter(b"transport"), uri.parameter(b"lr"), uri.parameter(b"ob")) == (b"TCP", b"", None)
    assert uri.headers == b"Subject=a%20b&x="
    assert bytes(uri) == b"sips:al%69ce;day=tuesday:p%40ss@atlanta.com:5062;Transport=TCP;lr?Subject=a%20b&x="


@pytest.mark.parametrize("octets", [
    b"sip:[2001:db8::10]", b"sip:user@[2001:db8::10:5070]", b"sip:user@[::ffff:192.0.2.10]:19823", b"sip:host",
    b"sip:a:@b"])
def test_printing_gives_back_what_was_read(octets):
    assert bytes(SipUri.parse(octets)) == octets


def test_the_port_of_an_ipv6_uri_stands_behind_the_bracket():
    # RFC 5118 4.3
    ambiguous, unambiguous = SipUri.parse(b"sip:[2001:db8::10:5070]"), SipUri.parse(b"sip:[2001:db8::10]:5070")
    assert (ambiguous.host, ambiguous.port) == (b"2001:db8::10:5070", None)
    assert (unambiguous.host, unambiguous.port) == (b"2001:db8::10", 5070)


def test_three_colons_are_printed_as_two():
    # RFC 5118 4.9
    assert bytes(SipUri.parse(b"sip:user@[2001:db8:::192.0.2.1]")) == b"sip:user@[2001:db8::192.0.2.1]"


@pytest.mark.parametrize(("octets", "host"), [
    (b"sip:192.0.2.4", b"192.0.2.4"), (b"sip:[2001:db8::1]:5", b"2001:db8::1"), (b"sip:example.com", None),
    (b"sip:192.0.2.400", None), (b"sip:1.2.3", None), (b"sip:example.com;maddr=192.0.2.9", b"192.0.2.9"),
    (b"sip:192.0.2.4;maddr=name", None), (b"sip:a;maddr=[2001:db8::2]", b"2001:db8::2"), (b"sip:a;maddr=:", None)])
def test_the_numeric_address_is_known_where_there_is_one(octets, host):
    assert SipUri.parse(octets).numeric_host == host


@pytest.mark.parametrize(("octets", "aor"), [
    (b"sip:%61lice:pw@Example.COM;user=phone?x=y", b"alice@example.com"),
    (b"sip:alice@example.com:5060", b"alice@example.com"), (b"sips:alice@example.com:5061", b"alice@example.com"),
    (b"sip:alice@example.com:5061", b"alice@example.com:5061"), (b"sip:Alice@example.com", b"Alice@example.com"),
    (b"sip:n%00l@example.com", b"n\x00l@example.com"), (b"sip:a%2541@example.com", b"a%41@example.com"),
    (b"sip:[2001:DB8::1]", b"[2001:db8::1]")])
def test_the_address_of_record_is_canonical(octets, aor):
    # RFC 3261 10.3 step 5
    assert SipUri.parse(octets).aor == aor


USER = st.text("abcZ019-_.!~*'()&=+$,;?/", min_size=1, max_size=8).map(str.encode)
ESCAPED = st.lists(st.one_of(USER, st.integers(0, 255).map(lambda octet: b"%%%02X" % octet)), min_size=1,
                   max_size=6).map(b"".join)
HOST = st.sampled_from([b"example.com", b"192.0.2.1", b"[2001:db8::1]", b"a-b.example"])


@pytest.mark.parametrize(("uri", "stripped"), [
    (b"sip:a@b", b"sip:a@b"), (b"sip:a;x?y@b;z?h=1", b"sip:a;x?y@b;z"), (b"sip:a@b;method=INVITE", b"sip:a@b"),
    (b"sips:b;%6dEthod=x;methods=1;lr", b"sips:b;methods=1;lr"), (b"sip:b?Subject=a;method=x", b"sip:b")])
def test_what_may_not_stand_in_a_request_uri_is_taken_off(uri, stripped):
    assert strip_for_request(uri) == stripped


@given(ESCAPED, HOST, st.none() | st.integers(0, 65535))
def test_any_user_is_read_printed_and_equal_to_itself(user, host, port):
    octets = b"sip:%s@%s" % (user, host) + (b"" if port is None else b":%d" % port)
    uri = SipUri.parse(octets)
    assert bytes(uri) == octets
    assert uri == SipUri.parse(octets)
    assert uri.aor.rpartition(b"@")[0] == unescape(user)


@given(st.binary(max_size=60))
def test_any_octets_give_a_uri_or_a_peer_error(octets):
    for candidate in (octets, b"sip:" + octets):
        try:
            uri = SipUri.parse(candidate)
        except PeerError:
            continue
        assert SipUri.parse(bytes(uri)) == uri


def is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


QUADS = st.lists(st.integers(0, 300).map(str) | st.sampled_from(["", "00", "01", "1a", " 1"]), min_size=3, max_size=5)


@given(QUADS.map(".".join) | st.ip_addresses().map(str) | st.text(":.0123456789abcdef", max_size=20))
def test_what_is_numeric_is_what_the_library_reads(host):
    assert is_numeric(host.encode()) == is_address(host)
