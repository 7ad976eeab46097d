# SPDX-License-Identifier: Apache-2.0
"""Legs that were let go and do not say that they are over: nobody waits for them, and nothing they say does harm."""

import pytest

from tests.call.virtual_calls import CARRIER, SECOND_CARRIER, VirtualCalls

OUTSIDE = "0312345678"
TALKED_S = 10.0
SILENT_S = 4.0
ONE_CHANNEL = "set trunk carrier channels 1\nset trunk carrier emergency true\n"


@pytest.fixture
def office() -> VirtualCalls:
    return VirtualCalls(CARRIER + SECOND_CARRIER + ONE_CHANNEL)


def talk_past_a_silent_trunk(office: VirtualCalls):
    """A call that stands on the second trunk, and the silent first one."""
    silent, spare = office.carrier(), office.carrier("spare", "198.51.100.2")
    call = office.phone("201").invite(OUTSIDE)
    office.run(SILENT_S + 0.2)
    spare.ringing.answer()
    call.acknowledge()
    office.run(TALKED_S)
    return call, silent


def test_a_call_is_over_with_its_talkers_though_a_silent_trunk_still_waits(office):
    call, silent = talk_past_a_silent_trunk(office)
    began = office.now
    call.bye()
    assert not office.engine.calls
    assert not office.relay.sessions
    assert office.gateway.trunks["carrier"].calls == 1      # its Timer B runs for 32 s
    office.run(1.5)
    record = office.records.kept[0]
    assert abs(record.ended_at - record.answered_at - TALKED_S) < 0.1
    assert abs(record.ended_at - office.engine.ended[-1].wall(began)) < 0.1
    assert [(leg.status, leg.reason) for leg in record.legs if leg.address.startswith("198.51.100.1:")] == [
        (0, "silent")]
    assert silent.ringing.got("CANCEL") == []       # 9.1: nothing came that would allow it
    office.check_clean()


def test_what_a_forgotten_trunk_says_late_is_ended_and_changes_no_record(office):
    call, silent = talk_past_a_silent_trunk(office)
    call.bye()
    office.run(1.5)
    before = [(leg.status, leg.ended_at, leg.reason) for leg in office.records.kept[0].legs]
    told: list[int] = []
    office.engine.on_change(lambda changed: told.append(changed.number))
    silent.ringing.answer()
    assert silent.ringing.labels[-2:] == ["ACK", "BYE"]
    office.run(1.0)
    assert [(leg.status, leg.ended_at, leg.reason) for leg in office.records.kept[0].legs] == before
    assert told == []
    assert office.gateway.trunks["carrier"].calls == 0
    office.check_clean()


def test_a_caller_who_cancels_waits_a_moment_for_who_rings_and_no_longer(office):
    carrier = office.carrier()
    call = office.phone("201").invite(OUTSIDE)
    carrier.ringing.respond(180)
    began = office.now
    call.cancel()
    assert office.engine.calls, "the carrier has not said that it is over"
    office.run(1.2)
    assert not office.engine.calls
    assert office.gateway.trunks["carrier"].calls == 1
    record = office.record
    assert (record.result, record.ended_by) == ("cancelled", "caller")
    assert abs(record.ended_at - office.engine.ended[-1].wall(began)) < 0.1
    carrier.ringing.respond(487)
    office.check_clean()


def test_who_says_at_once_that_it_is_over_ends_the_call_at_once(office):
    carrier = office.carrier()
    call = office.phone("201").invite(OUTSIDE)
    carrier.ringing.respond(180)
    call.cancel()
    carrier.ringing.respond(487)
    assert not office.engine.calls
    assert office.record.legs[1].status == 487
    office.check_clean()


def test_a_phone_that_lost_a_fork_and_never_answers_its_cancel_holds_up_nobody(office):
    first, second = office.phone("202"), office.phone("202", "192.168.1.14", name="second")
    call = office.phone("201").invite("202")
    first.ringing.respond(180)
    second.ringing.respond(180)
    first.ringing.answer()
    call.acknowledge()
    assert second.ringing.got("CANCEL")
    office.run(TALKED_S)
    call.bye()
    assert not office.engine.calls
    second.ringing.answer()     # it had never heard the CANCEL
    assert second.ringing.labels[-2:] == ["ACK", "BYE"]
    office.check_clean()


def test_a_channel_that_only_waits_for_a_silent_trunk_stops_no_emergency_call(office):
    call, silent = talk_past_a_silent_trunk(office)
    before = len(silent.calls)
    help_call = office.phone("202").invite("110")
    assert len(silent.calls) == before + 1
    assert silent.ringing.invite.uri_user == b"110"
    assert call.got("BYE") == [], "the talkers are on another trunk"
    silent.ringing.answer()
    help_call.acknowledge()
    help_call.bye()
    call.bye()
    office.check_clean(2)


def test_nor_does_one_whose_call_is_over(office):
    call, silent = talk_past_a_silent_trunk(office)
    call.bye()
    help_call = office.phone("202").invite("110")
    assert silent.ringing.invite.uri_user == b"110"
    silent.ringing.answer()
    help_call.acknowledge()
    help_call.bye()
    office.check_clean(2)
