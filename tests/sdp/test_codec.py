# SPDX-License-Identifier: Apache-2.0
"""Payload types and what they stand for; directions and holds."""

import pytest

from appliance.sdp.codec import STATIC_CODECS, Codec, find_event_codec, read_codecs
from appliance.sdp.direction import Direction, decide_answer_direction, is_held_session, is_hold, read_direction
from appliance.sdp.parser import parse_session
from tests.sdp.samples import SAMPLES, TORTURE, audio

INACTIVE, SENDONLY, RECVONLY, SENDRECV = Direction


def codecs_of(lines, formats):
    return read_codecs(parse_session(audio(lines, formats=formats)).media[0])


def test_static_numbers_need_no_rtpmap():
    assert codecs_of("", "0 8 9 18") == [
        Codec(0, "PCMU", 8000), Codec(8, "PCMA", 8000), Codec(9, "G722", 8000), Codec(18, "G729", 8000)]
    assert STATIC_CODECS[10] == Codec(10, "L16", 44100, 2)


def test_an_rtpmap_goes_before_the_static_meaning():
    assert codecs_of("a=rtpmap:8 opus/48000/2\na=rtpmap:0 pcmu/8000/1", "8 0") == [
        Codec(8, "OPUS", 48000, 2), Codec(0, "PCMU", 8000)]


def test_what_nobody_could_know_is_left_out():
    assert codecs_of("a=rtpmap:97 LPC\na=rtpmap:98 X/0", "0 96 97 98 127 128 999 t38 19 0") == [Codec(0, "PCMU", 8000)]


def test_an_rtpmap_without_clock_rate_means_nothing():
    """The rtpmap of RFC 4475's messages: "a=rtpmap:31 LPC"."""
    session = parse_session(TORTURE["sdp01"])
    assert [read_codecs(medium) for medium in session.media] == [[Codec(0, "PCMU", 8000), Codec(12, "QCELP", 8000)], []]


def test_both_clocks_of_g722():
    (right,), (wrong,) = codecs_of("a=rtpmap:9 G722/8000", "9"), codecs_of("a=rtpmap:109 g722/16000", "109")
    assert right.is_same_format(wrong)
    assert wrong.clock_rate_hz == 8000      # RFC 3551 4.5.2


def test_parameters():
    (codec,) = codecs_of("a=rtpmap:97 AMR/8000\na=fmtp:97 mode-set=0,2; Octet-Align=1;crc\na=fmtp:97 x=2", "97")
    assert [codec.parameter(name) for name in (b"mode-set", b"octet-align", b"crc", b"x", b"none")] == [
        b"0,2", b"1", b"", b"2", None]


@pytest.mark.parametrize(("one", "other", "is_same"), [
    ("AMR/8000", "AMR/8000", True),
    ("AMR/8000", "amr/8000/1", True),
    ("AMR/8000", "AMR/16000", False),
    ("AMR/8000\na=fmtp:97 octet-align=1", "AMR/8000", False),
    ("AMR/8000\na=fmtp:97 octet-align=0", "AMR/8000", True),
    ("H264/90000\na=fmtp:97 packetization-mode=1", "H264/90000", False),
    ("opus/48000/2\na=fmtp:97 useinbandfec=1", "opus/48000/2", True),
    ("L16/8000/2", "L16/8000", False),
    ("telephone-event/8000\na=fmtp:97 0-16", "telephone-event/8000", True),
    ("telephone-event/8000", "telephone-event/48000", False),
])
def test_the_same_format_under_two_numbers(one, other, is_same):
    (first,) = codecs_of(f"a=rtpmap:97 {one}", "97")
    (second,) = codecs_of(f"a=rtpmap:101 {other}".replace("fmtp:97", "fmtp:101"), "101")
    assert first.is_same_format(second) is second.is_same_format(first) is is_same


def test_events_go_with_the_speech_of_their_clock_rate():
    lines = "a=rtpmap:96 opus/48000/2\na=rtpmap:101 telephone-event/8000\na=rtpmap:102 telephone-event/48000"
    codecs = codecs_of(lines, "96 9 0 101 102")
    assert [find_event_codec(codecs, codec).payload_type for codec in codecs[:3]] == [102, 101, 101]
    assert find_event_codec(codecs[:3], codecs[0]) is None
    assert [codec.is_speech for codec in codecs] == [True, True, True, False, False]


@pytest.mark.parametrize("direction", Direction)
def test_directions_are_read_where_they_stand(direction):
    name = direction.attribute.decode()
    for octets in (audio(f"a={name}"), audio(f"a={name} "), audio(f"a={name}")[:-2],
                   audio().replace(b"t=0 0", b"t=0 0\r\na=" + direction.attribute)):
        session = parse_session(octets)
        assert read_direction(session, session.media[0]) is direction


def test_the_medium_says_it_before_the_session_and_nobody_says_sendrecv():
    session = parse_session(audio("a=recvonly\na=inactive").replace(b"t=0 0", b"t=0 0\r\na=sendonly"))
    assert read_direction(session, session.media[0]) is RECVONLY
    session = parse_session(audio("a=sendonlyx\na=x:sendonly"))
    assert read_direction(session, session.media[0]) is SENDRECV


@pytest.mark.parametrize(("offered", "wanted", "answered"), [
    (SENDRECV, SENDRECV, SENDRECV), (SENDRECV, SENDONLY, SENDONLY), (SENDRECV, INACTIVE, INACTIVE),
    (SENDONLY, SENDRECV, RECVONLY), (SENDONLY, RECVONLY, RECVONLY), (SENDONLY, SENDONLY, INACTIVE),
    (RECVONLY, SENDRECV, SENDONLY), (RECVONLY, RECVONLY, INACTIVE),
    (INACTIVE, SENDRECV, INACTIVE), (INACTIVE, SENDONLY, INACTIVE),
])
def test_directions_of_answers(offered, wanted, answered):
    """RFC 3264 6.1; RFC 6337 5.3"""
    assert decide_answer_direction(offered, wanted) is answered


def test_a_direction_seen_from_the_other_side():
    assert [direction.reverse for direction in Direction] == [INACTIVE, RECVONLY, SENDONLY, SENDRECV]


@pytest.mark.parametrize(("octets", "is_held"), [
    (audio(), False), (audio("a=recvonly"), False), (audio("a=sendonly"), True), (audio("a=inactive"), True),
    (audio(address="0.0.0.0"), True), (audio("a=sendonly", port=0), False),
    (audio().replace(b"a=", b"c=IN IP4 0.0.0.0\r\na="), False), (SAMPLES["hold_of_old"], True),
    (audio("c=IN IP4 0.0.0.0"), True), (audio("c=IN IP4 192.0.2.1", address="0.0.0.0"), False),
    (audio().replace(b"IP4 192.0.2.11", b"IP6 ::"), True), (audio("m=video 5 RTP/AVP 31\na=sendonly"), False),
    (audio("a=sendonly\nm=video 0 RTP/AVP 31"), True),
])
def test_every_way_to_say_hold(octets, is_held):
    session = parse_session(octets)
    assert is_held_session(session) is is_held
    assert is_held or not all(is_hold(session, medium) for medium in session.media)
