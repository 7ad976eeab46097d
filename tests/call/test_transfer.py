# SPDX-License-Identifier: Apache-2.0
"""Transfers over every combination of phones and trunks: RFC 3515, RFC 3891, RFC 5589; what fails gives the caller
back."""

import pytest

from tests.call.virtual_house import CARRIERS, House, name_at_far_end

OUTSIDE = "0312345678"


@pytest.fixture
def house() -> House:
    return House()


def begin(house: House, kind: str, is_inwards: bool):
    """201 in a call with a phone or somebody outside, begun by either; (201's end, the other's end, who it is)."""
    desk = house.desks["201"]
    if kind == "phone":
        other = house.desks["202"]
        one, two = house.talk(other, "201", desk) if is_inwards else house.talk(desk, "202", other)
    elif is_inwards:
        other = house.carriers["east"]
        one, two = house.talk(other, "05011112222", desk)
    else:
        other = house.carriers["west"]
        one, two = house.talk(desk, OUTSIDE, other)
    return (two, one, other) if is_inwards else (one, two, other)


COMBINATIONS = [(kind, is_inwards, target) for kind in ("phone", "trunk") for is_inwards in (True, False)
                for target in ("phone", "trunk")]
TARGETS = {"phone": ("203", lambda house: house.desks["203"]),
           "trunk": ("0399998888", lambda house: house.carriers["west"])}


@pytest.mark.parametrize("is_held", [True, False])
@pytest.mark.parametrize("leaving", ["at the news", "at once", "never"])
@pytest.mark.parametrize(("kind", "is_inwards", "target"), COMBINATIONS)
def test_a_blind_transfer_joins_whoever_was_there_with_the_target(house, kind, is_inwards, target, leaving, is_held):
    mine, theirs, _other = begin(house, kind, is_inwards)
    number, voice = TARGETS[target][0], TARGETS[target][1](house)
    desk = house.desks["201"]
    if leaving != "at the news":
        desk.hangs_up_on = ()
    if is_held:
        desk.hold(mine)
        house.run()
    desk.refer(mine, number)
    if leaving == "at once":
        house.run(0.015)
        mine.hang_up(house.now)
    house.run(5)
    assert house.hear_one_another(theirs, voice.last_call)
    assert desk.standing == []
    if leaving != "at once":
        assert desk.news[-1] == (200, True)
    voice.last_call.hang_up(house.now)
    house.assert_quiet()
    assert [record.result for record in house.records] == ["answered"]
    (record,) = house.records
    assert [leg.reason for leg in record.legs if leg.number == "201"] == [f"transferred to {number}"]
    assert "callee" in record.ended_by


@pytest.mark.parametrize(("kind", "is_inwards", "target"), COMBINATIONS)
@pytest.mark.parametrize("leaving", ["at the news", "at once", "never"])
def test_an_attended_transfer_joins_the_two_parties(house, kind, is_inwards, target, leaving):
    mine, theirs, _other = begin(house, kind, is_inwards)
    number, voice = TARGETS[target][0], TARGETS[target][1](house)
    desk = house.desks["201"]
    desk.hangs_up_on = ("transferred",) if leaving == "at the news" else ()
    desk.hold(mine)
    house.run()
    consult, answered = house.talk(desk, number, voice)
    desk.hold(consult)
    house.run()
    desk.refer(mine, number, consult)
    if leaving == "at once":
        house.run(0.015)
        mine.hang_up(house.now)
        consult.hang_up(house.now)
    house.run(5)
    assert house.hear_one_another(theirs, answered)
    assert desk.standing == []
    assert len(house.calls.calls) == 1
    theirs.hang_up(house.now)
    house.assert_quiet()
    first, second = sorted(house.records, key=lambda record: record.number)
    assert (first.result, second.result) == ("answered", "answered")
    assert second.reason == f"transferred to call {first.number}"
    assert any(leg.reason == f"transferred to {number}" for leg in first.legs)


@pytest.mark.parametrize(("kind", "is_inwards", "target"), COMBINATIONS)
@pytest.mark.parametrize("offer", ["with an offer", "without one"])
def test_a_consultation_that_still_rings_is_transferred_and_the_answer_joins_the_two(house, kind, is_inwards, target,
                                                                                    offer):
    mine, theirs, _other = begin(house, kind, is_inwards)
    number, voice = TARGETS[target][0], TARGETS[target][1](house)
    desk = house.desks["201"]
    desk.hold(mine)
    house.run()
    voice.ring_only()
    consult = desk.dial(number, None if offer == "with an offer" else b"")
    house.run()
    desk.refer(mine, number, consult)
    house.run()
    assert desk.news == [(100, False), (180, False)]
    voice.lift()
    house.run(5)
    assert house.hear_one_another(theirs, voice.last_call)
    assert desk.standing == []
    assert consult.is_over
    theirs.hang_up(house.now)
    house.assert_quiet()


@pytest.mark.parametrize("status", [486, 480, 603, 404])
@pytest.mark.parametrize("kind", ["phone", "trunk"])
def test_a_refused_target_gives_the_call_back_to_a_transferor_who_is_still_there(house, kind, status):
    mine, theirs, _other = begin(house, kind, True)
    desk = house.desks["201"]
    house.desks["203"].refuse_with(status)
    desk.refer(mine, "203")
    house.run(5)
    assert desk.news[-1] == (status, True)
    assert house.hear_one_another(mine, theirs)
    mine.hang_up(house.now)
    house.assert_quiet()


def test_after_a_failed_transfer_another_one_succeeds_under_its_own_id(house):
    mine, theirs, _other = begin(house, "phone", True)
    desk = house.desks["201"]
    desk.hold(mine)
    house.run()
    desk.refer(mine, "999")
    house.run()
    assert desk.news[-1] == (404, True)
    desk.refer(mine, "203")
    house.run(3)
    assert house.hear_one_another(theirs, house.desks["203"].last_call)
    events = [notify.header(b"Event") for notify in house.network.messages("NOTIFY")]
    assert events[0] == b"refer"
    assert events[-1].startswith(b"refer;id=")
    house.desks["203"].leave()
    house.assert_quiet()


@pytest.mark.parametrize("kind", ["phone", "trunk"])
def test_a_transferor_who_has_left_is_rung_when_the_target_is_busy(house, kind):
    mine, theirs, _other = begin(house, kind, True)
    desk = house.desks["201"]
    house.desks["203"].refuse_with(486)
    before = len(desk.user.calls)
    desk.refer(mine, "203")
    house.run(0.015)
    mine.hang_up(house.now)
    house.run(5)
    assert len(desk.user.calls) == before + 1
    assert house.hear_one_another(theirs, desk.last_call)
    theirs.hang_up(house.now)
    house.assert_quiet()
    assert len(house.records) == 1


def test_nobody_answers_and_the_transferor_neither_then_the_caller_is_told(house):
    mine, theirs, _other = begin(house, "trunk", True)
    desk = house.desks["201"]
    for one in ("201", "203"):
        house.desks[one].ring_only()
    desk.refer(mine, "203")
    house.run(0.015)
    mine.hang_up(house.now)
    house.run(200)
    assert desk.last_call.is_early
    assert not theirs.is_over
    house.run(200)
    assert theirs.is_over
    house.assert_quiet()
    assert house.records[0].reason == "transferred to nobody who answered"


def test_who_is_moved_may_leave_while_the_target_rings(house):
    mine, theirs, _other = begin(house, "trunk", True)
    desk, target = house.desks["201"], house.desks["203"]
    target.ring_only()
    desk.refer(mine, "203")
    house.run()
    theirs.hang_up(house.now)
    house.run()
    assert target.last_call.is_over
    assert desk.news[-1] == (487, True)
    assert mine.is_over
    house.assert_quiet()


def test_the_transferor_hears_it_ring(house):
    mine, theirs, _other = begin(house, "phone", True)
    desk, target = house.desks["201"], house.desks["203"]
    target.ring_only()
    desk.refer(mine, "203")
    house.run()
    assert desk.news == [(100, False), (180, False)]
    target.lift()
    house.run()
    assert desk.news[-1] == (200, True)
    assert house.hear_one_another(theirs, target.last_call)
    target.leave()
    house.assert_quiet()


def test_refer_is_acted_on_while_the_hold_is_still_unanswered(house):
    mine, theirs, other = begin(house, "phone", True)
    desk, target = house.desks["201"], house.desks["203"]
    held = []
    other.user.script["offer_received"] = lambda call, now: held.append(call)
    desk.hold(mine)
    house.run(0.1)
    desk.refer(mine, "203")
    house.run()
    assert len(target.user.calls) == 1
    other.user.script["offer_received"] = other.take_change
    held[0].answer_offer(other.describe(b"recvonly"), house.now)
    house.run(5)
    assert house.hear_one_another(theirs, target.last_call)
    target.leave()
    house.assert_quiet()


def test_a_carrier_moves_nobody_about(house):
    call, inside = house.talk(house.carriers["east"], "05011112222", house.desks["201"])
    house.carriers["east"].refer(call, "202")
    house.run()
    assert house.carriers["east"].news == [("refused", 405)]
    assert house.hear_one_another(call, inside)
    call.hang_up(house.now)
    house.assert_quiet()


@pytest.mark.parametrize("kind", ["phone", "trunk"])
def test_refer_never_leaves_the_house(house, kind):
    mine, _theirs, other = begin(house, kind, True)
    house.desks["201"].refer(mine, OUTSIDE)
    house.run(5)
    assert [target for _at, _source, target, message in house.network.sent
            if message.method == b"REFER" and message.is_request] == [(b"192.168.1.1", 5060)]
    outside = [message for _at, _source, target, message in house.network.sent if target[0].startswith(b"198.")]
    assert outside
    for message in outside:
        for name in (b"Referred-By", b"Refer-To", b"Replaces", b"P-Asserted-Identity"):
            is_callers_own = name == b"P-Asserted-Identity" and message.method == b"INVITE"
            assert message.header(name) is None or is_callers_own, name
        assert b"office.test" not in message.data
        assert b"192.168." not in message.data
    other.leave()
    house.assert_quiet()


def test_referred_by_reaches_the_phone_of_the_target(house):
    mine, _theirs, other = begin(house, "phone", True)
    house.desks["201"].refer(mine, "203")
    house.run(3)
    invites = [message for _at, _source, target, message in house.network.sent
               if target[0] == b"192.168.1.13" and message.method == b"INVITE" and message.is_request]
    assert invites[0].header(b"Referred-By") == b"<sip:201@192.168.1.1>"
    assert invites[0].from_user == b"202"
    other.leave()
    house.assert_quiet()


def test_the_display_follows_to_phones_of_the_office_and_to_nobody_else(house):
    mine, theirs, _other = begin(house, "phone", True)
    house.desks["201"].refer(mine, OUTSIDE)
    house.run(3)
    told = [message.header(b"P-Asserted-Identity") for _at, _source, target, message in house.network.sent
            if target[0] == b"192.168.1.12" and message.method == b"INVITE" and message.is_request]
    assert told[-1] == b"<sip:%s@office.test>" % OUTSIDE.encode()
    theirs.hang_up(house.now)
    house.assert_quiet()


def test_a_phone_whose_session_goes_on_as_it_is_hears_by_update_who_is_there(house):
    mine, theirs, _other = begin(house, "phone", True)
    sessions = [theirs.exchange.local, theirs.exchange.remote]
    house.desks["201"].refer(mine, "203")
    house.run(3)
    assert house.hear_one_another(theirs, house.desks["203"].last_call)
    assert [theirs.exchange.local, theirs.exchange.remote] == sessions
    update, = house.network.messages("UPDATE")
    assert update.header(b"P-Asserted-Identity") == b"<sip:203@office.test>"
    assert not update.body
    assert len(house.network.messages("200 UPDATE")) == 1
    theirs.hang_up(house.now)
    house.assert_quiet()


@pytest.mark.parametrize("knows_it", [True, False])
def test_who_knows_a_changing_from_sees_there_who_speaks_by_now(house, knows_it):
    """RFC 4916 4.4.1: and in every later request, with the tag as it was."""
    if knows_it:
        house.desks["202"].profile.supported += (b"from-change",)
    mine, theirs, _other = begin(house, "phone", True)
    before = theirs.dialog.remote.partition(b"<")[2].partition(b">")[0]
    tag = theirs.dialog.remote_tag
    house.desks["201"].refer(mine, "203")
    house.run(3)
    update, = house.network.messages("UPDATE")
    house.desks["203"].leave()
    house.run()
    bye = [message for message in house.network.messages("BYE") if message.call_id == update.call_id][-1]
    for message in (update, bye):
        assert message.from_tag == tag
        assert message.from_uri == (b"sip:203@office.test" if knows_it else before)
    house.assert_quiet()


def test_a_transfer_goes_where_the_transferor_may_call_and_nowhere_else(house):
    mine, theirs, _other = begin(house, "trunk", True)
    desk = house.desks["201"]
    desk.refer(mine, "010441234567890")
    house.run()
    assert desk.news[-1] == (403, True)
    assert house.hear_one_another(mine, theirs)
    mine.hang_up(house.now)
    house.assert_quiet()


def test_the_identifiers_of_somebody_elses_call_are_no_proof(house):
    mine, theirs, _other = begin(house, "phone", True)
    foreign, answered = house.talk(house.desks["203"], "204", house.desks["204"])
    desk = house.desks["201"]
    for end in (foreign, answered):
        desk.refer(mine, "204", end)
        house.run()
        assert desk.news[-1] == ("refused", 403)
    assert house.hear_one_another(mine, theirs)
    assert house.hear_one_another(foreign, answered)
    mine.hang_up(house.now)
    foreign.hang_up(house.now)
    house.assert_quiet()


def test_a_call_that_is_gone_cannot_be_transferred_into(house):
    mine, theirs, _other = begin(house, "phone", True)
    desk = house.desks["201"]
    consult, _answered = house.talk(desk, "203", house.desks["203"])
    gone = name_at_far_end(consult)
    consult.hang_up(house.now)
    house.run()
    mine.refer(b"sip:203@192.168.1.1", gone, desk, house.now)
    house.run()
    assert desk.news[-1] == (481, True)
    assert house.hear_one_another(mine, theirs)
    mine.hang_up(house.now)
    house.assert_quiet()


def test_an_attended_transfer_that_the_target_will_not_have_leaves_both_calls_as_they_were(house):
    mine, theirs, _other = begin(house, "phone", True)
    desk, target = house.desks["201"], house.desks["203"]
    consult, answered = house.talk(desk, "203", target)
    target.user.script["offer_received"] = lambda call, now: call.refuse_offer(488, now)
    desk.refer(mine, "203", consult)
    house.run(3)
    assert desk.news[-1] == (488, True)
    assert house.hear_one_another(mine, theirs)
    assert house.hear_one_another(consult, answered)
    assert len(house.calls.calls) == 2
    mine.hang_up(house.now)
    consult.hang_up(house.now)
    house.assert_quiet()


def test_an_attended_transfer_that_the_moved_one_will_not_have_restores_the_consultation(house):
    mine, theirs, other = begin(house, "phone", True)
    desk, target = house.desks["201"], house.desks["203"]
    consult, answered = house.talk(desk, "203", target)
    other.user.script["offer_received"] = lambda call, now: call.refuse_offer(488, now)
    desk.refer(mine, "203", consult)
    house.run(3)
    assert desk.news[-1] == (488, True)
    assert house.hear_one_another(mine, theirs)
    assert house.hear_one_another(consult, answered)
    mine.hang_up(house.now)
    consult.hang_up(house.now)
    house.assert_quiet()


@pytest.mark.parametrize("who", ["moved", "target"])
def test_somebody_who_hangs_up_in_the_middle_of_an_attended_transfer_leaves_the_others_connected(house, who):
    mine, theirs, other = begin(house, "phone", True)
    desk, target = house.desks["201"], house.desks["203"]
    consult, answered = house.talk(desk, "203", target)
    leaver, end = (other, theirs) if who == "moved" else (target, answered)
    leaver.user.script["offer_received"] = lambda call, now: end.hang_up(now)
    desk.refer(mine, "203", consult)
    house.run(3)
    assert desk.news[-1][0] == 487
    if who == "moved":
        assert house.hear_one_another(consult, answered)
        assert mine.is_over
        consult.hang_up(house.now)
    else:
        assert house.hear_one_another(mine, theirs)
        assert consult.is_over
        mine.hang_up(house.now)
    house.assert_quiet()


def test_a_target_that_thinks_it_over_while_the_moved_one_leaves_hears_the_transferor_again(house):
    mine, theirs, _other = begin(house, "phone", True)
    desk, target = house.desks["201"], house.desks["203"]
    consult, answered = house.talk(desk, "203", target)
    held = []
    target.user.script["offer_received"] = lambda call, now: held.append(call)
    desk.refer(mine, "203", consult)
    house.run()
    theirs.hang_up(house.now)
    house.run()
    target.user.script["offer_received"] = target.take_change
    held[0].answer_offer(target.describe(), house.now)
    house.run()
    assert house.hear_one_another(consult, answered)
    consult.hang_up(house.now)
    house.assert_quiet()


def test_a_busy_consultation_that_rang_gives_the_call_back(house):
    mine, theirs, _other = begin(house, "trunk", True)
    desk, target = house.desks["201"], house.desks["203"]
    target.ring_only()
    consult = desk.dial("203")
    house.run()
    desk.refer(mine, "203", consult)
    house.run()
    target.last_call.refuse(486, house.now)
    house.run()
    assert desk.news[-1] == (486, True)
    assert consult.is_over
    assert house.hear_one_another(mine, theirs)
    mine.hang_up(house.now)
    house.assert_quiet()


@pytest.mark.parametrize("is_answered", [True, False])
def test_who_is_connected_with_the_emergency_service_keeps_the_line(is_answered):
    house = House("".join(f"set trunk {name} channels 1\n" for name in CARRIERS) + "set trunk west emergency true\n")
    desk, west = house.desks["201"], house.carriers["west"]
    mine, theirs, _other = begin(house, "phone", True)
    if not is_answered:
        west.ring_only()
    consult = desk.dial("119")
    house.run()
    desk.refer(mine, "119", consult)
    house.run()
    if not is_answered:
        west.lift()
    house.run(3)
    assert house.hear_one_another(theirs, west.last_call)
    house.desks["204"].dial("0312345678")
    house.run()
    assert house.desks["204"].user.releases[-1].status >= 400
    assert house.hear_one_another(theirs, west.last_call)
    theirs.hang_up(house.now)
    house.assert_quiet()
    assert min(house.records, key=lambda record: record.number).is_emergency


def test_the_transferor_may_cancel_its_consultation_once_it_is_transferred(house):
    mine, theirs, _other = begin(house, "trunk", True)
    desk, target = house.desks["201"], house.desks["203"]
    target.ring_only()
    consult = desk.dial("203")
    house.run()
    desk.refer(mine, "203", consult)
    house.run(0.1)
    consult.hang_up(house.now)
    mine.hang_up(house.now)
    house.run()
    assert not target.last_call.is_over
    target.lift()
    house.run(3)
    assert house.hear_one_another(theirs, target.last_call)
    target.leave()
    house.assert_quiet()
