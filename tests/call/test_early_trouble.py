# SPDX-License-Identifier: Apache-2.0
"""Early changes of session that cannot be: in the wrong dialog, unreadable, while another is open, to nobody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.call.test_any_order import MANY, Theatre, bodies, play, steps
from tests.call.virtual_calls import VirtualCalls
from tests.call.virtual_phone import PhoneCall

RELIABLE = "Require: 100rel\r\nRSeq: 1\r\n"


@pytest.fixture
def office() -> VirtualCalls:
    return VirtualCalls()


def agree_early(office: VirtualCalls, allow: str = "") -> tuple[PhoneCall, PhoneCall]:
    """Offer in the INVITE, reliable answer in a 183."""
    alice, bob = office.phone("201"), office.phone("202")
    alice.supported = bob.supported = "100rel"
    bob.allow = allow or bob.allow
    call = alice.invite("202")
    bob.ringing.respond(183, body=bob.describe(port=40002), lines=RELIABLE)
    bob.ringing.respond(200, bob.ringing.got("PRACK")[0])
    call.prack(call.last(183))
    return call, bob.ringing


def give_up(office: VirtualCalls, call: PhoneCall, *ringing: PhoneCall) -> None:
    call.cancel()
    for one in ringing:
        one.respond(487)
    office.check_clean()


def test_an_early_change_to_a_phone_that_does_not_know_update(office):
    """RFC 3311 5.2: it could not be asked of the called side."""
    call, ringing = agree_early(office, "INVITE, ACK, BYE, CANCEL, PRACK")
    directed = dict(office.relay.directed)
    call.request("UPDATE", call.phone.describe(port=41000))
    assert call.last(0, "UPDATE").status == 504
    assert "UPDATE" not in ringing.labels
    assert office.relay.directed == directed
    give_up(office, call, ringing)


@pytest.mark.parametrize("body", [b"nonsense", b"v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nm=image 9 udptl x\r\n"])
def test_an_early_change_of_the_caller_that_cannot_be_passed(office, body):
    call, ringing = agree_early(office)
    directed = dict(office.relay.directed)
    call.request("UPDATE", body)
    assert call.last(0, "UPDATE").status in (400, 488)
    assert "UPDATE" not in ringing.labels
    assert office.relay.directed == directed
    give_up(office, call, ringing)


def test_an_early_change_of_the_called_side_that_cannot_be_passed(office):
    call, ringing = agree_early(office)
    directed = dict(office.relay.directed)
    ringing.request("UPDATE", b"nonsense")
    assert ringing.last(0, "UPDATE").status == 400
    assert "UPDATE" not in call.labels
    assert office.relay.directed == directed
    give_up(office, call, ringing)


def test_an_answer_to_the_callers_early_change_that_cannot_be_read(office):
    call, ringing = agree_early(office)
    directed = dict(office.relay.directed)
    call.request("UPDATE", call.phone.describe(port=41000))
    ringing.respond(200, ringing.got("UPDATE")[0], b"nonsense")
    assert call.last(0, "UPDATE").status >= 400
    assert office.relay.directed == directed
    give_up(office, call, ringing)


def test_an_answer_to_the_called_sides_early_change_that_cannot_be_read(office):
    call, ringing = agree_early(office)
    ringing.request("UPDATE", ringing.phone.describe(port=42000))
    call.respond(200, call.got("UPDATE")[0], b"nonsense")
    assert call.last().status >= 400
    assert "CANCEL" in ringing.labels
    ringing.respond(487)
    office.check_clean()


def test_a_prack_with_an_answer_that_cannot_be_read(office):
    alice, bob = office.phone("201"), office.phone("202")
    alice.supported = bob.supported = "100rel"
    call = alice.invite("202", b"")
    bob.ringing.respond(183, body=bob.describe(port=40002), lines=RELIABLE)
    call.prack(call.last(183), b"nonsense")
    assert call.last().status >= 400
    assert "CANCEL" in bob.ringing.labels
    bob.ringing.respond(487)
    office.check_clean()


def test_an_early_offer_that_cannot_be_read_ends_its_dialog(office):
    alice, bob = office.phone("201"), office.phone("202")
    alice.supported = bob.supported = "100rel"
    call = alice.invite("202", b"")
    bob.ringing.respond(183, body=b"nonsense", lines=RELIABLE)
    assert "CANCEL" in bob.ringing.labels
    bob.ringing.respond(487)
    assert call.last().status >= 400
    office.check_clean()


def test_a_late_offer_that_cannot_be_read_ends_both(office):
    alice, bob = office.phone("201"), office.phone("202")
    call = alice.invite("202", b"")
    bob.ringing.answer(b"nonsense")
    assert call.last().status == 502
    assert bob.ringing.labels[-2:] == ["ACK", "BYE"]
    office.check_clean()


def test_an_early_change_in_the_dialog_of_a_phone_that_has_left(office):
    call, ringing = agree_early(office)
    hall = office.phone("202", "192.168.1.22", name="hall")
    assert not hall.calls
    ringing.respond(302, lines="Contact: <sip:203@192.168.1.1>\r\n")
    assert call.last().status == 480
    call.request("UPDATE", call.phone.describe(port=41000))
    assert call.last(0, "UPDATE").status == 481
    office.check_clean()


def test_one_of_two_early_dialogs_is_changed_and_the_other_one_answers(office):
    """Whoever was asked has lost: the caller is told, and its 200 does not wait."""
    alice = office.phone("201")
    desk, hall = office.phone("202", name="desk"), office.phone("202", "192.168.1.22", name="hall")
    alice.supported = desk.supported = hall.supported = "100rel"
    call = alice.invite("202")
    for phone in (desk, hall):
        phone.ringing.respond(183, body=phone.describe(port=40002), lines=RELIABLE)
        phone.ringing.respond(200, phone.ringing.got("PRACK")[0])
        call.prack(call.got("183 INVITE")[-1])
    first, second = call.got("183 INVITE")[0], call.got("183 INVITE")[-1]
    assert first.to_tag != second.to_tag
    call.remote = first.to_value.decode()
    call.request("UPDATE", alice.describe(port=41000))
    assert "UPDATE" in desk.ringing.labels
    assert "UPDATE" not in hall.ringing.labels
    hall.ringing.answer(b"")
    assert call.last(0, "UPDATE").status in (487, 504)
    assert call.last(200).to_tag == second.to_tag
    call.acknowledge()
    desk.ringing.respond(487)
    call.bye()
    office.check_clean()


def test_the_called_side_answers_while_its_own_early_change_is_open(office):
    call, ringing = agree_early(office)
    ringing.request("UPDATE", ringing.phone.describe(port=42000))
    update = call.got("UPDATE")[0]
    ringing.answer(b"")
    call.respond(200, update, call.phone.describe())
    assert ringing.last(200, "UPDATE").body
    assert call.last().status == 200
    call.acknowledge()
    session, = office.relay.sessions
    assert office.relay.directed[session, 1].rtp == ("192.168.1.12", 42000)
    call.bye()
    office.check_clean()


def test_the_phone_leaves_while_its_own_early_change_is_open(office):
    call, ringing = agree_early(office)
    ringing.request("UPDATE", ringing.phone.describe(port=42000))
    ringing.respond(486)
    assert call.last().status == 486
    office.check_clean()


@pytest.mark.parametrize("is_caller", [True, False])
def test_another_fork_of_the_phone_answers_while_an_early_change_is_open_in_the_first(office, is_caller):
    """13.2.2.4: the first early dialog has lost, and its change with it."""
    call, ringing = agree_early(office)
    asking, asked = (call, ringing) if is_caller else (ringing, call)
    asking.request("UPDATE", asking.phone.describe("m=video 41000 RTP/AVP 96", port=41000))
    assert "UPDATE" in asked.labels
    ringing.respond(180, body=ringing.phone.describe(port=43000), tag="other")
    assert not call.last(180).body
    ringing.answer(port=43000, tag="other")
    assert call.last().status == 200
    assert call.last(200).to_tag != call.got("183 INVITE")[0].to_tag
    assert call.last(200).body.count(b"m=") == 1
    call.acknowledge()
    session, = office.relay.sessions
    assert office.relay.directed[session, 0].rtp == ("192.168.1.11", 40000)
    assert office.relay.directed[session, 1].rtp == ("192.168.1.12", 43000)
    call.bye()
    office.check_clean()


@pytest.mark.parametrize(("method", "statuses"), [("INFO", (480, 481)), ("REFER", (403, 405)), ("INVITE", (491, 500))])
@pytest.mark.parametrize("is_caller", [True, False])
def test_what_nobody_may_ask_before_the_answer(office, method, statuses, is_caller):
    call, ringing = agree_early(office)
    asking, other = (call, ringing) if is_caller else (ringing, call)
    heard = len(other.heard)
    lines = {"REFER": "Refer-To: <sip:203@192.168.1.1>\r\n", "INFO": "Content-Type: application/dtmf-relay\r\n",
             "INVITE": ""}[method]
    invite, branch = asking.invite_sent, asking.invite_cseq
    asking.request(method, b"Signal=1\r\n" if method == "INFO" else b"", lines)
    assert asking.last(0, method).status in statuses
    assert len(other.heard) == heard
    if is_caller:
        asking.invite_sent, asking.invite_cseq = invite, branch
        asking._uri, asking._to = "sip:202@192.168.1.1", "<sip:202@192.168.1.1>"    # of its first INVITE (9.1)
    give_up(office, call, ringing)


@MANY
@given(acts=st.lists(steps, min_size=1, max_size=14), change=bodies, is_caller=st.booleans())
def test_an_early_dialog_may_be_changed_in_any_way(acts, change, is_caller):
    office = VirtualCalls()
    call, ringing = agree_early(office)
    theatre = Theatre(office, call, ringing.phone)
    theatre.request(call if is_caller else ringing, "UPDATE", change)
    play(office, theatre, acts)
