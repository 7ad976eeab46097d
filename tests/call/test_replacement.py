# SPDX-License-Identifier: Apache-2.0
"""Calls that stand and move to another phone of the same extension: INVITE with Replaces (RFC 3891)."""

import pytest

from appliance.ua.replaces import Replaces
from tests.call.virtual_house import House, Voice


@pytest.fixture
def house() -> House:
    house = House()
    second = Voice(house.network, "192.168.1.21", "201", "192.168.1.1")
    second.user.script["offered"] = lambda call, now: call.alert(180, now)
    house.desks["201b"] = second
    return house


def name_own(call) -> Replaces:
    """A call as its phone's lamps tell it: Call-ID, and the tags as the other end has them."""
    dialog = call.dialog
    return Replaces(dialog.call_id, dialog.remote_tag, dialog.local_tag)


def begin(house: House, kind: str):
    if kind == "phone":
        mine, theirs = house.talk(house.desks["201"], "202", house.desks["202"])
    elif kind == "called":
        theirs, mine = house.talk(house.desks["202"], "201", house.desks["201"])
    else:
        theirs, mine = house.talk(house.carriers["east"], "05011112222", house.desks["201"])
    return mine, theirs


@pytest.mark.parametrize("kind", ["phone", "called", "trunk"])
@pytest.mark.parametrize("offers", [True, False])
def test_another_phone_of_the_extension_takes_the_call_over(house, kind, offers):
    mine, theirs = begin(house, kind)
    second = house.desks["201b"]
    answer = second.take_over("201", name_own(mine), None if offers else b"")
    house.run(3)
    assert house.hear_one_another(answer, theirs)
    assert mine.is_over
    assert len(house.calls.calls) == 1
    theirs.hang_up(house.now)
    house.assert_quiet()
    assert len(house.records) == 1


def test_somebody_else_does_not(house):
    mine, theirs = begin(house, "phone")
    house.desks["203"].take_over("201", name_own(mine))
    house.run()
    assert house.desks["203"].user.releases[-1].status == 403
    assert house.hear_one_another(mine, theirs)
    mine.hang_up(house.now)
    house.assert_quiet()


@pytest.mark.parametrize("offers", [True, False])
def test_a_session_that_the_partner_refuses_leaves_the_call_as_it_was(house, offers):
    mine, theirs = begin(house, "phone")
    house.desks["202"].user.script["offer_received"] = lambda call, now: call.refuse_offer(488, now)
    answer = house.desks["201b"].take_over("201", name_own(mine), None if offers else b"")
    house.run(3)
    assert answer.is_over
    assert house.hear_one_another(mine, theirs)
    mine.hang_up(house.now)
    house.assert_quiet()


def test_who_takes_over_may_change_his_mind(house):
    mine, theirs = begin(house, "phone")
    house.desks["202"].user.script["offer_received"] = lambda call, now: None
    answer = house.desks["201b"].take_over("201", name_own(mine))
    house.run(0.2)
    answer.hang_up(house.now)
    house.run(1)
    house.desks["202"].user.script["offer_received"] = house.desks["202"].take_change
    house.desks["202"].last_call.answer_offer(house.desks["202"].describe(), house.now)
    house.run(3)
    assert answer.is_over
    assert house.hear_one_another(mine, theirs)
    mine.hang_up(house.now)
    house.assert_quiet()


def test_the_phone_that_is_left_may_hang_up_before_the_other_has_the_call(house):
    mine, theirs = begin(house, "phone")
    held = []
    house.desks["202"].user.script["offer_received"] = lambda call, now: held.append(call)
    answer = house.desks["201b"].take_over("201", name_own(mine))
    house.run(0.2)
    mine.hang_up(house.now)
    house.run(0.2)
    held[0].answer_offer(house.desks["202"].describe(), house.now)
    house.run()
    assert house.hear_one_another(answer, theirs)
    theirs.hang_up(house.now)
    house.assert_quiet()


def test_a_partner_who_hangs_up_meanwhile_ends_it_for_both(house):
    mine, _theirs = begin(house, "phone")
    house.desks["202"].user.script["offer_received"] = lambda call, now: call.hang_up(now)
    answer = house.desks["201b"].take_over("201", name_own(mine))
    house.run()
    assert mine.is_over
    assert answer.is_over
    house.assert_quiet()


def test_a_dialog_of_nobody_is_481_and_two_of_them_400(house):
    second = house.desks["201b"]
    second.take_over("201", Replaces(b"nothing", b"1", b"2"))
    house.run()
    assert second.user.releases[-1].status == 481
    second.dial("201", None, b"Replaces: a;to-tag=1;from-tag=2\r\nReplaces: b;to-tag=1;from-tag=2\r\n")
    house.run()
    assert second.user.releases[-1].status == 400
    house.assert_quiet()


def test_the_same_phone_may_take_it_over_once_more(house):
    mine, theirs = begin(house, "trunk")
    answer = house.desks["201b"].take_over("201", name_own(mine))
    house.run()
    back = house.desks["201"].take_over("201", name_own(answer))
    house.run()
    assert house.hear_one_another(back, theirs)
    assert answer.is_over
    back.hang_up(house.now)
    house.assert_quiet()
