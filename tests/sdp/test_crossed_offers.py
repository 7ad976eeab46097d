# SPDX-License-Identifier: Apache-2.0
"""Two offers that meet (RFC 3264 6): each is answered with the other one's description, as far as both can."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import PeerError
from appliance.sdp.codec import read_codecs
from appliance.sdp.crossed_offers import cross_offers, keep_media
from appliance.sdp.direction import read_direction
from appliance.sdp.parser import parse_session

HEAD = "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
FORMATS = {"PCMU/8000": 0, "PCMA/8000": 8, "G722/8000": 9, "opus/48000/2": 111, "telephone-event/8000": 101}


def describe(host: str, *media: str) -> bytes:
    return (HEAD.format(host=host) + "".join(media)).encode()


def audio(port: int, formats: dict[int, str], more: str = "", protocol: str = "RTP/AVP") -> str:
    lines = [f"m=audio {port} {protocol} {' '.join(map(str, formats))}"]
    lines += [f"a=rtpmap:{number} {name}" for number, name in formats.items()]
    return "\r\n".join(lines) + "\r\n" + more


def cross(one: bytes, other: bytes):
    return cross_offers(parse_session(one), parse_session(other))


def test_each_hears_of_the_others_address_under_its_own_numbers():
    crossed = cross(describe("192.0.2.1", audio(4000, {8: "PCMA/8000", 0: "PCMU/8000", 96: "telephone-event/8000"})),
                    describe("192.0.2.2", audio(5000, {0: "PCMU/8000", 8: "PCMA/8000", 101: "telephone-event/8000"})))
    first, second = crossed.first.media[0], crossed.second.media[0]
    assert b"192.0.2.1" in bytes(crossed.first)
    assert b"192.0.2.2" in bytes(crossed.second)
    assert (first.port, first.formats) == (4000, [b"8", b"0", b"101"])
    assert (second.port, second.formats) == (5000, [b"8", b"0", b"96"])
    assert crossed.formats == (((8, 8, 8000), (0, 0, 8000), (96, 101, 8000)),)


def test_the_same_numbers_need_no_translation():
    crossed = cross(describe("192.0.2.1", audio(4000, {0: "PCMU/8000", 101: "telephone-event/8000"})),
                    describe("192.0.2.2", audio(5000, {0: "PCMU/8000", 101: "telephone-event/8000"})))
    assert crossed.formats == ((),)


def test_media_meet_in_whatever_order_and_what_one_has_alone_is_refused():
    video = "m=video 4002 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    crossed = cross(describe("192.0.2.1", video, audio(4000, {0: "PCMU/8000"})),
                    describe("192.0.2.2", audio(5000, {0: "PCMU/8000"})))
    assert [(medium.kind, medium.port) for medium in crossed.first.media] == [(b"video", 0), (b"audio", 4000)]
    assert [(medium.kind, medium.port) for medium in crossed.second.media] == [(b"audio", 5000)]


def test_what_one_side_holds_stays_held():
    crossed = cross(describe("192.0.2.1", audio(4000, {0: "PCMU/8000"}, "a=sendonly\r\n")),
                    describe("192.0.2.2", audio(5000, {0: "PCMU/8000"})))
    directions = [read_direction(one, one.media[0]).attribute for one in (crossed.first, crossed.second)]
    assert directions == [b"sendonly", b"recvonly"]


def test_rtcp_is_multiplexed_where_both_have_offered_it():
    mux = "a=rtcp-mux\r\n"
    for ours, theirs in (("", mux), (mux, ""), (mux, mux)):
        crossed = cross(describe("192.0.2.1", audio(4000, {0: "PCMU/8000"}, ours)),
                        describe("192.0.2.2", audio(5000, {0: "PCMU/8000"}, theirs)))
        is_said = [one.media[0].attribute(b"rtcp-mux") is not None for one in (crossed.first, crossed.second)]
        assert is_said == [bool(ours and theirs)] * 2


@pytest.mark.parametrize("other", [
    audio(5000, {9: "G722/8000"}), audio(5000, {101: "telephone-event/8000"}), audio(0, {0: "PCMU/8000"}),
    audio(5000, {0: "PCMU/8000"}, "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\n", "RTP/SAVP"),
    "m=video 5000 RTP/AVP 0\r\n"], ids=["no format", "digits alone", "refused", "encrypted", "no audio"])
def test_nothing_in_common_is_488(other):
    with pytest.raises(PeerError) as raised:
        cross(describe("192.0.2.1", audio(4000, {0: "PCMU/8000", 101: "telephone-event/8000"})),
              describe("192.0.2.2", other))
    assert raised.value.status_hint == 488


numbered = st.lists(st.sampled_from(list(FORMATS)), min_size=1, max_size=5, unique=True).flatmap(
    lambda names: st.permutations(range(96, 112)).map(
        lambda numbers: {FORMATS[name] if FORMATS[name] < 96 else number: name
                         for name, number in zip(names, numbers, strict=False)}))


@given(numbered, numbered)
def test_each_answer_is_one_to_the_offer_of_its_hearer(one, other):
    offers = parse_session(describe("192.0.2.1", audio(4000, one))), parse_session(
        describe("192.0.2.2", audio(5000, other)))
    if not {name for name in one.values() if "event" not in name} & set(other.values()):
        with pytest.raises(PeerError):
            cross_offers(*offers)
        return
    crossed = cross_offers(*offers)
    for offer, answer in ((offers[1], crossed.first), (offers[0], crossed.second)):
        offered = {codec.payload_type: codec.encoding for codec in read_codecs(offer.media[0])}
        answered = {codec.payload_type: codec.encoding for codec in read_codecs(answer.media[0])}
        assert answered.items() <= offered.items()      # RFC 3264 6.1: the offer's numbers, no others
    encodings = [[codec.encoding for codec in read_codecs(answer.media[0])] for answer in crossed[:2]]
    assert encodings[0] == encodings[1]                 # so both speak the first alike


def test_media_that_were_never_offered_are_cut_off():
    octets = describe("192.0.2.1", audio(4000, {0: "PCMU/8000"}), "m=video 0 RTP/AVP 96\r\n")
    assert keep_media(octets, 1) == describe("192.0.2.1", audio(4000, {0: "PCMU/8000"}))
