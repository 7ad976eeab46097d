# SPDX-License-Identifier: Apache-2.0
"""A carrier that takes one INVITE a second gets one a second: others wait for their turn, a call for help does not."""

from itertools import pairwise

import pytest

from tests.call.virtual_calls import CARRIER, SECOND_CARRIER, VirtualCalls

OUTSIDE = "0312345678"
HIKARI = CARRIER + "set trunk carrier profile hikari-direct\nset trunk carrier emergency true\n"
LIMIT_S = 1.0


@pytest.fixture
def office() -> VirtualCalls:
    return VirtualCalls(HIKARI)


def watch_invites(office: VirtualCalls, carrier, seconds: float) -> list[float]:
    """When each INVITE came, while so much time passes."""
    came, ends_at = [office.now] * len(carrier.calls), office.now + seconds
    while office.now < ends_at:
        office.run(0.01)
        came += [office.now] * (len(carrier.calls) - len(came))
    return came


def test_of_several_calls_at_once_each_goes_out_in_its_turn(office):
    carrier, phone = office.carrier(), office.phone("201")
    calls = [phone.invite(OUTSIDE) for _ in range(5)]
    assert len(carrier.calls) == 1
    came = watch_invites(office, carrier, 6.0)
    assert len(came) == 5
    assert all(later - earlier >= LIMIT_S for earlier, later in pairwise(came))
    for call, outside in zip(calls, carrier.calls, strict=True):
        outside.answer()
        call.acknowledge()
        assert call.last().status == 200
        call.bye()
    office.check_clean(records=5)


def test_whoever_would_wait_too_long_hears_when_to_try_again(office):
    carrier, phone = office.carrier(), office.phone("201")
    calls = [phone.invite(OUTSIDE) for _ in range(8)]
    refused = [call for call in calls if call.statuses[-1] == 503]
    assert refused == calls[-len(refused):]
    assert len(refused) >= 2
    assert refused[0].last().header(b"Retry-After") == b"6"
    office.run(6.5)
    assert len(carrier.calls) == len(calls) - len(refused)
    again = phone.invite(OUTSIDE)
    assert 503 not in again.statuses


def test_who_gives_up_while_he_waits_calls_nobody(office):
    carrier, phone = office.carrier(), office.phone("201")
    phone.invite(OUTSIDE)
    waiting = phone.invite(OUTSIDE)
    waiting.cancel()
    assert waiting.last().status == 487
    office.run(3)
    assert len(carrier.calls) == 1


def test_a_call_for_help_waits_for_nobody(office):
    carrier, phone = office.carrier(), office.phone("201")
    phone.invite(OUTSIDE)
    phone.invite(OUTSIDE)
    phone.invite("110")
    assert [call.invite.uri_user for call in carrier.calls] == [b"0312345678", b"110"]


def test_a_channel_that_is_taken_while_somebody_waits_is_not_there_for_him():
    office = VirtualCalls(HIKARI + "set trunk carrier channels 1\n" + SECOND_CARRIER)
    carrier, spare = office.carrier(), office.carrier("spare", "198.51.100.2")
    phone = office.phone("201")
    phone.invite(OUTSIDE)
    assert len(carrier.calls) == 1
    phone.invite(OUTSIDE)
    assert (len(carrier.calls), len(spare.calls)) == (1, 1)


def test_other_carriers_take_what_comes():
    office = VirtualCalls(CARRIER)
    carrier, phone = office.carrier(), office.phone("201")
    for _ in range(5):
        phone.invite(OUTSIDE)
    assert len(carrier.calls) == 5
