# SPDX-License-Identifier: Apache-2.0
"""Holds and resumes answered for a side that hears nothing of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.sdp.direction import Direction, read_direction
from appliance.sdp.hold_answer import answer_hold
from appliance.sdp.parser import parse_session

HEAD = "v=0\r\no=- 1 {version} IN IP4 192.168.1.11\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
EVENTS = "a=rtpmap:101 telephone-event/8000\r\n"


def describe(formats: str = "0 8 101", direction: str = "", host: str = "192.168.1.11", *more: str) -> bytes:
    return (HEAD.format(version=1, host=host) + f"m=audio 40000 RTP/AVP {formats}\r\n"
            + (EVENTS if "101" in formats else "") + (f"a={direction}\r\n" if direction else "")
            + "".join(more)).encode()


def answer(offer: bytes, last: bytes = describe(), told: bytes = describe("0")) -> bytes:
    other = parse_session(told)
    return answer_hold(parse_session(offer), parse_session(last), other.octets, list(other.media))


@pytest.mark.parametrize(("offered", "answered"), [
    ("sendonly", "recvonly"), ("inactive", "inactive")])
def test_a_hold_is_answered_with_the_direction_that_fits(offered, answered):
    session = parse_session(answer(describe(direction=offered)))
    assert read_direction(session, session.media[0]).attribute == answered.encode()
    assert session.media[0].formats == [b"0"]


def test_a_hold_by_address_follows_its_attribute():
    session = parse_session(answer(describe(host="0.0.0.0")))
    assert read_direction(session, session.media[0]) is Direction.SENDRECV


def test_the_end_of_a_hold_is_answered_as_well():
    session = parse_session(answer(describe(), describe(direction="sendonly")))
    assert read_direction(session, session.media[0]) is Direction.SENDRECV


def test_who_is_on_hold_stays_so_when_the_holder_comes_back():
    session = parse_session(answer(describe(), describe(direction="inactive"), describe("0", "sendonly")))
    assert read_direction(session, session.media[0]) is Direction.SENDONLY


def test_only_what_both_had_agreed_to_is_answered():
    # the other side had offered both, and knows that PCMA was chosen
    session = parse_session(answer(describe("0 8 101", "sendonly"), describe("8"), describe("0 8")))
    assert session.media[0].formats == [b"8"]


def test_formats_that_are_gone_take_their_lines_with_them():
    session = parse_session(answer(describe("0", "sendonly"), describe(), describe("0 101")))
    assert session.media[0].formats == [b"0"]
    assert b"telephone-event" not in bytes(session)


@pytest.mark.parametrize("offer", [
    describe("8", "sendonly"),                                              # another codec than the one in use
    describe("101", "sendonly"),                                            # no speech
    describe("0 8", "sendonly", "192.168.1.11", "m=video 40002 RTP/AVP 97\r\n"),    # video comes
    describe().replace(b"RTP/AVP", b"RTP/SAVP").replace(b"t=0 0\r\n", b"t=0 0\r\na=sendonly\r\n"),
    describe(),                                                             # no hold at all
])
def test_what_changes_more_than_a_hold_is_for_the_other_side(offer):
    assert answer(offer) == b""


def test_a_format_that_means_something_else_now_is_no_common_one():
    opus = "a=rtpmap:101 opus/48000/2\r\n"
    offer = describe("0", "sendonly").replace(b"AVP 0\r\n", b"AVP 0 101\r\n" + opus.encode())
    session = parse_session(answer(offer, describe(), describe("0 101")))
    assert session.media[0].formats == [b"0"]


def test_a_stream_that_was_refused_is_refused_again():
    video = "m=video 40002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n"
    offer = describe("0", "", "192.168.1.11", video).replace(b"t=0 0\r\n", b"t=0 0\r\na=sendonly\r\n")
    told = describe("0", "", "192.168.1.11", video.replace("40002", "0"))
    session = parse_session(answer(offer, describe("0 8", "", "192.168.1.11", video), told))
    assert [(one.kind, one.port == 0) for one in session.media] == [(b"audio", False), (b"video", True)]


DIRECTIONS = st.sampled_from(["sendrecv", "sendonly", "recvonly", "inactive", ""])
FORMATS = st.lists(st.sampled_from(["0", "8", "9", "101"]), min_size=1, max_size=4, unique=True).map(" ".join)


@given(FORMATS, DIRECTIONS, FORMATS, DIRECTIONS, FORMATS, DIRECTIONS)
def test_every_answer_is_one_that_rfc_3264_allows(offered, direction, said, said_direction, told, told_direction):
    offer = describe(offered, direction)
    octets = answer(offer, describe(said, said_direction), describe(told, told_direction))
    if not octets:
        return
    session, asked = parse_session(octets), parse_session(offer)
    assert len(session.media) == len(asked.media)
    assert set(session.media[0].formats) <= set(asked.media[0].formats) & set(told.encode().split())
    mine, theirs = (read_direction(one, one.media[0]) for one in (session, asked))
    assert mine & theirs.reverse == mine        # 6.1: nothing that was not asked for
