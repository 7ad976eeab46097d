# SPDX-License-Identifier: Apache-2.0
"""Calls for help while everything is refused: overload, the limit of calls, the rate of a trunk, its channels."""

import pytest

from appliance.call import engine
from appliance.gateway.admission import TRUNK_BURST
from tests.call.virtual_calls import CARRIER, VirtualCalls
from tests.gateway.test_router import invite

FLOOD = 400
EMERGENCY = "set trunk carrier emergency true\n"
PBX = """\
set trunk pbx listener office
set trunk pbx peer 192.168.1.9:5060
set trunk pbx channels 1
set trunk pbx inbound trunk carrier
set trunk carrier inbound trunk pbx
"""


@pytest.fixture
def office() -> VirtualCalls:
    return VirtualCalls(CARRIER + EMERGENCY)


def drown(office: VirtualCalls) -> None:
    """The receive buffer is full, again and again."""
    for _ in range(300):
        office.now += 0.021
        office.office.overload.observe(1000, 1000, True, office.now)


@pytest.mark.parametrize("number", ["110", "184119"])
def test_no_call_for_help_is_among_those_that_are_shed(office, number):
    carrier, phone = office.carrier(), office.phone("201")
    drown(office)
    refused = 0
    for _ in range(FLOOD):
        refused += phone.invite("202").last().status == 503
    assert refused > FLOOD * 0.9
    for _ in range(20):
        call = phone.invite(number)
        assert carrier.ringing.invite.uri_user in (b"110", b"119")
        carrier.ringing.answer()
        call.acknowledge()
        assert call.statuses == [100, 200]


def test_a_number_that_only_begins_like_one_is_shed(office):
    office.carrier()
    phone = office.phone("201")
    drown(office)
    assert sum(phone.invite("1101").last().status == 503 for _ in range(100)) > 90


def test_the_limit_of_calls_is_none_for_a_call_for_help(office, monkeypatch):
    monkeypatch.setattr(engine, "CALLS_LIMIT", 3)
    carrier, phone, other = office.carrier(), office.phone("201"), office.phone("202")
    for _ in range(3):
        office.connect(phone, other)
    assert phone.invite("202").last().status == 503
    call = phone.invite("110")
    carrier.ringing.answer()
    call.acknowledge()
    assert call.last().status == 200


def test_a_telephone_of_the_pbx_behind_us_gets_help_whatever_its_pbx_does():
    office = VirtualCalls(CARRIER + EMERGENCY + PBX)
    carrier, pbx = office.carrier(), office.carrier("pbx", "192.168.1.9", "office")
    pbx.domain = "192.168.1.1"
    talking = pbx.invite("0312345678")      # the only channel
    carrier.ringing.answer()
    talking.acknowledge()
    statuses = [pbx.invite("0312345678").last().status for _ in range(int(TRUNK_BURST) + 50)]
    assert statuses[0] == 486
    assert statuses[-1] == 503
    call = pbx.invite("110")
    assert carrier.ringing.invite.uri_user == b"110"
    carrier.ringing.answer()
    call.acknowledge()
    assert call.last().status == 200


@pytest.mark.parametrize(("trunk", "called", "is_help"), [
    ("pbx", "110", True), ("pbx", "118", True), ("pbx", "0312345678", False), ("carrier", "110", False)])
def test_only_the_pbx_behind_us_may_pass_the_limits_of_a_trunk_for_help(trunk, called, is_help):
    gateway = VirtualCalls(CARRIER + EMERGENCY + PBX).gateway
    request = invite(f"sip:{called}@192.168.1.1".encode())
    assert gateway.is_emergency_through(gateway.trunks[trunk], request) is is_help
