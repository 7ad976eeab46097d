# SPDX-License-Identifier: Apache-2.0
"""Offers cut down to what a carrier takes."""

from appliance.gateway.codec_filter import filter_offer

OFFER = b"""v=0\r
o=- 1 1 IN IP4 203.0.113.5\r
s=-\r
c=IN IP4 203.0.113.5\r
t=0 0\r
m=audio 30000 RTP/AVP 96 9 0 8 101\r
a=rtpmap:96 opus/48000/2\r
a=fmtp:96 useinbandfec=1\r
a=rtpmap:0 PCMU/8000\r
a=rtpmap:101 telephone-event/8000\r
a=fmtp:101 0-15\r
a=ptime:40\r
a=sendrecv\r
m=video 30002 RTP/AVP 97\r
a=rtpmap:97 H264/90000\r
"""


def test_only_the_carriers_codecs_are_offered_under_their_numbers():
    offer = filter_offer(OFFER, ("PCMU", "TELEPHONE-EVENT"), 20)
    assert b"m=audio 30000 RTP/AVP 0 101\r\n" in offer
    assert b"rtpmap:96" not in offer
    assert b"fmtp:96" not in offer
    assert b"a=fmtp:101 0-15\r\n" in offer
    assert b"a=sendrecv\r\n" in offer
    assert b"a=ptime:20\r\n" in offer
    assert b"ptime:40" not in offer
    assert offer.startswith(OFFER[:OFFER.index(b"m=audio")])


def test_video_keeps_its_place_and_is_refused():
    offer = filter_offer(OFFER, ("PCMU",))
    assert offer.endswith(b"m=video 0 RTP/AVP 97\r\n")
    assert b"ptime:40" in offer


def test_without_a_list_everything_passes():
    assert filter_offer(OFFER, ()) == OFFER
    assert filter_offer(b"", ("PCMU",)) == b""


def test_nothing_is_left_where_nothing_fits():
    assert filter_offer(OFFER, ("G729",)) == b""
    assert filter_offer(OFFER, ("TELEPHONE-EVENT",)) == b""


def test_what_is_no_session_stays_for_others_to_refuse():
    assert filter_offer(b"hello", ("PCMU",)) == b"hello"
