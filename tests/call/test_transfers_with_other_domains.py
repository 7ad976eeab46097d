# SPDX-License-Identifier: Apache-2.0
"""Users of another domain in calls of ours: they are transferred and transfer, but with nobody's rights."""

import pytest

from tests.call.virtual_house import House, Voice, name_at_far_end

NEIGHBOUR = "set sip domain other.test source 10.9.0.0/24\n"


@pytest.fixture
def house() -> House:
    """With somebody in another domain who calls himself by the number of one of our extensions."""
    house = House(NEIGHBOUR)
    stranger = Voice(house.network, "10.9.0.5", "201", "192.168.1.1")
    stranger.profile.aor = b"sip:201@other.test"
    house.desks["stranger"] = stranger
    return house


@pytest.mark.parametrize("is_attended", [True, False])
def test_somebody_of_another_domain_is_transferred(house, is_attended):
    clerk, boss = house.desks["202"], house.desks["203"]
    theirs, mine = house.talk(house.desks["stranger"], "202", clerk)
    consult = house.talk(clerk, "203", boss)[0] if is_attended else None
    clerk.refer(mine, "203", consult)
    house.run(5)
    assert house.hear_one_another(theirs, boss.last_call)
    assert clerk.standing == []
    told = [message for _at, _source, target, message in house.network.sent if target[0] == b"10.9.0.5"]
    assert all(message.header(b"P-Asserted-Identity") is None for message in told)
    theirs.hang_up(house.now)
    house.assert_quiet()


@pytest.mark.parametrize("is_attended", [True, False])
def test_somebody_of_another_domain_transfers_us_within_the_office(house, is_attended):
    stranger, clerk, boss = house.desks["stranger"], house.desks["202"], house.desks["203"]
    mine, theirs = house.talk(stranger, "202", clerk)
    consult = house.talk(stranger, "203", boss)[0] if is_attended else None
    stranger.refer(mine, "203", consult)
    house.run(5)
    assert house.hear_one_another(theirs, boss.last_call)
    theirs.hang_up(house.now)
    house.assert_quiet()


def test_the_number_of_an_extension_in_another_domain_has_not_its_rights(house):
    stranger, clerk = house.desks["stranger"], house.desks["202"]
    mine, theirs = house.talk(stranger, "202", clerk)
    stranger.refer(mine, "0312345678")
    house.run()
    assert stranger.news[-1] == (403, True)
    assert house.hear_one_another(mine, theirs)
    stranger.refer(mine, "sip:somebody@third.test")
    house.run()
    assert stranger.news[-1] == (403, True)
    assert house.hear_one_another(mine, theirs)
    mine.hang_up(house.now)
    house.assert_quiet()


def test_nor_are_calls_of_that_extension_his(house):
    stranger, clerk = house.desks["stranger"], house.desks["202"]
    mine, theirs = house.talk(stranger, "202", clerk)
    ours, answered = house.talk(house.desks["201"], "203", house.desks["203"])
    stranger.refer(mine, "203", ours)
    house.run()
    assert stranger.news[-1] == ("refused", 403)
    stranger.take_over("203", name_at_far_end(ours))
    house.run()
    assert stranger.user.releases[-1].status == 481
    assert house.hear_one_another(ours, answered)
    assert house.hear_one_another(mine, theirs)
    mine.hang_up(house.now)
    ours.hang_up(house.now)
    house.assert_quiet()


def test_who_left_us_for_somebody_busy_is_not_rung_in_the_name_of_our_extension(house):
    """The transferor of another domain is gone: nobody here is rung for him."""
    stranger, clerk = house.desks["stranger"], house.desks["202"]
    house.desks["203"].refuse_with(486)
    mine, theirs = house.talk(stranger, "202", clerk)
    stranger.refer(mine, "203")
    house.run(0.015)
    mine.hang_up(house.now)
    house.run(3)
    assert theirs.is_over
    assert house.desks["201"].user.calls == []
    house.assert_quiet()
