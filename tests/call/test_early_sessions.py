# SPDX-License-Identifier: Apache-2.0
"""Sessions before the answer: early media, forks, PRACK and UPDATE across both legs (RFC 3262, RFC 3311, RFC 6337)."""

import pytest

from tests.call.virtual_calls import VirtualCalls
from tests.call.virtual_phone import read_media

RELIABLE = "Require: 100rel\r\nRSeq: 1\r\n"


@pytest.fixture
def office() -> VirtualCalls:
    return VirtualCalls()


@pytest.fixture
def pair(office):
    alice, bob = office.phone("201"), office.phone("202")
    alice.supported = bob.supported = "100rel"
    return alice, bob


def test_early_media_pass_at_once(office, pair):
    alice, bob = pair
    call = alice.invite("202")
    bob.ringing.respond(183, body=bob.describe(port=40002))
    early = call.last(183)
    assert early.body
    assert b"192.168.1.1\r\n" in early.body
    assert early.header(b"Require") is None
    session, = office.relay.sessions
    assert office.relay.directed[session, 1].rtp == ("192.168.1.12", 40002)
    bob.ringing.answer()
    assert call.last(200).body == early.body
    assert call.last(200).to_tag == early.to_tag
    call.acknowledge()
    call.bye()
    office.check_clean()


def test_who_speaks_elsewhere_once_it_answers_is_heard_there(office, pair):
    alice, bob = pair
    call = alice.invite("202")
    bob.ringing.respond(183, body=bob.describe(port=40002))
    early = call.last(183)
    session, = office.relay.sessions
    bob.ringing.answer(port=40010)
    assert office.relay.directed[session, 1].rtp == ("192.168.1.12", 40010)
    assert call.last(200).body == early.body        # what we have said ourselves stands: RFC 3261 13.2.1
    call.acknowledge()
    call.bye()
    office.check_clean()


def test_an_answer_that_was_acknowledged_stands(office, pair):
    alice, bob = pair
    call = alice.invite("202", lines="Supported: 100rel\r\n")
    bob.ringing.respond(183, body=bob.describe(port=40002), lines=RELIABLE)
    session, = office.relay.sessions
    call.prack(call.last(183))
    bob.ringing.respond(200, bob.ringing.got("PRACK")[0])
    bob.ringing.answer(port=40010)
    assert office.relay.directed[session, 1].rtp == ("192.168.1.12", 40002)
    call.acknowledge()
    call.bye()
    office.check_clean()


def test_two_phones_speak_early_under_two_to_tags(office):
    alice = office.phone("201")
    desk, hall = office.phone("202", name="desk"), office.phone("202", "192.168.1.22", name="hall")
    call = alice.invite("202")
    desk.ringing.respond(183, body=desk.describe(port=40002))
    hall.ringing.respond(183, body=hall.describe(port=40004))
    first, second = call.got("183 INVITE")
    assert first.to_tag != second.to_tag
    assert read_media(first) != read_media(second)
    assert first.body.split(b"\r\n")[1] != second.body.split(b"\r\n")[1]
    hall.ringing.answer()
    assert call.last(200).to_tag == second.to_tag
    assert call.last(200).body == second.body
    call.acknowledge()
    desk.ringing.respond(487)
    call.bye()
    office.check_clean()


def test_a_phone_that_only_rang_answers_after_another_has_spoken(office):
    alice = office.phone("201")
    desk, hall = office.phone("202", name="desk"), office.phone("202", "192.168.1.22", name="hall")
    call = alice.invite("202")
    hall.ringing.respond(180)
    desk.ringing.respond(183, body=desk.describe(port=40002))
    hall.ringing.answer()
    assert call.last(200).to_tag != call.got("183 INVITE")[0].to_tag
    assert read_media(call.last(200)) != read_media(call.got("183 INVITE")[0])
    call.acknowledge()
    desk.ringing.respond(487)
    call.bye()
    office.check_clean()


def test_the_next_group_answers_after_the_first_has_spoken_early(office):
    alice = office.phone("201")
    desk, hall = office.phone("202", q=1.0, name="desk"), office.phone("202", "192.168.1.22", q=0.5, name="hall")
    call = alice.invite("202")
    desk.ringing.respond(183, body=desk.describe(port=40002))
    desk.ringing.respond(486)
    hall.ringing.answer()
    assert call.last(200).to_tag != call.last(183).to_tag
    call.acknowledge()
    call.bye()
    office.check_clean()


def test_a_session_in_183_that_cannot_be_read_rings_without_it(office, pair):
    alice, bob = pair
    call = alice.invite("202")
    bob.ringing.respond(183, body=b"nonsense")
    assert call.last(183)
    assert not call.last(183).body
    bob.ringing.respond(486)
    office.check_clean()


def test_an_answer_that_cannot_be_read_ends_both(office, pair):
    alice, bob = pair
    call = alice.invite("202")
    bob.ringing.answer(b"nonsense")
    assert call.last().status == 502
    assert bob.ringing.labels[-2:] == ["ACK", "BYE"]
    office.check_clean()
    assert office.records.kept[0].result == "failed"


def test_a_200_without_a_session_ends_both(office, pair):
    """13.2.1: an offer must be answered in the 2xx at the latest."""
    alice, bob = pair
    call = alice.invite("202")
    bob.ringing.answer(b"")
    assert call.last().status >= 400
    assert bob.ringing.labels[-2:] == ["ACK", "BYE"]
    office.check_clean()


def test_reliable_responses_are_acknowledged_on_each_leg(office, pair):
    """RFC 3262 through both legs: each has its own RSeq and PRACK."""
    alice, bob = pair
    call = alice.invite("202")
    bob.ringing.respond(183, body=bob.describe(port=40002), lines="Require: 100rel\r\nRSeq: 77\r\n")
    prack = bob.ringing.got("PRACK")[0]
    assert prack.header(b"RAck").startswith(b"77 1 INVITE")
    bob.ringing.respond(200, prack)
    early = call.last(183)
    assert early.header(b"Require") == b"100rel"
    assert early.header(b"RSeq") != b"77"
    call.prack(early)
    assert call.last(200, "PRACK")
    bob.ringing.respond(180, lines="Require: 100rel\r\nRSeq: 78\r\n")
    bob.ringing.respond(200, bob.ringing.got("PRACK")[1])
    call.prack(call.last(180))
    bob.ringing.answer(b"")
    assert not call.last(200, "INVITE").body
    call.acknowledge()
    call.bye()
    office.check_clean()


def test_a_caller_that_cannot_acknowledge_gets_them_unreliably(office, pair):
    alice, bob = pair
    alice.supported = ""
    call = alice.invite("202")
    bob.ringing.respond(183, body=bob.describe(port=40002), lines=RELIABLE)
    bob.ringing.respond(200, bob.ringing.got("PRACK")[0])
    early = call.last(183)
    assert early.body
    assert early.header(b"Require") is None
    bob.ringing.answer(b"")
    assert call.last(200).body == early.body
    call.acknowledge()
    call.bye()
    office.check_clean()


def test_a_reliable_response_that_nobody_acknowledges_ends_the_call(office, pair):
    """RFC 3262 3: 64*T1 without a PRACK."""
    alice, bob = pair
    call = alice.invite("202")
    bob.ringing.respond(183, body=bob.describe(port=40002), lines=RELIABLE)
    bob.ringing.respond(200, bob.ringing.got("PRACK")[0])
    office.run(33.0)
    assert call.last().status == 504
    assert "CANCEL" in bob.ringing.labels
    bob.ringing.respond(487)
    office.check_clean()


def delayed(office, pair):
    """An INVITE without a session."""
    alice, bob = pair
    return alice.invite("202", b""), bob


def test_the_called_side_offers_in_its_200(office, pair):
    call, bob = delayed(office, pair)
    assert not bob.ringing.invite.body
    bob.ringing.respond(180)
    bob.ringing.answer()
    offer = call.last(200)
    assert b"192.168.1.1\r\n" in offer.body
    assert "ACK" not in bob.ringing.labels
    call.acknowledge(call.phone.describe())
    ack = bob.ringing.got("ACK")[0]
    assert b"m=audio" in ack.body
    session, = office.relay.sessions
    assert office.relay.directed[session, 0].rtp == ("192.168.1.11", 40000)
    assert office.relay.directed[session, 1].rtp == ("192.168.1.12", 40002)
    call.bye()
    office.check_clean()


@pytest.mark.parametrize("answer", [b"", b"nonsense"])
def test_an_ack_without_the_answer_ends_both(office, pair, answer):
    call, bob = delayed(office, pair)
    bob.ringing.answer()
    call.acknowledge(answer)
    assert "BYE" in call.labels
    assert bob.ringing.labels[-2:] == ["ACK", "BYE"]
    office.check_clean()


def test_the_ack_of_a_delayed_offer_never_comes(office, pair):
    call, bob = delayed(office, pair)
    bob.ringing.answer()
    office.run(33.0)
    assert "BYE" in call.labels
    assert bob.ringing.labels[-2:] == ["ACK", "BYE"]
    office.check_clean()


def test_the_called_side_offers_reliably_and_the_answer_comes_in_the_prack(office, pair):
    """RFC 3262 5, pattern 4 of RFC 6337, end to end."""
    call, bob = delayed(office, pair)
    bob.ringing.respond(183, body=bob.describe(port=40002), lines=RELIABLE)
    assert "PRACK" not in bob.ringing.labels
    early, = call.got("183 INVITE")
    assert early.body
    assert early.header(b"Require") == b"100rel"
    call.prack(early, call.phone.describe())
    prack = bob.ringing.got("PRACK")[0]
    assert b"192.168.1.1\r\n" in prack.body
    assert call.last(200, "PRACK")
    bob.ringing.respond(200, prack)
    bob.ringing.answer(b"")
    assert not call.last(200, "INVITE").body
    call.acknowledge()
    session, = office.relay.sessions
    assert office.relay.directed[session, 0].rtp == ("192.168.1.11", 40000)
    assert office.relay.directed[session, 1].rtp == ("192.168.1.12", 40002)
    call.bye()
    office.check_clean()


def test_a_caller_that_cannot_acknowledge_is_not_offered_early(office, pair):
    """The called side is not told that it may: nobody could answer it before the 200."""
    pair[0].supported = ""
    call, bob = delayed(office, pair)
    assert b"100rel" not in bob.ringing.invite.values(b"Supported")
    bob.ringing.respond(183, body=bob.describe(port=40002))
    assert call.last(183)
    assert not call.last(183).body
    bob.ringing.answer()
    assert call.last(200).body
    call.acknowledge(call.phone.describe())
    call.bye()
    office.check_clean()


def test_two_phones_offer_early_under_two_to_tags(office):
    alice = office.phone("201")
    desk, hall = office.phone("202", name="desk"), office.phone("202", "192.168.1.22", name="hall")
    alice.supported = "100rel"
    call = alice.invite("202", b"")
    desk.ringing.respond(183, body=desk.describe(port=40002), lines=RELIABLE)
    hall.ringing.respond(183, body=hall.describe(port=40004), lines=RELIABLE)
    first = call.got("183 INVITE")[0]
    call.prack(first, alice.describe())
    second = call.got("183 INVITE")[-1]
    assert second.to_tag != first.to_tag
    assert second.body
    assert second.body != first.body
    call.prack(second, alice.describe(port=40006))
    assert "PRACK" in desk.ringing.labels
    assert "PRACK" in hall.ringing.labels
    for phone in (desk, hall):
        phone.ringing.respond(200, phone.ringing.got("PRACK")[0])
    hall.ringing.answer(b"")
    assert call.last(200).to_tag == second.to_tag
    call.acknowledge()
    desk.ringing.respond(487)
    call.bye()
    office.check_clean()


def reach_early_agreement(office, pair):
    """Offer in the INVITE, reliable answer in a 183: UPDATE may come from both sides."""
    alice, bob = pair
    call = alice.invite("202")
    bob.ringing.respond(183, body=bob.describe(port=40002), lines=RELIABLE)
    bob.ringing.respond(200, bob.ringing.got("PRACK")[0])
    call.prack(call.last(183))
    return call, bob.ringing


def test_the_caller_changes_its_mind_early(office, pair):
    """RFC 3311 5.1."""
    call, ringing = reach_early_agreement(office, pair)
    call.request("UPDATE", call.phone.describe(port=41000, direction="sendonly"))
    update = ringing.got("UPDATE")[0]
    assert b"a=sendonly" in update.body
    assert call.last(200, "UPDATE") is None
    ringing.respond(200, update, ringing.phone.describe(port=40002, direction="recvonly"))
    assert b"a=recvonly" in call.last(200, "UPDATE").body
    session, = office.relay.sessions
    assert office.relay.directed[session, 0].rtp == ("192.168.1.11", 41000)
    ringing.answer(b"")
    call.acknowledge()
    call.bye()
    office.check_clean()


@pytest.mark.parametrize("status", [488, 500, 491])
def test_an_early_change_that_is_refused_leaves_the_media_as_they_were(office, pair, status):
    call, ringing = reach_early_agreement(office, pair)
    directed = dict(office.relay.directed)
    call.request("UPDATE", call.phone.describe("m=video 41002 RTP/AVP 96\r\n", port=41000))
    update = ringing.got("UPDATE")[0]
    ringing.respond(status, update)
    office.run(30.0)
    if status == 491:       # we ask again; nobody answers, and the caller is not kept waiting (RFC 3311 5.2)
        assert len(ringing.got("UPDATE")) >= 2
        assert call.last(0, "UPDATE").status == 504
    else:
        assert call.last(0, "UPDATE").status == status
        assert office.relay.directed.items() >= directed.items()
        assert len(office.relay.sessions) == 1
    call.cancel()
    ringing.respond(487)
    office.check_clean()


def test_the_called_side_changes_its_mind_early(office, pair):
    call, ringing = reach_early_agreement(office, pair)
    ringing.remote, ringing.target = ringing.remote, ringing.target
    ringing.request("UPDATE", ringing.phone.describe(port=42000))
    update = call.got("UPDATE")[0]
    call.respond(200, update, call.phone.describe(port=40000))
    assert ringing.last(200, "UPDATE").body
    session, = office.relay.sessions
    assert office.relay.directed[session, 1].rtp == ("192.168.1.12", 42000)
    ringing.answer(b"")
    assert not call.last(200, "INVITE").body
    call.acknowledge()
    assert office.relay.directed[session, 1].rtp == ("192.168.1.12", 42000)
    call.bye()
    office.check_clean()


def test_the_caller_refuses_the_early_change_of_the_called_side(office, pair):
    call, ringing = reach_early_agreement(office, pair)
    ringing.request("UPDATE", ringing.phone.describe(port=42000))
    call.respond(488, call.got("UPDATE")[0])
    assert ringing.last(0, "UPDATE").status == 488
    session, = office.relay.sessions
    assert office.relay.directed[session, 1].rtp == ("192.168.1.12", 40002)
    ringing.answer(b"")
    call.acknowledge()
    call.bye()
    office.check_clean()


def test_an_early_change_to_a_caller_that_does_not_know_update(office, pair):
    pair[0].allow = "INVITE, ACK, BYE, CANCEL, PRACK"
    call, ringing = reach_early_agreement(office, pair)
    ringing.request("UPDATE", ringing.phone.describe(port=42000))
    assert ringing.last(0, "UPDATE").status == 504
    assert "UPDATE" not in call.labels
    call.cancel()
    ringing.respond(487)
    office.check_clean()


def test_updates_cross(office, pair):
    """RFC 6337 4.3: each side's comes while its own is out."""
    call, ringing = reach_early_agreement(office, pair)
    call.request("UPDATE", call.phone.describe(port=41000))
    ringing.request("UPDATE", ringing.phone.describe(port=42000))
    assert ringing.last(0, "UPDATE").status == 491
    ringing.respond(200, ringing.got("UPDATE")[0], ringing.phone.describe(port=40002))
    assert call.last(0, "UPDATE").status == 200
    ringing.answer(b"")
    call.acknowledge()
    call.bye()
    office.check_clean()


def test_the_call_is_answered_while_an_early_change_is_open(office, pair):
    call, ringing = reach_early_agreement(office, pair)
    call.request("UPDATE", call.phone.describe(port=41000))
    update = ringing.got("UPDATE")[0]
    ringing.answer(b"")
    assert call.last().status != 200       # RFC 6337 4: not while the exchange is open
    ringing.respond(200, update, ringing.phone.describe(port=40002))
    assert call.last(200, "UPDATE").body
    assert call.last().status == 200
    call.acknowledge()
    call.bye()
    office.check_clean()


def test_the_phone_leaves_while_an_early_change_is_open(office, pair):
    call, ringing = reach_early_agreement(office, pair)
    call.request("UPDATE", call.phone.describe(port=41000))
    ringing.respond(486)
    assert call.last().status == 486
    assert call.last(0, "UPDATE").status in (487, 504)
    office.check_clean()


def test_the_caller_leaves_while_an_early_change_is_open(office, pair):
    call, ringing = reach_early_agreement(office, pair)
    call.request("UPDATE", call.phone.describe(port=41000))
    call.cancel()
    assert call.last(0, "UPDATE").status == 487
    assert call.last().status == 487
    ringing.respond(487)
    office.check_clean()


def test_an_offer_in_the_prack_of_the_caller(office, pair):
    """RFC 3262 5: once offer and answer have been exchanged, a PRACK may offer anew."""
    alice, bob = pair
    call = alice.invite("202")
    bob.ringing.respond(183, body=bob.describe(port=40002), lines=RELIABLE)
    bob.ringing.respond(200, bob.ringing.got("PRACK")[0])
    call.prack(call.last(183), alice.describe(port=41000))
    update = bob.ringing.got("UPDATE")[0]
    bob.ringing.respond(200, update, bob.describe(port=40002))
    assert call.last(200, "PRACK").body
    bob.ringing.answer(b"")
    call.acknowledge()
    call.bye()
    office.check_clean()


def test_bye_of_the_caller_in_an_early_dialog_ends_it(office, pair):
    """15.1.2."""
    call, ringing = reach_early_agreement(office, pair)
    call.bye()
    assert call.last(200, "BYE")
    assert call.last().status == 487
    assert "CANCEL" in ringing.labels
    ringing.respond(487)
    office.check_clean()
    assert office.records.kept[0].result == "cancelled"


def test_key_presses_before_the_answer_have_nobody_to_go_to(office, pair):
    call, ringing = reach_early_agreement(office, pair)
    call.request("INFO", b"Signal=5\r\n", "Content-Type: application/dtmf-relay\r\n")
    assert call.last(0, "INFO").status == 480
    call.cancel()
    ringing.respond(487)
    office.check_clean()
