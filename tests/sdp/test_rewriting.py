# SPDX-License-Identifier: Apache-2.0
"""What leaves for the other network names nothing of the first one, and is otherwise what came."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import MisuseError, PeerError
from appliance.sdp.codec import STATIC_CODECS
from appliance.sdp.direction import is_hold, read_direction
from appliance.sdp.negotiation import LocalStream, answer_offer
from appliance.sdp.origin import OwnOrigin
from appliance.sdp.parser import parse_session
from appliance.sdp.rewriting import ADDRESSES_LIMIT, MediaAddress, rewrite_session
from tests.sdp.samples import SAMPLES, audio, crlf, descriptions

OURS = "203.0.113.5"


def rewrite(octets, ports=(30000,), origin=None, address=OURS):
    return rewrite_session(parse_session(octets), origin or OwnOrigin(77, OURS), MediaAddress(address), ports)


def test_a_plain_call():
    assert rewrite(SAMPLES["carrier_answer"]) == crlf("""
        v=0
        o=- 77 1 IN IP4 203.0.113.5
        s=-
        c=IN IP4 203.0.113.5
        t=0 0
        m=audio 30000 RTP/AVP 0
        a=rtpmap:0 PCMU/8000
        a=ptime:20""")


def test_codecs_and_their_parameters_pass_untouched():
    was, now = SAMPLES["desk_phone"], rewrite(SAMPLES["desk_phone"])
    assert now.partition(b"RTP/AVP")[2] == was.partition(b"RTP/AVP")[2]


def test_a_phone_that_tells_its_address_everywhere():
    assert rewrite(SAMPLES["video_phone"], (30000, 30002)) == crlf("""
        v=0
        o=- 77 1 IN IP4 203.0.113.5
        s=-
        c=IN IP4 203.0.113.5
        b=AS:1100
        t=0 0
        m=audio 30000 RTP/AVP 96 0 97
        c=IN IP4 203.0.113.5
        a=rtpmap:96 opus/48000/2
        a=fmtp:96 useinbandfec=1
        a=rtpmap:97 telephone-event/48000
        a=rtcp:30001
        m=video 30002 RTP/AVP 99
        c=IN IP4 203.0.113.5
        b=TIAS:1000000
        a=rtpmap:99 H264/90000
        a=fmtp:99 packetization-mode=1;profile-level-id=42801F
        a=rtcp:30003
        a=rtcp-fb:99 nack pli""")


def test_ice_and_bundles_are_taken_out_and_multiplexing_stays():
    assert rewrite(SAMPLES["ice_softphone"]) == crlf("""
        v=0
        o=- 77 1 IN IP4 203.0.113.5
        s=-
        c=IN IP4 203.0.113.5
        t=0 0
        m=audio 30000 RTP/AVP 0 101
        a=rtpmap:101 telephone-event/8000
        a=rtcp:30001
        a=rtcp-mux
        a=mid:audio
        a=sendonly""")


def test_a_hold_by_the_address_of_nobody_stays_a_hold():
    for address, silent in ((OURS, b"IP4 0.0.0.0"), ("2001:db8::5", b"IP6 ::")):
        octets = rewrite(SAMPLES["hold_of_old"], address=address)
        assert octets.count(b"c=IN " + silent) == 2
        session = parse_session(octets)
        assert is_hold(session, session.media[0])


def test_between_address_families():
    octets = rewrite(SAMPLES["desk_phone"], origin=OwnOrigin(1, "2001:db8::5"), address="2001:db8::5")
    assert b"o=- 1 1 IN IP6 2001:db8::5\r\n" in octets
    assert b"c=IN IP6 2001:db8::5\r\n" in octets
    assert b"IP4" not in octets


def test_faults_of_form_are_mended_for_the_other_side():
    assert rewrite(SAMPLES["line_ends"]) == crlf("""
        v=0
        o=- 77 1 IN IP4 203.0.113.5
        s=-
        c=IN IP4 203.0.113.5
        t=0 0
        m=audio 30000 RTP/AVP 8
        a=inactive""")
    lines = rewrite(audio().replace(b"t=0 0\r\n", b"a=x\r\n")).split(b"\r\n")
    assert lines[4:6] == [b"t=0 0", b"a=x"]


def test_refused_streams_keep_their_line():
    octets = SAMPLES["video_phone"].replace(b"m=video 5006", b"m=video 0")
    assert b"m=video 0 RTP/AVP 99" in rewrite(octets, (30000, 30002))
    octets = rewrite(SAMPLES["video_phone"], (30000, 0))
    assert b"m=video 0 RTP/AVP 99" in octets
    assert b"a=rtcp:1\r\n" not in octets


def test_a_stream_without_address_is_a_fault_of_the_peer():
    octets = audio().replace(b"c=IN IP4 192.0.2.11\r\n", b"")
    with pytest.raises(PeerError):
        rewrite(octets)
    assert b"m=audio 0 " in rewrite(octets.replace(b"49170", b"0"))


def test_more_addresses_than_any_session_has():
    lines = "\n".join(f"a=x:IN IP4 192.0.2.{number}" for number in range(ADDRESSES_LIMIT + 1))
    with pytest.raises(PeerError) as refused:
        rewrite(audio(lines))
    assert refused.value.status_hint == 488


def test_each_medium_needs_a_port():
    with pytest.raises(MisuseError):
        rewrite(SAMPLES["video_phone"], (30000,))


def test_an_address_that_begins_like_ours_spoils_nothing():
    octets = rewrite(audio("a=rtcp:5 IN IP4 203.0.113.5", address="203.0.113.5"), address="203.0.113.55")
    assert b"c=IN IP4 203.0.113.55\r\n" in octets
    assert b"m=audio 30000 RTP/AVP 0\r\na=rtcp:30001\r\n" in octets


def test_the_version_rises_with_every_change_and_with_nothing_else():
    origin = OwnOrigin(77, OURS)
    first = rewrite(audio("a=sendrecv"), origin=origin)
    assert rewrite(audio("a=sendrecv"), origin=origin) == first
    # their version alone, or their own new address behind ours, changes nothing that we say
    assert rewrite(audio("a=sendrecv", address="192.0.2.99").replace(b"1 1 IN", b"1 2 IN"), origin=origin) == first
    held = rewrite(audio("a=sendonly"), origin=origin)
    assert b"o=- 77 2 IN IP4 203.0.113.5\r\n" in held
    again = rewrite(audio("a=sendrecv"), origin=origin)
    assert b"o=- 77 3 " in again
    assert again.replace(b"77 3", b"77 1") == first


def test_a_restored_origin_goes_on_where_it_was():
    origin = OwnOrigin(77, OURS)
    said = rewrite(audio(), origin=origin)
    restored = OwnOrigin(77, OURS, origin.version, origin.said)
    assert rewrite(audio(), origin=restored) == said
    assert b"o=- 77 2 " in rewrite(audio("a=inactive"), origin=restored)


def test_a_session_id_fits_64_bits():
    for wrong in (-1, 2**62):
        with pytest.raises(MisuseError):
            OwnOrigin(wrong, OURS)


@pytest.mark.parametrize("address", ["192.168.1.11", "fd00::11", "phone.office.internal"])
def test_a_line_that_repeats_the_address_goes(address):
    lines = f"a=ssrc:1 cname:x@{address}\na=x-what:{address}:5060\na=fmtp:0 x=1\ni={address}\na=ssrc:1 label:1"
    octets = rewrite(audio(lines, address=address))
    assert address.encode() not in octets
    assert octets.endswith(b"RTP/AVP 0\r\na=fmtp:0 x=1\r\na=ssrc:1 label:1\r\n")


def test_the_name_of_a_source_stays_on_its_side():
    octets = rewrite(audio("a=ssrc:33335443 cname:sip:201@office\na=ssrc:33335443 label:1"))
    assert b"201" not in octets
    assert b"a=ssrc:33335443 label:1\r\n" in octets


@given(descriptions(), st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=3)), min_size=1, max_size=6))
def test_spoiled_descriptions_are_rewritten_or_refused(octets, spoilings):
    for place, put in spoilings:
        octets = octets[:place] + put + octets[place + 1:]
    try:
        session = parse_session(octets)
        written = rewrite_session(session, OwnOrigin(77, OURS), MediaAddress(OURS), [30000] * len(session.media))
    except PeerError:
        return
    again = parse_session(written)
    assert [medium.formats for medium in again.media] == [medium.formats for medium in session.media]
    assert len(answer_offer(again, OURS, (PHONE,)).streams) == len(again.media)


PHONE = LocalStream(b"audio", 40000, (STATIC_CODECS[0], STATIC_CODECS[8]))


@given(descriptions())
def test_no_address_of_theirs_is_left(octets):
    session = parse_session(octets)
    ports = [30000 + 2 * number for number in range(len(session.media))]
    octets = rewrite_session(session, OwnOrigin(77, OURS), MediaAddress(OURS), ports)
    now = parse_session(octets)
    for found in re.findall(rb"IN IP[46] ([^\r\n ]+)", octets):
        assert found in (b"203.0.113.5", b"0.0.0.0")
    assert b"a=candidate" not in octets
    assert b"a=ice" not in octets
    assert [(medium.kind, medium.formats, read_direction(now, medium)) for medium in now.media] == [
        (medium.kind, medium.formats, read_direction(session, medium)) for medium in session.media]
    assert [medium.port for medium in now.media] == [
        port if medium.port else 0 for medium, port in zip(session.media, ports, strict=True)]


@given(descriptions(), st.sampled_from([OURS, "2001:db8::5"]))
def test_rewriting_twice_is_rewriting_once(octets, address):
    session = parse_session(octets)
    ports = [30000] * len(session.media)
    once = rewrite_session(session, OwnOrigin(77, address), MediaAddress(address), ports)
    assert rewrite_session(parse_session(once), OwnOrigin(77, address), MediaAddress(address), ports) == once


@given(descriptions())
def test_attributes_of_the_streams_stay_in_their_order(octets):
    session = parse_session(octets)
    now = rewrite(octets, [30000] * len(session.media)).split(b"\r\n")
    untouched = re.compile(rb"a=(rtpmap|fmtp|setup|mid|ptime|sendrecv|sendonly|recvonly|inactive|rtcp-mux)|b=")
    assert [line for line in now if untouched.match(line)] == [
        line for line in octets.split(b"\r\n") if untouched.match(line)]
