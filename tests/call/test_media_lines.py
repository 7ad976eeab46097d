# SPDX-License-Identifier: Apache-2.0
"""Session descriptions of every kind through the engine: what each side is shown, and what the relay is told."""

import pytest

from tests.call.virtual_calls import VirtualCalls
from tests.call.virtual_phone import read_media

VIDEO = "m=video 41000 RTP/AVP 96\r\n"
FAX = "m=image 41000 udptl t38\r\n"
MESSAGES = "m=message 41000 TCP/MSRP *\r\na=path:msrp://192.168.1.11:41000/x;tcp\r\n"


@pytest.fixture
def office() -> VirtualCalls:
    return VirtualCalls()


@pytest.fixture
def pair(office):
    return office.phone("201"), office.phone("202")


def finish(office, call):
    call.acknowledge()
    call.bye()
    office.check_clean()


def test_lines_keep_their_number_and_order(office, pair):
    alice, bob = pair
    call = alice.invite("202", alice.describe(VIDEO, "m=audio 41004 RTP/AVP 8\r\n"))
    assert [kind for kind, _port in read_media(bob.ringing.invite)] == ["audio", "video", "audio"]
    ports = [port for _kind, port in read_media(bob.ringing.invite)]
    assert len(set(ports)) == 3
    assert all(ports)
    assert len(office.relay.sessions) == 3
    bob.ringing.answer(bob.describe(VIDEO, "m=audio 0 RTP/AVP 8\r\n", port=40002))
    assert [(kind, bool(port)) for kind, port in read_media(call.last(200))] == [
        ("audio", True), ("video", True), ("audio", False)]
    finish(office, call)


@pytest.mark.parametrize("other", [FAX, MESSAGES])
def test_media_that_are_no_rtp_are_refused_in_their_line(office, pair, other):
    alice, bob = pair
    call = alice.invite("202", alice.describe(other, VIDEO))
    assert [(kind, bool(port)) for kind, port in read_media(bob.ringing.invite)] == [
        ("audio", True), (other[2:].split()[0], False), ("video", True)]
    bob.ringing.answer(bob.describe(other.replace("41000", "0", 1), VIDEO, port=40002))
    assert read_media(call.last(200))[1][1] == 0
    finish(office, call)


def test_nothing_that_we_carry_is_488(office, pair):
    alice, bob = pair
    call = alice.invite("202", alice.describe(FAX).replace(b"m=audio 40000 RTP/AVP 0 8\r\n", b""))
    assert call.statuses[-1] == 488
    assert not bob.calls
    office.check_clean()


def test_a_hundred_media_lines(office, pair):
    alice, bob = pair
    call = alice.invite("202", alice.describe(*[f"m=audio {42000 + 2 * one} RTP/AVP 0\r\n" for one in range(99)]))
    offered = read_media(bob.ringing.invite)
    assert len(offered) == 100
    assert sum(port > 0 for _kind, port in offered) == 8
    lines = [f"m=audio {43000 + 2 * place if port else 0} RTP/AVP 0\r\n" for place, (_kind, port) in
             enumerate(offered[1:])]
    bob.ringing.answer(bob.describe(*lines, port=40002))
    assert len(read_media(call.last(200))) == 100
    finish(office, call)


def test_more_media_lines_than_anybody_has(office, pair):
    alice, bob = pair
    call = alice.invite("202", alice.describe(*["m=audio 42000 RTP/AVP 0\r\n"] * 200))
    assert call.statuses[-1] == 488
    assert not bob.calls
    office.check_clean()


def test_port_0_in_the_offer(office, pair):
    alice, bob = pair
    call = alice.invite("202", alice.describe(VIDEO.replace("41000", "0")))
    assert read_media(bob.ringing.invite)[1] == ("video", 0)
    assert len(office.relay.sessions) == 1
    bob.ringing.answer(bob.describe(VIDEO.replace("41000", "0"), port=40002))
    finish(office, call)


def test_an_answer_that_leaves_out_refused_lines_is_completed(office, pair):
    """RFC 3264 6 forbids it, telephones do it."""
    alice, bob = pair
    call = alice.invite("202", alice.describe(VIDEO))
    bob.ringing.answer()
    assert [(kind, bool(port)) for kind, port in read_media(call.last(200))] == [("audio", True), ("video", False)]
    finish(office, call)


@pytest.mark.parametrize("lines", [[VIDEO, VIDEO], [FAX]])
def test_an_answer_with_other_lines_than_the_offer_is_none(office, pair, lines):
    alice, bob = pair
    call = alice.invite("202", alice.describe(VIDEO))
    bob.ringing.answer(bob.describe(*lines, port=40002))
    assert call.last().status in (488, 502)
    assert bob.ringing.labels[-2:] == ["ACK", "BYE"]
    office.check_clean()


def test_media_go_to_the_address_in_the_description(office, pair):
    """A third party's: the relay sends there, and hears whom it may."""
    alice, bob = pair
    call = alice.invite("202", alice.describe(address="198.51.100.99"))
    assert b"198.51.100.99" not in bob.ringing.invite.data
    session, = office.relay.sessions
    told = office.relay.directed[session, 0]
    assert told.rtp == ("198.51.100.99", 40000)
    assert told.signalling_host == "192.168.1.11"
    bob.ringing.answer()
    finish(office, call)


def test_a_name_instead_of_an_address(office, pair):
    """RFC 8866 5.7: the relay knows numbers alone; media go where the signalling comes from."""
    alice, bob = pair
    call = alice.invite("202", alice.describe(address="phone.example.com"))
    assert b"phone.example.com" not in bob.ringing.invite.data
    session, = office.relay.sessions
    assert office.relay.directed[session, 0].rtp == ("192.168.1.11", 40000)
    bob.ringing.answer()
    finish(office, call)


def test_rtcp_on_one_port_once_both_want_it(office, pair):
    """RFC 5761 5.1.1."""
    alice, bob = pair
    call = alice.invite("202", alice.describe("a=rtcp-mux\r\n"))
    session, = office.relay.sessions
    assert office.relay.directed[session, 0].rtcp == ("192.168.1.11", 40001)
    bob.ringing.answer(bob.describe("a=rtcp-mux\r\n", port=40002))
    for side, rtp in ((0, ("192.168.1.11", 40000)), (1, ("192.168.1.12", 40002))):
        assert office.relay.directed[session, side].rtcp == rtp
    finish(office, call)


def test_codecs_and_their_numbers_pass_untouched(office, pair):
    alice, bob = pair
    lines = "a=rtpmap:97 opus/48000/2\r\na=fmtp:97 useinbandfec=1\r\na=rtpmap:101 telephone-event/8000\r\n"
    call = alice.invite("202", alice.describe(lines, codecs="97 0 101"))
    assert b"m=audio " in bob.ringing.invite.body
    assert b"RTP/AVP 97 0 101\r\n" in bob.ringing.invite.body
    assert lines.encode() in bob.ringing.invite.body
    bob.ringing.answer(bob.describe("a=rtpmap:101 telephone-event/8000\r\n", port=40002, codecs="0 101"))
    assert b"RTP/AVP 0 101\r\n" in call.last(200).body
    finish(office, call)


def test_no_common_codec_is_the_phones_488(office, pair):
    alice, bob = pair
    call = alice.invite("202", codecs="18")
    bob.ringing.respond(488)
    assert call.statuses[-1] == 488
    office.check_clean()


def test_ice_and_names_of_the_writer_do_not_pass(office, pair):
    alice, bob = pair
    extra = ("a=candidate:1 1 UDP 1 192.168.1.11 40000 typ host\r\na=ice-ufrag:abcd\r\n"
             "a=ssrc:1 cname:alice@192.168.1.11\r\na=rtcp:40001 IN IP4 192.168.1.11\r\n")
    call = alice.invite("202", alice.describe(extra))
    assert b"candidate" not in bob.ringing.invite.body
    assert b"ice-ufrag" not in bob.ringing.invite.body
    bob.ringing.answer()
    finish(office, call)


def test_lines_may_end_with_lf_alone(office, pair):
    alice, bob = pair
    call = alice.invite("202", alice.describe().replace(b"\r\n", b"\n"))
    assert read_media(bob.ringing.invite)
    bob.ringing.answer()
    finish(office, call)
