# SPDX-License-Identifier: Apache-2.0
"""Several phones of one extension, redirections, and which of several refusals the caller hears."""

import pytest

from tests.call.virtual_calls import VirtualCalls
from tests.call.virtual_phone import PhoneCall


@pytest.fixture
def office() -> VirtualCalls:
    return VirtualCalls()


@pytest.fixture
def group(office):
    """Two phones of 202."""
    return office.phone("202", name="desk"), office.phone("202", "192.168.1.22", name="hall")


def test_all_phones_ring_and_the_first_that_answers_has_it(office, group):
    alice, (desk, hall) = office.phone("201"), group
    call = alice.invite("202")
    desk.ringing.respond(180)
    hall.ringing.respond(180)
    hall.ringing.answer()
    call.acknowledge()
    assert desk.ringing.labels == ["INVITE", "CANCEL"]
    assert b"SIP;cause=200" in desk.ringing.got("CANCEL")[0].header(b"Reason")     # RFC 3326: no missed call
    desk.ringing.respond(487)
    assert call.statuses == [100, 180, 180, 200]
    assert hall.ringing.labels == ["INVITE", "ACK"]
    assert desk.ringing.labels[-1] == "ACK"
    call.bye()
    office.check_clean()
    assert [leg.status for leg in office.records.kept[0].legs] == [200, 487, 200]


def test_a_late_answer_of_a_loser_is_acknowledged_and_ended(office, group):
    alice, (desk, hall) = office.phone("201"), group
    call = alice.invite("202")
    desk.ringing.respond(180)
    hall.ringing.answer()
    call.acknowledge()
    desk.ringing.answer()
    assert desk.ringing.labels[-2:] == ["ACK", "BYE"]
    call.bye()
    office.check_clean()


def test_both_answers_are_on_the_wire_at_once(office, group):
    """RFC 3261 16.7 step 5 has no place here: one 200 reaches the caller."""
    alice, (desk, hall) = office.phone("201"), group
    call = alice.invite("202")
    desk.ringing.answer()
    hall.ringing.answer()
    assert call.statuses == [100, 200]
    call.acknowledge()
    assert hall.ringing.labels[-2:] == ["ACK", "BYE"]
    call.bye()
    office.check_clean()


def test_603_of_one_phone_ends_the_group(office, group):
    alice, (desk, hall) = office.phone("201"), group
    call = alice.invite("202")
    desk.ringing.respond(180)
    hall.ringing.respond(603)
    assert call.statuses == [100, 180, 603]
    assert "CANCEL" in desk.ringing.labels
    desk.ringing.respond(487)
    office.check_clean()
    assert office.records.kept[0].result == "refused"


@pytest.mark.parametrize(("first", "second", "told"), [
    (486, 480, 486), (480, 486, 486), (404, 480, 404), (500, 486, 486), (503, 500, 503), (486, 302, 480),
    (408, 480, 480), (487, 486, 486)])
def test_the_best_response_of_two(office, group, first, second, told):
    """RFC 3261 16.7 step 6."""
    alice, (desk, hall) = office.phone("201"), group
    call = alice.invite("202")
    desk.ringing.respond(first)
    assert call.statuses == [100]
    hall.ringing.respond(second)
    assert call.statuses == [100, told]
    office.check_clean()


def test_groups_of_lower_preference_ring_after_the_others_have_refused(office):
    alice = office.phone("201")
    desk, hall = office.phone("202", q=1.0, name="desk"), office.phone("202", "192.168.1.22", q=0.5, name="hall")
    call = alice.invite("202")
    assert not hall.calls
    desk.ringing.respond(180)
    desk.ringing.respond(486)
    assert call.statuses == [100, 180]
    assert len(office.relay.sessions) == 1      # the first one's are closed
    hall.ringing.respond(180)
    hall.ringing.answer()
    call.acknowledge()
    call.bye()
    office.check_clean()


def test_the_caller_gives_up_while_the_second_group_rings(office):
    alice = office.phone("201")
    desk, hall = office.phone("202", q=1.0, name="desk"), office.phone("202", "192.168.1.22", q=0.5, name="hall")
    call = alice.invite("202")
    desk.ringing.respond(486)
    hall.ringing.respond(180)
    call.cancel()
    assert call.last().status == 487
    assert "CANCEL" in hall.ringing.labels
    hall.ringing.respond(487)
    office.check_clean()


def test_the_caller_gives_up_and_no_further_group_is_rung(office):
    alice = office.phone("201")
    desk, hall = office.phone("202", q=1.0, name="desk"), office.phone("202", "192.168.1.22", q=0.5, name="hall")
    call = alice.invite("202")
    desk.ringing.respond(180)
    call.cancel()
    desk.ringing.respond(487)
    assert not hall.calls
    office.check_clean()


def test_a_phone_sends_the_call_elsewhere(office):
    alice, bob, carol = (office.phone(user) for user in ("201", "202", "203"))
    call = alice.invite("202")
    bob.ringing.respond(302, lines="Contact: <sip:203@192.168.1.1>\r\n")
    carol.ringing.respond(180)
    carol.ringing.answer()
    call.acknowledge()
    assert call.statuses == [100, 180, 200]
    call.bye()
    office.check_clean()
    record = office.records.kept[0]
    assert (record.dialled, record.callee) == ("202", "203")


def test_phones_that_send_calls_to_one_another_end_in_480(office):
    alice, bob, carol = (office.phone(user) for user in ("201", "202", "203"))
    call = alice.invite("202")
    bob.ringing.respond(302, lines="Contact: <sip:203@192.168.1.1>\r\n")
    carol.ringing.respond(302, lines="Contact: <sip:202@192.168.1.1>\r\n")
    assert call.last().status == 480
    assert len(bob.calls) == 1
    assert len(carol.calls) == 1
    office.check_clean()


def test_a_phone_that_sends_the_call_to_the_caller(office):
    alice, bob = office.phone("201"), office.phone("202")
    call = alice.invite("202")
    bob.ringing.respond(302, lines="Contact: <sip:201@192.168.1.1>\r\n")
    own: PhoneCall = alice.calls[1]
    own.respond(486)
    assert call.last().status == 486
    office.check_clean()


def test_a_redirection_to_nobody_is_404(office):
    alice, bob = office.phone("201"), office.phone("202")
    call = alice.invite("202")
    bob.ringing.respond(302, lines="Contact: <sip:299@192.168.1.1>\r\n")
    assert call.last().status in (404, 480)
    office.check_clean()


def test_a_redirection_without_a_contact(office):
    alice, bob = office.phone("201"), office.phone("202")
    call = alice.invite("202")
    bob.ringing.respond(302)
    assert call.last().status == 480
    office.check_clean()


def test_a_phone_that_says_nothing_is_given_up_after_32_seconds(office):
    alice, bob = office.phone("201"), office.phone("202")
    call = alice.invite("202")
    office.run(33.0)
    assert call.last().status == 408
    assert bob.ringing.got("INVITE")
    office.check_clean()
    assert (office.records.kept[0].result, office.records.kept[0].ended_by) == ("no_answer", "server")


def test_one_fork_that_is_over_is_not_told(office):
    """RFC 6228: 199 says that one early dialog has ended; the caller's call rings on."""
    alice, bob = office.phone("201"), office.phone("202")
    call = alice.invite("202", lines="Supported: 199\r\n")
    bob.ringing.respond(180, tag="one")
    bob.ringing.respond(199, tag="one")
    bob.ringing.respond(180, tag="two")
    bob.ringing.answer(tag="two")
    assert call.statuses == [100, 180, 180, 200]
    call.acknowledge()
    call.bye()
    office.check_clean()


def test_two_forks_behind_one_phone_may_both_answer(office):
    """13.2.2.4: the second one gets ACK and BYE."""
    alice, bob = office.phone("201"), office.phone("202")
    call = alice.invite("202")
    bob.ringing.answer(tag="one")
    bob.ringing.answer(tag="two")
    assert call.statuses == [100, 200]
    assert [(message.method, message.to_tag) for message in bob.ringing.heard if message.method != b"INVITE"] == [
        (b"ACK", b"one"), (b"ACK", b"two"), (b"BYE", b"two")]
    call.acknowledge()
    call.bye()
    office.check_clean()
