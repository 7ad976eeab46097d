# SPDX-License-Identifier: Apache-2.0
"""A new party in an old session: no media line is lost on one side, none appears on the other."""

import pytest
from hypothesis import given

from appliance.errors import MisuseError
from appliance.sdp.alignment import align_offer, restore_answer
from appliance.sdp.parser import parse_session
from tests.sdp.samples import audio, descriptions


def ports_of(session):
    return [(medium.kind, medium.port) for medium in session.media]


def test_a_party_without_video_joins_a_session_with_it():
    previous = parse_session(audio("m=video 5006 RTP/AVP 31"))
    aligned = align_offer(previous, parse_session(audio(port=7000)))
    assert ports_of(aligned.session) == [(b"audio", 7000), (b"video", 0)]
    answer = parse_session(audio("m=video 0 RTP/AVP 31", port=9))
    assert ports_of(restore_answer(answer, aligned.places)) == [(b"audio", 9)]


def test_media_in_another_order_find_their_places():
    previous = parse_session(audio("m=video 5006 RTP/AVP 31"))
    offer = parse_session(audio().replace(b"m=audio", b"m=video") + b"m=audio 7002 RTP/AVP 0\r\n")
    aligned = align_offer(previous, offer)
    assert ports_of(aligned.session) == [(b"audio", 7002), (b"video", 49170)]
    assert aligned.places == (1, 0)


def test_what_is_new_fills_an_ended_place_or_comes_below():
    previous = parse_session(audio("m=video 0 RTP/AVP 31"))
    offer = parse_session(audio("m=image 5 udptl t38\nm=application 7 TCP/BFCP *"))
    assert ports_of(align_offer(previous, offer).session) == [(b"audio", 49170), (b"image", 5), (b"application", 7)]


def test_an_answer_to_another_offer():
    with pytest.raises(MisuseError):
        restore_answer(parse_session(audio()), (0, 1))


@given(descriptions(), descriptions())
def test_laws(before, offered):
    previous, offer = parse_session(before), parse_session(offered)
    aligned = align_offer(previous, offer)
    before, offered, after = len(previous.media), len(offer.media), len(aligned.session.media)
    assert max(before, offered) <= after <= before + offered
    assert bytes(restore_answer(aligned.session, aligned.places)) == bytes(offer)
    assert sorted(aligned.places) == sorted(set(aligned.places))
    parse_session(bytes(aligned.session))
    for place, medium in enumerate(aligned.session.media):
        if place not in aligned.places:
            assert (medium.kind, medium.port) == (previous.media[place].kind, 0)


@given(descriptions())
def test_the_same_party_changes_nothing(octets):
    session = parse_session(octets)
    assert bytes(align_offer(session, session).session) == octets
