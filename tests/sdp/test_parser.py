# SPDX-License-Identifier: Apache-2.0
"""What is read of a session description, what is tolerated, and what is refused without harm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import PeerError
from appliance.sdp.codec import read_codecs
from appliance.sdp.direction import is_hold
from appliance.sdp.parser import MEDIA_LIMIT, has_plain_ends, normalise_line_ends, parse_session
from appliance.sdp.section_lines import Connection
from tests.sdp.samples import SAMPLES, TORTURE, audio, descriptions


def ask_everything(octets):
    """Every question that there is, of whatever can be read."""
    session = parse_session(octets)
    assert len(session.origin) == 6
    for medium in session.media:
        read_codecs(medium)
        assert medium.packet_time_ms >= 0
        list(medium.attributes(b"rtpmap"))
        if not medium.is_refused:
            session.rtcp_of(medium)
            is_hold(session, medium)
    return session


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_come_back_octet_for_octet(name):
    octets = SAMPLES[name]
    written = bytes(ask_everything(octets))
    assert written == octets or (name == "line_ends" and written == octets.replace(b"\n", b"\r\n") + b"\r\n")


@pytest.mark.parametrize("name", TORTURE)
def test_the_sessions_of_the_torture_messages(name):
    assert ask_everything(TORTURE[name]).media


def test_there_are_torture_messages():
    assert len(TORTURE) >= 20


def test_two_address_families_in_one_session():
    """RFC 5118 4.5"""
    session = parse_session(TORTURE["mult-ip-in-sdp"])
    assert [session.connection_of(medium) for medium in session.media] == [
        Connection(b"IP4", b"192.0.2.1"), Connection(b"IP6", b"2001:db8::1")]
    assert session.connection is None


def test_the_line_of_the_medium_goes_before_that_of_the_session():
    session = parse_session(SAMPLES["video_phone"])
    assert [session.connection_of(medium).address for medium in session.media] == [b"192.168.1.12", b"192.168.1.13"]
    assert session.origin.address == b"192.168.1.12"
    assert session.line(b"b") == b"AS:1100"
    assert session.line(b"z") is None


def test_where_rtcp_goes():
    session = parse_session(SAMPLES["video_phone"])
    assert [session.rtcp_of(medium) for medium in session.media] == [
        (Connection(b"IP4", b"192.168.1.12"), 5005), (Connection(b"IP4", b"192.168.1.13"), 5007)]
    session = parse_session(audio("a=rtcp:53020 IN IP6 2001:2345:6789:ABCD:EF01:2345:6789:ABCD"))   # RFC 3605 2.1
    assert session.rtcp_of(session.media[0]) == (Connection(b"IP6", b"2001:2345:6789:ABCD:EF01:2345:6789:ABCD"), 53020)
    session = parse_session(audio())
    assert session.rtcp_of(session.media[0])[1] == 49171
    session = parse_session(audio("a=rtcp:99999", port=65535))
    assert session.rtcp_of(session.media[0])[1] == 65535


def test_lf_alone_stray_blanks_and_a_missing_end():
    session = parse_session(SAMPLES["line_ends"])
    (medium,) = session.media
    assert (medium.kind, medium.port, medium.port_count, medium.protocol, medium.formats) == (
        b"audio", 6000, 2, b"RTP/AVP", [b"8"])
    assert session.line(b"s") == b""
    assert medium.attribute(b"inactive") == b""


def test_attributes_are_found_by_their_whole_name():
    medium = parse_session(audio("a=rtcp-mux\na=rtcp:5\na=x:1\na=x\na=x:2\na=xy:3")).media[0]
    assert list(medium.attributes(b"x")) == [b"1", b"", b"2"]
    assert medium.attribute(b"rtcp") == b"5"
    assert medium.attribute(b"mux") is None
    assert medium.attribute(b"rt") is None


def test_rubbish_behind_the_end_is_dropped():
    octets = audio("a=sendrecv")
    for rubbish in (b"\r\n", b"\r\n\r\n", b"\n", b"\x00", b"\x00\x00"):
        assert bytes(parse_session(octets + rubbish)) == octets


@pytest.mark.parametrize("octets", [
    b"", b"\r\n", b"v=0\r\n", b"v=1\r\no=- 1 1 IN IP4 1.2.3.4\r\n", b"o=- 1 1 IN IP4 1.2.3.4\r\nv=0\r\n",
    b"v=0\r\no=- 1 1 IN IP4\r\ns=-\r\n", b"v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\n\r\ns=-\r\n", audio("no line"), audio("a"),
    audio("=b"), audio("a =b"), audio().replace(b"s=-", b"s=\x00"), audio().replace(b"s=-", b"s=\ra"),
    audio(port=65536), audio(port=-1), audio(formats=""),
    audio().replace(b"49170", b"1e3"), audio().replace(b"49170", b"5/"), audio().replace(b"49170", b"000005"),
])
def test_what_is_no_session_description_is_a_fault_of_the_peer(octets):
    with pytest.raises(PeerError) as refused:
        ask_everything(octets)
    assert refused.value.status_hint == 400


def test_a_stream_without_address_is_a_fault_but_not_a_refused_one():
    octets = audio().replace(b"c=IN IP4 192.0.2.11\r\n", b"")
    session = parse_session(octets)
    with pytest.raises(PeerError):
        session.connection_of(session.media[0])
    ask_everything(octets.replace(b"49170", b"0"))


def test_bounds():
    line = b"m=audio 5004 RTP/AVP 0\r\n"
    assert len(parse_session(audio() + line * (MEDIA_LIMIT - 1)).media) == MEDIA_LIMIT
    for octets in (audio() + line * MEDIA_LIMIT, audio() + b"a=x\r\n" * 3000, audio("a=" + "x" * 65536),
                   audio(formats="0 " * 300)):
        with pytest.raises(PeerError) as refused:
            parse_session(octets)
        assert refused.value.status_hint == 488


@pytest.mark.parametrize(("address", "is_unspecified"), [
    (b"0.0.0.0", True), (b"::", True), (b"a.invalid", True), (b"0.0.0.1", False), (b"10.0.0.0", False),
])
def test_unspecified_addresses(address, is_unspecified):
    assert Connection(b"IP4", address).is_unspecified is is_unspecified


@pytest.mark.parametrize(("family", "address", "is_multicast"), [
    (b"IP4", b"224.2.1.1", True), (b"IP4", b"239.255.255.255", True), (b"IP4", b"240.0.0.1", False),
    (b"IP4", b"223.1.1.1", False), (b"IP6", b"FF02::1", True), (b"IP6", b"fe80::1", False), (b"IP4", b"ff.test", False),
])
def test_multicast_addresses(family, address, is_multicast):
    assert Connection(family, address).is_multicast is is_multicast


def test_a_time_to_live_is_no_part_of_the_address():
    octets = audio().replace(b"192.0.2.11\r\nt", b"224.2.1.1/127/3\r\nt")
    assert parse_session(octets).connection.address == b"224.2.1.1"


@given(descriptions())
def test_sound_descriptions_come_back_octet_for_octet(octets):
    assert bytes(ask_everything(octets)) == octets
    assert bytes(parse_session(octets.replace(b"\r\n", b"\n")[:-1])) == octets


@given(descriptions(), st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=3)), min_size=1, max_size=6))
def test_spoiled_descriptions_are_read_or_refused(octets, spoilings):
    for place, put in spoilings:
        octets = octets[:place] + put + octets[place + 1:]
    refused = None
    try:
        session = ask_everything(octets)
    except PeerError as error:
        refused = error
    if refused is None:
        assert bytes(parse_session(bytes(session))) == bytes(session)
    else:
        assert (refused.status_hint in (400, 488), bool(refused.paragraph)) == (True, True)


@given(st.binary(max_size=200))
def test_any_octets_are_refused_without_harm(octets):
    for whole in (octets, audio() + octets, audio()[:-2] + octets):
        try:
            ask_everything(whole)
        except PeerError:
            continue


@given(st.lists(st.sampled_from([b"v=0", b"a=b", b"", b"\r\n", b"\n", b"\r", b"\x0b", b"\x85", b"x\x00"]), max_size=12)
       .map(b"".join))
def test_what_counts_as_plain_needs_no_normalising(octets):
    if has_plain_ends(octets):
        assert normalise_line_ends(octets) == octets
        assert octets.count(b"\r") == octets.count(b"\n") == octets.count(b"\r\n")
    elif octets.endswith(b"\r\n") and not octets.endswith(b"\r\n\r\n"):
        assert octets.replace(b"\r\n", b"").strip(b"abv=0x\x00\x0b\x85")
