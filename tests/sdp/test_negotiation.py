# SPDX-License-Identifier: Apache-2.0
"""Offers and answers of our own: the rules of RFC 3264, its examples, and the patterns of RFC 6337."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import PeerError
from appliance.sdp.codec import STATIC_CODECS, Codec, read_codecs
from appliance.sdp.direction import Direction, read_direction
from appliance.sdp.negotiation import (
    PLAIN_PROTOCOLS,
    LocalStream,
    answer_offer,
    read_answer,
    renumber_codecs,
    write_offer,
)
from appliance.sdp.origin import OwnOrigin
from appliance.sdp.parser import parse_session
from tests.sdp.samples import SAMPLES, audio, crlf, descriptions

INACTIVE, SENDONLY, RECVONLY, SENDRECV = Direction
PCMU, PCMA, G722 = STATIC_CODECS[0], STATIC_CODECS[8], STATIC_CODECS[9]
OPUS = Codec(107, "OPUS", 48000, 2, b"useinbandfec=1")
EVENTS = Codec(101, "TELEPHONE-EVENT", 8000, 1, b"0-15")
WIDE_EVENTS = Codec(110, "TELEPHONE-EVENT", 48000, 1, b"0-15")
PHONE = LocalStream(b"audio", 40000, (G722, PCMU, PCMA, EVENTS))
OURS = "203.0.113.5"


class Side:
    """One end of a session."""

    def __init__(self, *streams, address=OURS):
        self.streams, self.address, self.origin = streams, address, OwnOrigin(1, address)
        self.last = self.agreed = None

    def offer(self, *streams):
        self.streams = streams or self.streams
        self.last = parse_session(self.origin.stamp(write_offer(self.address, self.streams, self.last)))
        return self.last

    def answer(self, offer, *streams):
        self.streams = streams or self.streams
        answer = answer_offer(offer, self.address, self.streams)
        self.last, self.agreed = parse_session(self.origin.stamp(answer.lines)), answer.streams
        return self.last

    def take(self, answer):
        self.agreed = read_answer(self.last, answer)
        return self.agreed


def answer_to(octets, *streams):
    """Our answer, and the only stream agreed on."""
    answer = answer_offer(parse_session(octets), OURS, streams or (PHONE,))
    return parse_session(OwnOrigin(1, OURS).stamp(answer.lines)), answer.streams[0]


def formats_of(session):
    return [codec.payload_type for codec in read_codecs(session.media[0])]


def test_an_answer_of_ours():
    answer = answer_offer(parse_session(SAMPLES["desk_phone"]), OURS, (PHONE,))
    assert OwnOrigin(5, OURS).stamp(answer.lines) == crlf("""
        v=0
        o=- 5 1 IN IP4 203.0.113.5
        s=-
        c=IN IP4 203.0.113.5
        t=0 0
        m=audio 40000 RTP/AVP 9 0 8 101
        a=rtpmap:9 G722/8000
        a=rtpmap:0 PCMU/8000
        a=rtpmap:8 PCMA/8000
        a=rtpmap:101 telephone-event/8000
        a=fmtp:101 0-15
        a=ptime:20
        a=sendrecv""")
    (stream,) = answer.streams
    assert stream.speech == G722
    assert stream.event_payload_type == 101
    assert (stream.remote[0].address, stream.remote[1], stream.remote_rtcp[1]) == (b"192.168.1.11", 11784, 11785)
    assert stream.may_send


def test_the_order_of_the_offer_and_its_numbers_hold():
    session, stream = answer_to(audio("a=rtpmap:96 telephone-event/8000\na=rtpmap:97 G722/8000", formats="8 96 97 0"))
    assert formats_of(session) == [8, 96, 97, 0]
    assert stream.speech.encoding == "PCMA"
    assert (stream.event_payload_type, stream.sending == stream.receiving) == (96, True)


def test_nothing_that_was_not_offered_is_answered():
    session, stream = answer_to(SAMPLES["carrier_answer"])
    assert formats_of(session) == [0]
    assert stream.event_payload_type is None


def test_events_of_a_clock_rate_without_speech_are_not_answered():
    octets = audio("a=rtpmap:96 opus/48000/2\na=rtpmap:97 telephone-event/48000\na=rtpmap:98 telephone-event/8000",
                   formats="96 0 97 98")
    assert formats_of(answer_to(octets, LocalStream(b"audio", 4, (PCMU, EVENTS, WIDE_EVENTS)))[0]) == [0, 98]
    session, stream = answer_to(octets, LocalStream(b"audio", 4, (OPUS, PCMU, EVENTS, WIDE_EVENTS)))
    assert formats_of(session) == [96, 0, 97, 98]
    assert stream.event_payload_type == 97
    assert session.media[0].attribute(b"fmtp") == b"96 useinbandfec=1"


def test_no_common_codec_refuses_the_session():
    answer = answer_offer(parse_session(audio("a=rtpmap:101 telephone-event/8000", formats="18 101")), OURS, (PHONE,))
    assert answer.is_refusal
    assert b"m=audio 0 RTP/AVP 18\r\n" in answer.lines
    assert answer_offer(parse_session(audio()), OURS, ()).is_refusal


def test_a_session_without_media_is_no_refusal():
    octets = audio()
    answer = answer_offer(parse_session(octets[:octets.index(b"m=")]), OURS, (PHONE,))
    assert (answer.streams, answer.is_refusal) == ((), False)
    assert b"m=" not in answer.lines


def test_refused_streams_keep_their_line_and_place():
    octets = audio("m=video 5006 RTP/AVP 31\nm=image 5008 udptl t38\nm=audio 5010 RTP/AVP 0\nm=audio 0 RTP/AVP 0\n"
                   "m=audio 5012 RTP/SAVP 0", formats="18")
    answer = answer_offer(parse_session(octets), OURS, (PHONE,))
    session = parse_session(OwnOrigin(1, OURS).stamp(answer.lines))
    assert [(medium.kind, medium.port, medium.formats[0]) for medium in session.media] == [
        (b"audio", 0, b"18"), (b"video", 0, b"31"), (b"image", 0, b"t38"), (b"audio", 40000, b"0"), (b"audio", 0, b"0"),
        (b"audio", 0, b"0")]
    assert [stream is not None for stream in answer.streams] == [False, False, False, True, False, False]
    assert not answer.is_refusal


def test_the_time_of_the_offer_comes_back():
    session, _ = answer_to(audio().replace(b"t=0 0", b"t=3338481189 3370017201"))
    assert session.line(b"t") == b"3338481189 3370017201"


def test_multicast_is_refused():
    assert answer_to(audio(address="224.2.1.1/127"))[1] is None


def test_rtcp_shares_the_port_only_where_both_want_it():
    session, stream = answer_to(SAMPLES["ice_softphone"])
    assert session.media[0].attribute(b"rtcp-mux") == b""
    assert stream.is_multiplexed
    assert stream.remote_rtcp == stream.remote
    session, stream = answer_to(SAMPLES["ice_softphone"], PHONE._replace(may_multiplex=False))
    assert session.media[0].attribute(b"rtcp-mux") is None
    assert (stream.is_multiplexed, stream.remote_rtcp[1]) == (False, 40013)
    assert answer_to(audio())[0].media[0].attribute(b"rtcp-mux") is None


def test_nothing_is_sent_to_the_address_of_nobody_but_the_direction_follows_the_attribute():
    """RFC 6337 5.4"""
    session, stream = answer_to(SAMPLES["hold_of_old"])
    assert read_direction(session, session.media[0]) is SENDRECV
    assert not stream.may_send


def test_each_side_sends_under_the_numbers_of_the_other():
    """RFC 3264 5.1, 6.1: an answer may number anew."""
    caller = Side(LocalStream(b"audio", 4000, (OPUS._replace(payload_type=96), EVENTS, WIDE_EVENTS)))
    caller.offer()
    (stream,) = caller.take(parse_session(audio(
        "a=rtpmap:122 telephone-event/48000\na=rtpmap:111 opus/48000/2\na=ptime:40", formats="111 122")))
    assert (stream.speech.payload_type, stream.event_payload_type, stream.packet_time_ms) == (111, 122, 40)
    assert [codec.payload_type for codec in stream.receiving] == [96, 101, 110]


@pytest.mark.parametrize("answer", [
    audio("m=video 0 RTP/AVP 31"), audio()[:audio().index(b"m=")], audio().replace(b"m=audio", b"m=video"),
])
def test_what_does_not_answer_the_offer_is_a_fault_of_the_peer(answer):
    caller = Side(PHONE)
    caller.offer()
    with pytest.raises(PeerError):
        caller.take(parse_session(answer))


def test_an_answer_may_not_revive_a_stream():
    offer = parse_session(audio(port=0))
    with pytest.raises(PeerError):
        read_answer(offer, parse_session(audio()))


def test_an_answer_that_refuses_or_knows_nothing_of_ours():
    caller = Side(PHONE)
    caller.offer()
    assert caller.take(parse_session(audio(port=0))) == (None,)
    assert caller.take(parse_session(audio(formats="18"))) == (None,)


def test_an_answer_that_contradicts_our_hold_does_not_end_it():
    """The fault that phones make most: sendrecv in answer to sendonly."""
    holder = Side(PHONE)
    holder.offer(PHONE._replace(direction=SENDONLY))
    assert holder.take(parse_session(audio("a=sendrecv")))[0].direction is SENDONLY
    assert holder.take(parse_session(audio("a=inactive")))[0].direction is INACTIVE
    holder.offer(PHONE._replace(direction=INACTIVE))
    assert not holder.take(parse_session(audio()))[0].may_send


# RFC 3264 10.1

H261, MPV = STATIC_CODECS[31], STATIC_CODECS[32]


def test_the_basic_exchange_of_the_rfc():
    alice = Side(LocalStream(b"audio", 49170, (PCMU,)), LocalStream(b"video", 51372, (H261,)),
                 LocalStream(b"video", 53000, (MPV,)), address="192.0.2.1")
    bob = Side(LocalStream(b"audio", 49920, (PCMU,)), LocalStream(b"video", 53000, (MPV,)), address="192.0.2.2")
    alice.take(bob.answer(alice.offer()))
    assert [medium.port for medium in bob.last.media] == [49920, 0, 53000]
    assert [stream and stream.speech.encoding for stream in alice.agreed] == ["PCMU", None, "MPV"]


def test_a_stream_of_events_alone_is_answered():
    offer = audio("m=audio 51434 RTP/AVP 110\na=rtpmap:110 telephone-event/8000\na=recvonly")
    answer = answer_offer(parse_session(offer), OURS, (PHONE, LocalStream(b"audio", 53122, (EVENTS,))))
    session = parse_session(OwnOrigin(1, OURS).stamp(answer.lines))
    assert [medium.port for medium in session.media] == [40000, 53122]
    assert answer.streams[1].direction is SENDONLY
    assert [codec.payload_type for codec in answer.streams[1].sending] == [110]


def test_one_of_n_codecs():
    """RFC 3264 10.2: locked down by a second offer."""
    g723, g729 = STATIC_CODECS[4], STATIC_CODECS[18]
    alice, bob = Side(LocalStream(b"audio", 62986, (PCMU, g723, g729), INACTIVE)), Side(
        LocalStream(b"audio", 54344, (PCMU, g723)))
    alice.take(bob.answer(alice.offer()))
    assert formats_of(bob.last) == [0, 4]
    assert not alice.agreed[0].may_send
    alice.take(bob.answer(alice.offer(LocalStream(b"audio", 62986, (g723,)))))
    assert (alice.last.origin.version, bob.last.origin.version) == (b"2", b"2")
    assert alice.agreed[0].speech.encoding == bob.agreed[0].speech.encoding == "G723"
    assert alice.agreed[0].may_send


# RFC 6337 5.3

def directions(*sides):
    return [side.agreed[0].direction for side in sides]


def test_hold_and_resume_from_both_sides():
    one, two = Side(PHONE), Side(PHONE, address="192.0.2.9")
    holding = PHONE._replace(direction=SENDONLY)
    one.take(two.answer(one.offer()))
    one.take(two.answer(one.offer(holding)))
    assert directions(one, two) == [SENDONLY, RECVONLY]
    two.take(one.answer(two.offer(holding)))        # both hold: only inactive is left
    assert directions(one, two) == [INACTIVE, INACTIVE]
    one.take(two.answer(one.offer(PHONE)))          # the first resumes, the second still holds
    assert directions(one, two) == [RECVONLY, SENDONLY]
    two.take(one.answer(two.offer(PHONE)))
    assert directions(one, two) == [SENDRECV, SENDRECV]


def test_an_offer_says_what_is_wanted_and_not_what_was_answered_before():
    """Otherwise a session timer's re-INVITE from the held side keeps both on hold for ever."""
    one, two = Side(PHONE), Side(PHONE, address="192.0.2.9")
    one.take(two.answer(one.offer(PHONE._replace(direction=SENDONLY))))
    offer = two.offer()
    assert read_direction(offer, offer.media[0]) is SENDRECV
    two.take(one.answer(offer))
    assert directions(one, two) == [SENDONLY, RECVONLY]


def test_media_lines_are_never_lost_and_places_are_used_again():
    """RFC 6337 5.2.5; RFC 3264 8.1, 8.2"""
    video = LocalStream(b"video", 40002, (H261,))
    one = Side(PHONE, video)
    one.offer()
    assert [(medium.kind, medium.port) for medium in one.offer(PHONE).media] == [(b"audio", 40000), (b"video", 0)]
    assert [medium.port for medium in one.offer(video).media] == [0, 40002]
    offer = one.offer(video, PHONE, PHONE._replace(port=40004))
    assert [medium.port for medium in offer.media] == [40000, 40002, 40004]
    assert one.last.origin.version == b"4"


def test_an_unchanged_offer_has_the_unchanged_version():
    one = Side(PHONE)
    assert bytes(one.offer()) == bytes(one.offer())
    assert one.last.origin.version == b"1"


def test_a_dynamic_number_never_changes_its_meaning():
    """RFC 3264 8.3.2: we answered their 96 for events and their 101 for opus; our own offer must keep to that."""
    used = (Codec(96, "TELEPHONE-EVENT", 8000), Codec(101, "OPUS", 48000, 2), Codec(0, "PCMU", 8000))
    renumbered = renumber_codecs((PCMU, OPUS, EVENTS, WIDE_EVENTS), used)
    assert [codec.payload_type for codec in renumbered] == [0, 101, 96, 110]
    strange = tuple(Codec(number, f"X{number}", 8000) for number in range(96, 128))
    assert renumber_codecs((PCMU, EVENTS), strange) == (PCMU,)
    taken = renumber_codecs((EVENTS, WIDE_EVENTS), (Codec(101, "X", 8000),))
    assert [codec.payload_type for codec in taken] == [96, 110]


STREAMS = st.lists(st.builds(
    LocalStream, st.sampled_from([b"audio", b"video"]), st.integers(1, 32767).map(lambda number: number * 2),
    st.lists(st.sampled_from([PCMU, PCMA, G722, OPUS, EVENTS, WIDE_EVENTS, H261]), min_size=1, max_size=6,
             unique=True).map(tuple), st.sampled_from(Direction), st.sampled_from([0, 20, 30]), st.booleans(),
    st.just(PLAIN_PROTOCOLS)), max_size=3)


@given(descriptions(), STREAMS)
def test_laws_of_every_answer(octets, streams):
    offer = parse_session(octets)
    answer = answer_offer(offer, OURS, streams)
    session = parse_session(OwnOrigin(1, OURS).stamp(answer.lines))
    assert [medium.kind for medium in session.media] == [medium.kind for medium in offer.media]
    assert session.line(b"t") == offer.line(b"t")
    agreed = read_answer(offer, session)    # it answers the offer also in the eyes of who sent that
    for offered, answered, ours, theirs in zip(offer.media, session.media, answer.streams, agreed, strict=True):
        assert (answered.port == 0) is (ours is None) is (theirs is None)
        if ours is None:
            continue
        assert offered.port > 0
        assert {codec.payload_type for codec in read_codecs(answered)} <= {
            codec.payload_type for codec in read_codecs(offered)}
        assert not read_direction(session, answered) & ~read_direction(offer, offered).reverse
        assert theirs.direction is ours.direction.reverse
        assert theirs.is_multiplexed is ours.is_multiplexed
        assert theirs.speech is None or theirs.speech.is_same_format(ours.speech)


@given(STREAMS, STREAMS)
def test_an_offer_of_ours_is_understood_by_ourselves(streams, others):
    one, two = Side(*streams), Side(*others, address="192.0.2.9")
    one.take(two.answer(one.offer()))
    for ours, theirs in zip(one.agreed, two.agreed, strict=True):
        assert (ours is None) is (theirs is None)
        if ours is not None:
            assert ours.direction is theirs.direction.reverse
            assert ours.sending == theirs.receiving
            assert {codec.payload_type for codec in theirs.sending} <= {codec.payload_type for codec in ours.receiving}


def test_a_refused_offer_has_used_up_its_version():
    """RFC 6337 2.3: after a 488 the session is as before; what is offered next is another description all the same."""
    one, two = Side(PHONE), Side(PHONE, address="192.0.2.9")
    one.take(two.answer(one.offer()))
    assert one.offer(PHONE._replace(codecs=(OPUS,))).origin.version == b"2"     # 488
    offer = one.offer(PHONE)
    assert offer.origin.version == b"3"
    one.take(two.answer(offer))
    assert two.last.origin.version == b"1"      # the answer is what it was
    assert one.agreed[0].may_send


def test_an_offer_may_come_from_either_side_in_turn():
    """RFC 6337 2.2, all patterns: whoever offers, numbers and places are the session's, versions each one's own."""
    one, two = Side(PHONE), Side(PHONE._replace(codecs=(PCMU, EVENTS._replace(payload_type=96))), address="192.0.2.9")
    two.take(one.answer(two.offer()))       # an INVITE without an offer: the callee offers, the caller answers
    assert formats_of(one.last) == [0, 96]
    used = one.agreed[0].receiving + one.agreed[0].sending
    one.take(two.answer(one.offer(PHONE._replace(codecs=renumber_codecs(PHONE.codecs, used)))))
    assert formats_of(one.last) == [9, 0, 8, 96]
    assert formats_of(two.last) == [0, 96]
    assert (one.last.origin.version, two.last.origin.version) == (b"2", b"1")
    assert one.agreed[0].event_payload_type == two.agreed[0].event_payload_type == 96
