# SPDX-License-Identifier: Apache-2.0
"""What a trunk's failure becomes: the next trunk, the caller's status, the record."""

import pytest

from tests.call.virtual_calls import CARRIER, SECOND_CARRIER, VirtualCalls

OUTSIDE = "0312345678"


@pytest.mark.parametrize("status", [408, 500, 501, 502, 503, 504, 505, 513, 580, 599])
def test_after_any_5xx_the_next_trunk_has_it(status):
    office = VirtualCalls(CARRIER + SECOND_CARRIER)
    carrier, spare, phone = office.carrier(), office.carrier("spare", "198.51.100.2"), office.phone("201")
    call = phone.invite(OUTSIDE)
    carrier.ringing.respond(status)
    spare.ringing.answer()
    call.acknowledge()
    assert call.last().status == 200
    call.bye()
    assert office.record.trunk == "spare"


@pytest.mark.parametrize("status", [500, 501, 503, 505, 513, 580])
def test_what_the_last_trunk_says_is_what_the_caller_hears(status):
    office = VirtualCalls(CARRIER)
    carrier, phone = office.carrier(), office.phone("201")
    call = phone.invite(OUTSIDE)
    carrier.ringing.respond(status)
    assert call.last().status == status
    assert (office.record.trunk, office.record.result) == ("carrier", "failed")


@pytest.mark.parametrize(("status", "result"),
                         [(486, "busy"), (404, "not_found"), (408, "no_answer"), (603, "refused")])
def test_a_call_that_failed_on_a_trunk_names_it(status, result):
    office = VirtualCalls(CARRIER)
    carrier, phone = office.carrier(), office.phone("201")
    phone.invite(OUTSIDE)
    carrier.ringing.respond(status)
    assert (office.record.trunk, office.record.result, office.record.status) == ("carrier", result, status)


def test_a_trunk_where_nobody_is_has_failed_and_did_not_only_not_answer():
    office = VirtualCalls(CARRIER)
    phone = office.phone("201")     # no carrier is there
    call = phone.invite(OUTSIDE)
    office.run(40)
    assert call.last().status == 408
    assert (office.record.trunk, office.record.result) == ("carrier", "failed")


def test_an_unanswered_call_from_outside_names_its_trunk():
    office = VirtualCalls(CARRIER)
    carrier, phone = office.carrier(), office.phone("201")
    call = carrier.invite("05011112222")
    phone.ringing.respond(486)
    assert call.last().status == 486
    assert (office.record.trunk, office.record.result) == ("carrier", "busy")


def test_an_answer_without_a_session_is_the_carriers_fault_and_rings_nobody_else():
    office = VirtualCalls(CARRIER + SECOND_CARRIER)
    carrier, spare, phone = office.carrier(), office.carrier("spare", "198.51.100.2"), office.phone("201")
    call = phone.invite(OUTSIDE)
    carrier.ringing.respond(200)
    office.run(1)
    assert call.last().status == 502
    assert not spare.calls
    assert (office.record.trunk, office.record.result) == ("carrier", "failed")


def test_a_call_from_outside_that_finds_no_channel_leaves_its_record():
    office = VirtualCalls(CARRIER + "set trunk carrier channels 1\n")
    carrier, phone = office.carrier(), office.phone("201")
    first = carrier.invite("05011112222")
    phone.ringing.answer()
    first.acknowledge()
    second = carrier.invite("05011112222")
    assert second.last().status == 486
    assert b"cause=34" in second.last().header(b"Reason")
    office.run(1)
    record = office.records.kept[0]
    assert (record.status, record.cause, record.trunk) == (486, 34, "carrier")
    assert record.reason == "no free channel on carrier"
    assert record.dialled == "05011112222"
    assert [(leg.line, leg.direction, leg.status, leg.call_id) for leg in record.legs] == [
        ("carrier", "incoming", 486, second.call_id)]
    assert len(phone.calls) == 1
    first.bye()
    office.check_clean(records=2)
