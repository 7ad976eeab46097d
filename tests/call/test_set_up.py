# SPDX-License-Identifier: Apache-2.0
"""Calls that come about, and calls that do not: what each side is told, and what the record says."""

import pytest

from tests.call.virtual_calls import CARRIER, VirtualCalls, label
from tests.call.virtual_phone import read_media


@pytest.fixture
def office() -> VirtualCalls:
    return VirtualCalls()


def test_a_call_of_two_phones_stands_and_ends(office):
    alice, bob = office.phone("201"), office.phone("202")
    mine, theirs = office.connect(alice, bob)
    assert mine.statuses == [100, 180, 200]
    assert mine.last(200).body.count(b"m=audio 300") == 1
    office.run(60.0)
    mine.bye()
    assert label(theirs.heard[-1]) == "BYE"
    assert mine.last(200, "BYE")
    office.check_clean()
    record = office.records.kept[0]
    assert (record.result, record.ended_by, record.status) == ("answered", "caller", 200)
    assert (record.caller, record.callee, record.dialled) == ("201", "202", "202")
    assert record.ended_at - record.answered_at == pytest.approx(60.0)
    assert [(leg.direction, leg.number) for leg in record.legs] == [("incoming", "201"), ("outgoing", "202")]


def test_the_called_side_may_end_it(office):
    alice, bob = office.phone("201"), office.phone("202")
    mine, theirs = office.connect(alice, bob)
    theirs.bye()
    assert label(mine.heard[-1]) == "BYE"
    office.check_clean()
    assert office.records.kept[0].ended_by == "callee"


def test_the_called_side_may_speak_before_its_answer(office):
    """RFC 3264 5.1: from the host of its signalling; what it answers is told to the relay as ever."""
    alice, bob = office.phone("201"), office.phone("202")
    mine = alice.invite("202")
    (session,) = office.relay.sessions
    assert office.relay.expected[session, 1] == "192.168.1.12"
    bob.ringing.respond(180)
    bob.ringing.answer()
    assert office.relay.expected[session, 0] is None
    assert office.relay.directed[session, 1].rtp is not None
    mine.acknowledge()
    mine.bye()
    office.check_clean()


def test_each_leg_has_names_of_its_own(office):
    alice, bob = office.phone("201"), office.phone("202")
    mine, theirs = office.connect(alice, bob)
    asked = theirs.invite
    assert asked.call_id.decode() != mine.call_id
    assert asked.from_tag.decode() != mine.tag
    assert asked.from_uri == b"sip:201@192.168.1.1"
    assert asked.to_value == b"<sip:202@192.168.1.1>"
    assert len(asked.headers(b"Via")) == 1
    assert not asked.headers(b"Record-Route")
    mine.bye()
    office.check_clean()


def test_the_display_name_of_the_phone_is_shown(office):
    alice, bob = office.phone("201"), office.phone("202")
    alice.invite("202", lines='From: "Ali \\"A\\" ce" <sip:201@192.168.1.1>\r\n')
    assert bob.ringing.invite.from_value.startswith(b'"Ali \\"A\\" ce" <sip:201@192.168.1.1>;tag=')


def test_who_wants_privacy_is_anonymous(office):
    alice, bob = office.phone("201"), office.phone("202")
    alice.invite("202", lines='Privacy: id\r\nFrom: "Alice" <sip:201@192.168.1.1>\r\n')
    asked = bob.ringing.invite
    assert b"201" not in asked.from_value
    assert b"Alice" not in asked.data
    assert asked.from_uri == b"sip:anonymous@anonymous.invalid"


def test_hops_count_down_over_the_server(office):
    """RFC 3261 16.3 step 3 for an element that makes a request of its own out of another: a loop must end."""
    alice, bob = office.phone("201"), office.phone("202")
    alice.invite("202", lines="Max-Forwards: 9\r\n")
    assert bob.ringing.invite.max_forwards == 8


def test_no_hops_left_is_483(office):
    alice, _bob = office.phone("201"), office.phone("202")
    call = alice.invite("202", lines="Max-Forwards: 0\r\n")
    assert call.statuses == [483]
    office.check_clean(records=0)


def test_a_carrier_without_hops_left_is_told_so():
    office = VirtualCalls(CARRIER)
    office.phone("201")
    call = office.carrier().invite("05011112222", lines="Max-Forwards: 0\r\n")
    assert call.statuses[-1] == 483
    office.check_clean(records=len(office.records.kept))


def test_a_number_of_nobody_is_404(office):
    alice = office.phone("201")
    call = alice.invite("299")
    assert call.statuses[-1] == 404
    assert b"Q.850;cause=1" in call.last(404).header(b"Reason")
    office.check_clean()
    record = office.records.kept[0]
    assert (record.result, record.status, record.cause, record.callee) == ("not_found", 404, 1, "299")


def test_a_phone_that_is_not_registered_is_480(office):
    alice = office.phone("201")
    call = alice.invite("202")
    assert call.statuses[-1] == 480
    assert b"Q.850;cause=20" in call.last(480).header(b"Reason")
    office.check_clean()
    assert office.records.kept[0].reason == "phone not registered"


@pytest.mark.parametrize(("status", "told", "result"), [
    (486, 486, "busy"), (603, 603, "refused"), (600, 600, "busy"), (480, 480, "no_answer"), (404, 404, "not_found"),
    (403, 403, "blocked"), (488, 488, "refused"), (500, 500, "failed"), (503, 503, "failed"), (401, 403, "blocked"),
    (407, 403, "blocked"), (420, 500, "failed"), (481, 500, "failed"), (491, 500, "failed"), (302, 480, "no_answer"),
    (305, 480, "no_answer"), (380, 480, "no_answer"), (421, 500, "failed"), (422, 500, "failed"),
    (494, 500, "failed"), (606, 606, "refused"), (699, 699, "refused")])
def test_a_refusal_is_told_to_the_caller(office, status, told, result):
    alice, bob = office.phone("201"), office.phone("202")
    call = alice.invite("202")
    bob.ringing.respond(180)
    bob.ringing.respond(status)
    assert call.statuses == [100, 180, told]
    assert bob.ringing.labels[-1] == "ACK"
    office.check_clean()
    record = office.records.kept[0]
    assert (record.result, record.status, record.ended_by) == (result, told, "callee")
    assert [leg.status for leg in record.legs] == [told, status]


def test_the_reason_of_a_refusal_passes(office):
    alice, bob = office.phone("201"), office.phone("202")
    call = alice.invite("202")
    bob.ringing.respond(486, lines='Reason: Q.850;cause=17;text="at 192.168.1.12"\r\n')
    assert call.last(486).header(b"Reason") == b"Q.850;cause=17"


def test_why_a_session_was_refused_passes_in_our_own_words(office):
    alice, bob = office.phone("201"), office.phone("202")
    call = alice.invite("202")
    bob.ringing.respond(488, lines='Warning: 305 192.168.1.12 "not in, Bob\'s hall", 399 192.168.1.12 "x"\r\n')
    assert call.last(488).headers(b"Warning") == [b'305 denwaban "Incompatible media format"']
    assert call.last(488).header(b"Server") is None


@pytest.mark.parametrize("body", [b"nonsense", b"v=0\r\n", b"v=0\r\no=- 1 1 IN IP4\r\n", b"\x00" * 40,
                                  b"v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nt=0 0\r\nm=audio x RTP/AVP 0\r\n"])
def test_a_session_that_cannot_be_read_is_400(office, body):
    alice, bob = office.phone("201"), office.phone("202")
    call = alice.invite("202", body)
    assert call.statuses[-1] in (400, 488)
    assert not bob.calls
    office.check_clean()
    assert office.records.kept[0].result in ("failed", "refused")


def test_a_session_without_an_address_is_refused(office):
    alice, bob = office.phone("201"), office.phone("202")
    call = alice.invite("202", b"v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n")
    assert call.statuses[-1] in (400, 488)
    assert not bob.calls
    office.check_clean()


def test_a_body_of_another_kind_is_415(office):
    alice, bob = office.phone("201"), office.phone("202")
    call = alice.invite("202", b"hello", "Content-Type: text/plain\r\n")
    assert call.statuses[-1] == 415
    assert b"application/sdp" in call.last(415).header(b"Accept")
    assert not bob.calls


def test_an_extension_that_nobody_knows_is_420(office):
    """The caller may require of us only what we can do on its leg; what the phone can do is another matter."""
    alice, bob = office.phone("201"), office.phone("202")
    call = alice.invite("202", lines="Require: nothing\r\n")
    assert call.statuses[-1] == 420
    assert call.last(420).header(b"Unsupported") == b"nothing"
    assert not bob.calls


def test_what_the_caller_requires_is_not_required_of_the_called_side(office):
    alice, bob = office.phone("201"), office.phone("202")
    call = alice.invite("202", lines="Require: 100rel\r\nSupported: 100rel\r\n")
    asked = bob.ringing.invite
    assert asked.header(b"Require") is None
    assert b"100rel" in asked.values(b"Supported")
    bob.ringing.respond(180)            # RFC 3262 3: for the caller it must be reliable all the same
    assert call.last(180).header(b"Require") == b"100rel"
    call.prack(call.last(180))
    bob.ringing.answer()
    call.acknowledge()
    call.bye()
    office.check_clean()


def test_no_ports_for_media_is_503(office):
    alice, bob = office.phone("201"), office.phone("202")
    office.relay.ports_left = 1
    call = alice.invite("202")
    assert call.statuses[-1] == 503
    assert call.last(503).header(b"Retry-After") == b"10"   # 21.5.4
    assert not bob.calls
    office.check_clean()
    assert office.records.kept[0].reason == "no port for media"


def test_ports_are_given_for_each_media_line_on_both_sides(office):
    alice, bob = office.phone("201"), office.phone("202")
    mine, theirs = office.connect(alice, bob)
    inside, outside = read_media(theirs.invite), read_media(mine.last(200))
    assert set(inside).isdisjoint(outside)
    session, = office.relay.sessions
    assert {port.port for port in office.relay.sessions[session]} == {inside[0][1], outside[0][1]}
    assert office.relay.directed[session, 0].rtp == ("192.168.1.11", 40000)
    assert office.relay.directed[session, 1].rtp == ("192.168.1.12", 40002)


def test_a_call_to_the_own_extension_rings_the_own_phone(office):
    alice = office.phone("201")
    call = alice.invite("201")
    assert len(alice.calls) == 2
    other = alice.calls[1]
    other.answer()
    call.acknowledge()
    call.bye()
    assert "BYE" in other.labels
    office.check_clean()


def test_the_subject_and_alert_info_pass_inside_the_office(office):
    alice, bob = office.phone("201"), office.phone("202")
    alice.invite("202", lines="Subject: lunch\r\nAlert-Info: <http://office.test/ring.wav>\r\nX-Own: 1\r\n")
    asked = bob.ringing.invite
    assert asked.header(b"Subject") == b"lunch"
    assert asked.header(b"Alert-Info")
    assert asked.header(b"X-Own") is None


def test_expires_ends_a_call_that_nobody_answers(office):
    """RFC 3261 13.3.1 step 1: the invitation is void then."""
    alice, bob = office.phone("201"), office.phone("202")
    call = alice.invite("202", lines="Expires: 10\r\n")
    bob.ringing.respond(180)
    office.run(9.0)
    assert call.statuses == [100, 180]
    office.run(2.0)
    assert call.statuses[-1] == 487
    assert "CANCEL" in bob.ringing.labels
    bob.ringing.respond(487)
    office.check_clean()


def test_nobody_answers_within_the_time_for_ringing(office):
    alice, bob = office.phone("201"), office.phone("202")
    call = alice.invite("202")
    bob.ringing.respond(180)
    office.run(179.0)
    assert call.last().status == 180
    office.run(2.0)
    assert call.last().status == 480
    assert b"Q.850;cause=19" in call.last(480).header(b"Reason")
    assert b"Q.850;cause=19" in bob.ringing.got("CANCEL")[0].header(b"Reason")
    bob.ringing.respond(487)
    office.check_clean()
    assert office.records.kept[0].reason == "no answer"
    assert office.records.kept[0].result == "no_answer"


def test_the_caller_gives_up(office):
    alice, bob = office.phone("201"), office.phone("202")
    call = alice.invite("202")
    bob.ringing.respond(180)
    call.cancel("Reason: SIP;cause=487\r\n")
    assert call.last(200, "CANCEL")
    assert call.last().status == 487
    assert bob.ringing.got("CANCEL")[0].header(b"Reason") == b"SIP;cause=487"
    bob.ringing.respond(487)
    office.check_clean()
    record = office.records.kept[0]
    assert (record.result, record.ended_by, record.status) == ("cancelled", "caller", 487)


def test_the_caller_gives_up_before_the_phone_has_said_anything(office):
    """RFC 3261 9.1: CANCEL waits for a provisional response."""
    alice, bob = office.phone("201"), office.phone("202")
    call = alice.invite("202")
    call.cancel()
    assert call.last().status == 487
    assert "CANCEL" not in bob.ringing.labels
    bob.ringing.respond(180)
    assert bob.ringing.labels[-1] == "CANCEL"
    bob.ringing.respond(487)
    office.check_clean()


def test_an_answer_that_crosses_the_cancel_is_acknowledged_and_ended(office):
    """RFC 5407 3.1.2."""
    alice, bob = office.phone("201"), office.phone("202")
    call = alice.invite("202")
    bob.ringing.respond(180)
    call.cancel()
    bob.ringing.answer()
    assert bob.ringing.labels[-2:] == ["ACK", "BYE"]
    office.check_clean()
    assert office.records.kept[0].result == "cancelled"


def test_the_ack_never_comes(office):
    """RFC 3261 13.3.1.4: the 200 again and again, then BYE to both."""
    alice, bob = office.phone("201"), office.phone("202")
    call = alice.invite("202")
    bob.ringing.answer()
    office.run(40.0)
    assert call.statuses.count(200) > 5
    assert "BYE" in call.labels
    assert "BYE" in bob.ringing.labels
    office.check_clean()
    record = office.records.kept[0]
    assert record.result == "answered"
    assert "lost" in record.reason


def test_byes_cross(office):
    """RFC 5407 3.2.1."""
    alice, bob = office.phone("201"), office.phone("202")
    mine, theirs = office.connect(alice, bob)
    alice.answers_bye = bob.answers_bye = False
    mine.bye()
    theirs.bye()
    assert mine.last(200, "BYE")
    assert theirs.last(200, "BYE")
    assert "BYE" in theirs.labels
    assert "BYE" not in mine.labels
    theirs.respond(200, theirs.got("BYE")[0])
    office.check_clean()


def test_the_server_stops(office):
    """SIGTERM: who talks gets BYE, who calls 503, who rings CANCEL."""
    alice, bob, carol = (office.phone(user) for user in ("201", "202", "203"))
    mine, theirs = office.connect(alice, bob)
    waiting = alice.invite("203")
    carol.ringing.respond(180)
    office.engine.shut_down(office.now)
    office.settle()
    assert "BYE" in mine.labels
    assert "BYE" in theirs.labels
    assert waiting.statuses[-1] == 503
    assert "CANCEL" in carol.ringing.labels
    assert b"cause=503" in mine.got("BYE")[0].header(b"Reason")
    carol.ringing.respond(487)
    office.check_clean(records=2)
    assert {record.ended_by for record in office.records.kept} == {"server"}


def test_more_calls_than_the_limit_are_503(office, monkeypatch):
    monkeypatch.setattr("appliance.call.engine.CALLS_LIMIT", 1)
    alice, bob = office.phone("201"), office.phone("202")
    mine, _theirs = office.connect(alice, bob)
    assert alice.invite("202").statuses == [503]
    mine.bye()
    office.check_clean()


@pytest.mark.parametrize("lines", [
    "Contact: <tel:+81312345678>\r\n", "Contact: <sip:201@192.168.1.11>, <sip:2@192.168.1.11>\r\n"])
def test_an_invite_leads_back_to_exactly_one_sip_address(office, lines):
    office.phone("202")
    mine = office.phone("201").invite("202", lines=lines)
    assert mine.statuses[-1] == 400     # RFC 3261 8.1.1.8


def test_who_requires_the_session_timer_knows_it(office):
    office.phone("202")
    mine = office.phone("201").invite("202", lines="Require: timer\r\nSession-Expires: 60\r\n")
    assert mine.statuses[-1] == 422     # RFC 4028 9
    assert mine.last(422).header(b"Min-SE") == b"90"


def test_an_answer_in_an_encoding_that_we_do_not_know_is_none(office):
    called = office.phone("202")
    mine = office.phone("201").invite("202")
    called.ringing.answer(lines="Content-Encoding: gzip\r\n")
    assert mine.statuses[-1] == 502
    assert called.ringing.has_left
