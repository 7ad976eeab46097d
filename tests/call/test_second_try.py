# SPDX-License-Identifier: Apache-2.0
"""A carrier that answers 500 at random is asked once more before anything else is tried."""

import pytest

from tests.call.virtual_calls import CARRIER, SECOND_CARRIER, VirtualCalls

OUTSIDE = "0312345678"
HIKARI = CARRIER + SECOND_CARRIER + "set trunk carrier profile hikari-direct\n"
EMERGENCY = "set trunk carrier emergency true\nset trunk spare emergency true\n"
DELAY_S = 3.0


@pytest.fixture
def office() -> VirtualCalls:
    return VirtualCalls(HIKARI + EMERGENCY)


@pytest.fixture
def carriers(office):
    return office.carrier(), office.carrier("spare", "198.51.100.2")


def test_after_a_500_the_same_carrier_is_asked_once_more(office, carriers):
    call = office.phone("201").invite(OUTSIDE)
    first = carriers[0].ringing
    first.respond(500)
    assert len(carriers[0].calls) == 1
    assert not carriers[1].calls
    office.run(DELAY_S + 0.2)
    second = carriers[0].ringing
    assert second is not first
    assert second.invite.uri == first.invite.uri
    second.answer()
    call.acknowledge()
    assert call.last().status == 200
    call.bye()
    office.check_clean()
    assert [leg.status for leg in office.records.kept[0].legs] == [200, 500, 200]


def test_after_the_second_500_the_next_trunk_has_it(office, carriers):
    call = office.phone("201").invite(OUTSIDE)
    carriers[0].ringing.respond(500)
    office.run(DELAY_S + 0.2)
    carriers[0].ringing.respond(500)
    assert len(carriers[0].calls) == 2
    carriers[1].ringing.answer()
    call.acknowledge()
    assert call.last().status == 200
    call.bye()
    office.check_clean()


def test_a_second_try_that_stays_silent_gives_way_as_the_first_would(office, carriers):
    call = office.phone("201").invite(OUTSIDE)
    carriers[0].ringing.respond(500)
    office.run(DELAY_S + 4.4)
    assert len(carriers[0].calls) == 2
    carriers[1].ringing.answer()
    call.acknowledge()
    call.bye()
    office.check_clean()


@pytest.mark.parametrize("status", [486, 503])
def test_no_other_status_is_tried_twice(office, carriers, status):
    office.phone("201").invite(OUTSIDE)
    carriers[0].ringing.respond(status)
    office.run(DELAY_S + 0.2)
    assert len(carriers[0].calls) == 1
    assert len(carriers[1].calls) == (1 if status == 503 else 0)


def test_other_carriers_mean_what_they_say(office, carriers):
    office.phone("201").invite(OUTSIDE)
    carriers[0].ringing.respond(503)
    carriers[1].ringing.respond(500)
    office.run(DELAY_S + 0.2)
    assert len(carriers[1].calls) == 1
    office.check_clean()


def test_who_gives_up_meanwhile_rings_nobody(office, carriers):
    call = office.phone("201").invite(OUTSIDE)
    carriers[0].ringing.respond(500)
    call.cancel()
    assert call.last().status == 487
    office.run(DELAY_S + 1.0)
    assert len(carriers[0].calls) == 1
    office.check_clean()


def test_an_emergency_call_does_not_wait_where_there_is_another_trunk(office, carriers):
    call = office.phone("201").invite("110")
    carriers[0].ringing.respond(500)
    carriers[1].ringing.answer()
    call.acknowledge()
    assert call.last().status == 200
    call.bye()
    office.check_clean()


def test_on_the_only_trunk_an_emergency_call_is_tried_again_as_well():
    office = VirtualCalls(CARRIER + "set trunk carrier profile hikari-direct\nset trunk carrier emergency true\n")
    carrier = office.carrier()
    call = office.phone("201").invite("110")
    carrier.ringing.respond(500)
    office.run(DELAY_S + 0.2)
    assert len(carrier.calls) == 2
    carrier.ringing.answer()
    call.acknowledge()
    assert call.last().status == 200
    call.bye()
    office.check_clean()
