# SPDX-License-Identifier: Apache-2.0
"""Calls of which one leg is a carrier's: failover, silence, reasons, what may cross the border."""

import pytest

from tests.call.virtual_calls import CARRIER, SECOND_CARRIER, VirtualCalls

THIRD_CARRIER = SECOND_CARRIER.replace("spare", "third").replace("198.51.100.2", "198.51.100.3")
OUTSIDE = "0312345678"
OURS = "05011112222"


@pytest.fixture
def office() -> VirtualCalls:
    return VirtualCalls(CARRIER + SECOND_CARRIER + THIRD_CARRIER)


@pytest.fixture
def carriers(office):
    return [office.carrier(name, f"198.51.100.{place}") for place, name in
            enumerate(("carrier", "spare", "third"), 1)]


def test_a_call_from_outside_stands_and_ends(office, carriers):
    alice = office.phone("201")
    mine, theirs = office.connect(carriers[0], alice, OURS)
    assert theirs.invite.uri == b"sip:201@192.168.1.11:5060"
    assert b"carrier" in theirs.invite.from_value
    mine.bye()
    assert "BYE" in theirs.labels
    office.check_clean()
    record = office.records.kept[0]
    assert (record.trunk, record.callee, record.dialled) == ("carrier", "201", OURS)


def test_a_carrier_hears_no_503_of_one_telephone(office, carriers):
    """RFC 3261 16.7 step 6: nobody who is called by it is out of service because one telephone is."""
    alice = office.phone("201")
    call = carriers[0].invite(OURS)
    alice.ringing.respond(503, lines="Retry-After: 3600\r\n")
    assert call.last().status == 500
    assert call.last().header(b"Retry-After") is None
    office.check_clean()
    assert [leg.status for leg in office.record.legs] == [500, 503]


def test_a_call_to_the_outside_stands_and_ends(office, carriers):
    alice = office.phone("201")
    mine, theirs = office.connect(alice, carriers[0], OUTSIDE)
    theirs.bye()
    assert "BYE" in mine.labels
    office.check_clean()
    assert (office.records.kept[0].trunk, office.records.kept[0].ended_by) == ("carrier", "callee")


def test_a_carrier_that_rings_may_speak_before_its_answer(office, carriers):
    """Where its server is has been found while the INVITE went out."""
    alice = office.phone("201")
    call = alice.invite(OUTSIDE)
    (session,) = office.relay.sessions
    assert office.relay.expected[session, 1] is None
    carriers[0].ringing.respond(180)
    assert office.relay.expected[session, 1] == "198.51.100.1"
    carriers[0].ringing.respond(180)
    assert office.relay.commands.count(("direct", session, 0, office.relay.directed[session, 0].rtp)) == 2
    carriers[0].ringing.answer()
    call.acknowledge()
    call.bye()
    office.check_clean()


def test_the_server_that_answered_last_may_speak_from_the_beginning(office, carriers):
    alice = office.phone("201")
    office.connect(alice, carriers[0], OUTSIDE)[0].bye()
    call = alice.invite(OUTSIDE)
    (session,) = office.relay.sessions
    assert office.relay.expected[session, 1] == "198.51.100.1"
    carriers[0].ringing.respond(180)
    assert office.relay.commands.count(("direct", session, 0, office.relay.directed[session, 0].rtp)) == 1
    carriers[0].ringing.answer()
    assert office.relay.directed[session, 1].signalling_host == "198.51.100.1"
    call.acknowledge()
    call.bye()
    office.check_clean(2)


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_another_trunk_is_tried_after_a_failure_of_the_carrier(office, carriers, status):
    alice = office.phone("201")
    call = alice.invite(OUTSIDE)
    carriers[0].ringing.respond(status)
    assert call.statuses == [100]
    carriers[1].ringing.answer()
    call.acknowledge()
    call.bye()
    office.check_clean()
    record = office.records.kept[0]
    assert record.trunk == "spare"
    assert [leg.status for leg in record.legs] == [200, status, 200]


@pytest.mark.parametrize("status", [404, 480, 484, 486, 487, 488, 600, 603, 604, 302])
def test_no_other_trunk_is_tried_where_the_called_side_has_spoken(office, carriers, status):
    alice = office.phone("201")
    call = alice.invite(OUTSIDE)
    carriers[0].ringing.respond(status, lines="Contact: <sip:0399998888@198.51.100.1>\r\n" if status == 302 else "")
    assert call.last().status == (480 if status == 302 else status)
    assert not carriers[1].calls
    office.check_clean()


def test_every_trunk_fails(office, carriers):
    alice = office.phone("201")
    call = alice.invite(OUTSIDE)
    for carrier in carriers:
        carrier.ringing.respond(503)
    assert call.last().status == 503
    office.check_clean()


def test_a_silent_trunk_gives_way_after_four_seconds(office, carriers):
    alice = office.phone("201")
    call = alice.invite(OUTSIDE)
    office.run(3.9)
    assert not carriers[1].calls
    office.run(0.3)
    carriers[1].ringing.answer()
    assert call.last().status == 200
    call.acknowledge()
    call.bye()
    office.check_clean()
    assert office.records.kept[0].legs[1].reason == "silent"


def test_two_silent_trunks_give_way_to_the_third(office, carriers):
    alice = office.phone("201")
    call = alice.invite(OUTSIDE)
    office.run(8.5)
    carriers[2].ringing.answer()
    assert call.last().status == 200
    call.acknowledge()
    call.bye()
    office.check_clean()


def test_a_silent_trunk_is_not_waited_for_when_the_next_ones_refuse(office, carriers):
    alice = office.phone("201")
    call = alice.invite(OUTSIDE)
    office.run(4.2)
    carriers[1].ringing.respond(503)
    carriers[2].ringing.respond(503)
    assert call.last().status in (408, 503)     # 16.7 step 6: of the lower class
    office.check_clean()


def test_the_late_answer_of_a_silent_trunk_is_ended(office, carriers):
    alice = office.phone("201")
    call = alice.invite(OUTSIDE)
    office.run(4.2)
    carriers[1].ringing.respond(180)
    carriers[0].ringing.answer()
    assert carriers[0].ringing.labels[-2:] == ["ACK", "BYE"]
    carriers[1].ringing.answer()
    assert call.last().status == 200
    call.acknowledge()
    call.bye()
    office.check_clean()


def test_a_trunk_that_is_trying_is_not_silent(office, carriers):
    alice = office.phone("201")
    call = alice.invite(OUTSIDE)
    carriers[0].ringing.respond(100)
    office.run(20.0)
    assert not carriers[1].calls
    call.cancel()
    carriers[0].ringing.respond(487)
    office.check_clean()


def test_every_trunk_is_silent(office, carriers):
    alice = office.phone("201")
    call = alice.invite(OUTSIDE)
    office.run(45.0)
    assert call.last().status == 408
    assert all(carrier.calls for carrier in carriers)
    office.check_clean()


def test_the_caller_gives_up_between_two_trunks(office, carriers):
    alice = office.phone("201")
    call = alice.invite(OUTSIDE)
    office.run(4.2)
    call.cancel()
    assert call.last().status == 487
    office.run(1.0)
    carriers[1].ringing.respond(180)
    assert "CANCEL" in carriers[1].ringing.labels
    assert not carriers[2].calls
    carriers[1].ringing.respond(487)
    office.check_clean()


def test_channels_are_counted(office):
    office = VirtualCalls(CARRIER + "set trunk carrier channels 1\n")
    alice, bob, carrier = office.phone("201"), office.phone("202"), office.carrier()
    mine, _theirs = office.connect(alice, carrier, OUTSIDE)
    refused = bob.invite(OUTSIDE)
    assert refused.last().status == 503
    assert carrier.invite(OURS).last().status == 486
    mine.bye()
    again, _ = office.connect(bob, carrier, OUTSIDE)
    again.bye()
    office.check_clean(records=4)


def test_reasons_cross_both_ways_without_their_words(office, carriers):
    alice = office.phone("201")
    mine, theirs = office.connect(alice, carriers[0], OUTSIDE)
    theirs.bye('Reason: Q.850;cause=16;text="secret"\r\n')
    assert mine.got("BYE")[0].header(b"Reason") == b"Q.850;cause=16"
    mine, theirs = office.connect(alice, carriers[0], OUTSIDE)
    mine.bye('Reason: SIP;cause=200;text="from 192.168.1.11"\r\n')
    assert theirs.got("BYE")[0].header(b"Reason") == b"SIP;cause=200"
    office.check_clean(records=2)


def test_the_cause_of_a_refusal_is_kept(office, carriers):
    alice = office.phone("201")
    call = alice.invite(OUTSIDE)
    carriers[0].ringing.respond(480, lines="Reason: Q.850;cause=20\r\n")
    assert call.last(480).header(b"Reason") == b"Q.850;cause=20"
    office.check_clean()
    assert office.records.kept[0].cause == 20


def test_a_refusal_without_a_cause_has_the_one_of_its_status(office, carriers):
    """RFC 3398 8.2.6.1."""
    alice = office.phone("201")
    alice.invite(OUTSIDE)
    carriers[0].ringing.respond(486)
    office.check_clean()
    assert office.records.kept[0].cause == 17


@pytest.mark.parametrize(("kind", "passes"), [("application/dtmf-relay", True), ("text/plain", False)])
def test_key_presses_go_out_and_nothing_else_does(office, carriers, kind, passes):
    alice = office.phone("201")
    mine, theirs = office.connect(alice, carriers[0], OUTSIDE)
    mine.request("INFO", b"Signal=1\r\n", f"Content-Type: {kind}\r\n")
    assert bool(theirs.got("INFO")) == passes
    if passes:
        theirs.respond(200, theirs.got("INFO")[0])
    assert mine.last(0, "INFO").status == (200 if passes else 415)
    mine.bye()
    office.check_clean()


def test_what_a_phone_says_of_itself_does_not_go_out(office, carriers):
    alice = office.phone("201")
    alice.invite(OUTSIDE, lines='From: "Alice of 192.168.1.11" <sip:201@192.168.1.1>\r\nSubject: at 192.168.1.11\r\n'
                 "Call-Info: <http://192.168.1.11/>\r\nOrganization: x\r\nAlert-Info: <http://192.168.1.11/>\r\n")
    asked = carriers[0].ringing.invite
    assert b"Alice" not in asked.data
    assert asked.header(b"Subject") is None
    assert asked.header(b"Alert-Info") is None
    assert b"201" not in asked.from_value


def test_a_hold_goes_out(office, carriers):
    alice = office.phone("201")
    mine, theirs = office.connect(alice, carriers[0], OUTSIDE)
    mine.request("INVITE", alice.describe(direction="sendonly"))
    asked = theirs.got("INVITE")[-1]
    assert b"a=sendonly" in asked.body
    assert b"203.0.113.5" in asked.body
    theirs.answer(direction="recvonly")
    mine.acknowledge()
    session, = office.relay.sessions
    assert office.relay.held[session]
    mine.bye()
    office.check_clean()


def test_the_relay_has_a_port_on_each_side(office, carriers):
    alice = office.phone("201")
    mine, theirs = office.connect(alice, carriers[0], OUTSIDE)
    session, = office.relay.sessions
    assert [port.host for port in office.relay.sessions[session]] == ["192.168.1.1", "203.0.113.5"]
    assert b"c=IN IP4 203.0.113.5" in theirs.invite.body
    assert b"c=IN IP4 192.168.1.1\r\n" in mine.last(200).body
    mine.bye()
    office.check_clean()


def test_a_refer_of_the_carrier_is_refused(office, carriers):
    alice = office.phone("201")
    mine, theirs = office.connect(alice, carriers[0], OUTSIDE)
    theirs.request("REFER", lines="Refer-To: <sip:0399998888@198.51.100.1>\r\n")
    assert theirs.last(0, "REFER").status in (403, 405)
    assert "REFER" not in mine.labels
    mine.bye()
    office.check_clean()


def test_a_forked_answer_of_the_carrier_gets_ack_and_bye(office, carriers):
    alice = office.phone("201")
    call = alice.invite(OUTSIDE)
    carriers[0].ringing.respond(183, body=carriers[0].describe(port=40002), tag="one")
    carriers[0].ringing.respond(183, body=carriers[0].describe(port=40004), tag="two")
    first, second = call.got("183 INVITE")
    assert first.to_tag != second.to_tag
    carriers[0].ringing.answer(port=40004, tag="two")
    assert call.last(200).to_tag == second.to_tag
    session, = office.relay.sessions
    assert office.relay.directed[session, 1].rtp == ("198.51.100.1", 40004)
    call.acknowledge()
    carriers[0].ringing.answer(tag="one")
    assert [(message.method, message.to_tag) for message in carriers[0].ringing.heard[-2:]] == [
        (b"ACK", b"one"), (b"BYE", b"one")]
    call.bye()
    office.check_clean()


def test_the_carrier_says_bye_before_its_ack(office, carriers):
    alice = office.phone("201")
    call = carriers[0].invite(OURS)
    alice.ringing.answer()
    call.bye()
    assert "BYE" in alice.ringing.labels
    assert call.last(200, "BYE")
    office.check_clean()


def test_the_carrier_never_acknowledges(office, carriers):
    alice = office.phone("201")
    call = carriers[0].invite(OURS)
    alice.ringing.answer()
    office.run(33.0)
    assert "BYE" in call.labels
    assert "BYE" in alice.ringing.labels
    office.check_clean()


def test_the_server_stops_with_calls_outside(office, carriers):
    alice = office.phone("201")
    mine, theirs = office.connect(alice, carriers[0], OUTSIDE)
    office.engine.shut_down(office.now)
    office.settle()
    assert "BYE" in mine.labels
    assert "BYE" in theirs.labels
    office.check_clean()


def test_two_trunks_are_not_joined_by_a_stranger(office, carriers):
    call = carriers[0].invite(OUTSIDE)
    assert call.last().status == 404
    assert not carriers[1].calls
    office.check_clean()
