# SPDX-License-Identifier: Apache-2.0
"""Calls of phones and carriers through engine and gateway together: emergency, failover, forwarding, what is seen."""

import pytest

from appliance.gateway.inbound import InboundCalls
from tests.call.virtual_house import House, Voice
from tests.ua.virtual_network import label

BOTH = "set route outside trunk east\n"     # behind west
RESCUE = """\
set trunk east emergency true
set trunk west emergency true
set trunk east channels 1
set trunk west channels 1
set route eighth prefix 8
set route eighth strip 1
set route eighth trunk east
"""
THIRD = """\
set trunk third listener wan
set trunk third peer 198.51.100.3:5060
set trunk third emergency true
"""
OUTSIDE = "0312345678"


def invites(house: House, carrier: str) -> list[bytes]:
    """Request-URIs of the INVITEs that went to this carrier."""
    address = house.carriers[carrier].address
    return [message.uri for _at, _source, target, message in house.network.sent
            if target == address and message.is_request and message.method == b"INVITE"]


def status_of(house: House, call, seconds: float = 1.0) -> int:
    """What the caller got."""
    house.run(seconds)
    if call.is_confirmed:
        return 200
    release = house.desks["201"].user.releases[-1]
    return release.status


def test_a_line_in_use_is_freed_for_an_emergency_call():
    house = House(RESCUE)
    taken, _ = house.talk(house.desks["202"], "8" + OUTSIDE, house.carriers["east"])
    other, _ = house.talk(house.desks["203"], OUTSIDE, house.carriers["west"])
    call = house.desks["201"].dial("110")
    house.run()
    assert call.is_confirmed
    assert taken.is_over
    assert not other.is_over
    other.hang_up(house.now)
    assert invites(house, "east") == [b"sip:0312345678@east.test", b"sip:110@east.test"]
    goodbye = [message for _at, source, _target, message in house.network.sent
               if source == (b"192.168.1.1", 5060) and label(message) == "BYE"]
    assert b"Preemption" in goodbye[0].header(b"Reason")
    assert house.records[0].trunk == "east"
    call.hang_up(house.now)
    house.assert_quiet()


def test_nobody_loses_his_call_for_help_while_another_line_is_free():
    house = House(RESCUE)
    talking, _ = house.talk(house.desks["202"], "8" + OUTSIDE, house.carriers["east"])
    call = house.desks["201"].dial("110")
    house.run()
    assert call.is_confirmed
    assert not talking.is_over
    assert invites(house, "west") == [b"sip:110@west.test"]


def test_a_line_is_freed_only_where_nothing_else_leads_there():
    house = House(RESCUE)
    talking, _ = house.talk(house.desks["202"], "8" + OUTSIDE, house.carriers["east"])
    house.carriers["west"].refuse_with(503)
    call = house.desks["201"].dial("110")
    house.run()
    assert call.is_confirmed
    assert talking.is_over
    assert invites(house, "west") == [b"sip:110@west.test"]


def test_a_line_that_fills_up_meanwhile_is_left_alone_while_a_later_one_is_free():
    house = House(RESCUE + THIRD)
    third = Voice(house.network, "198.51.100.3", "090third", "203.0.113.5")
    house.carriers["east"].ring_only()
    calling = house.desks["201"].dial("110")
    house.run()
    talking, _ = house.talk(house.desks["202"], OUTSIDE, house.carriers["west"])
    house.carriers["east"].user.calls[-1].refuse(503, house.now)
    house.run()
    assert calling.is_confirmed
    assert not talking.is_over
    assert len(third.user.calls) == 1


def test_nobody_of_another_domain_reaches_the_emergency_services_or_ends_our_calls_by_it():
    house = House(RESCUE + "set sip domain other.test source 198.51.100.77\n")
    talking, _ = house.talk(house.desks["202"], "8" + OUTSIDE, house.carriers["east"])
    stranger = Voice(house.network, "198.51.100.77", "eve", "203.0.113.5")
    stranger.profile.aor = b"sip:eve@other.test"
    stranger.dial("110")
    house.run()
    assert stranger.user.releases[-1].status == 403
    assert invites(house, "west") == []
    assert not talking.is_over
    ours = stranger.dial("201")
    house.run()
    assert ours.is_confirmed


def test_an_emergency_call_does_not_end_another_one():
    house = House(RESCUE)
    first = house.desks["202"].dial("119")
    house.run()
    second = house.desks["201"].dial("110")
    house.run()
    assert first.is_confirmed
    assert not first.is_over
    assert second.is_confirmed
    assert invites(house, "east") == [b"sip:119@east.test"]
    assert invites(house, "west") == [b"sip:110@west.test"]


@pytest.mark.parametrize("status", [500, 503, 408])
def test_another_trunk_is_tried_where_the_first_one_fails(status):
    house = House(BOTH)
    house.carriers["west"].refuse_with(status)
    call = house.desks["201"].dial(OUTSIDE)
    assert status_of(house, call) == 200
    assert invites(house, "west") == [b"sip:0312345678@west.test"]
    assert invites(house, "east") == [b"sip:0312345678@east.test"]
    call.hang_up(house.now)
    house.assert_quiet()


@pytest.mark.parametrize("status", [404, 486, 603])
def test_no_other_trunk_is_tried_where_the_called_side_has_spoken(status):
    house = House(BOTH)
    house.carriers["west"].refuse_with(status)
    assert status_of(house, house.desks["201"].dial(OUTSIDE)) == status
    assert invites(house, "east") == []
    house.assert_quiet()


def test_a_silent_trunk_gives_way_within_four_seconds():
    house = House(BOTH)
    del house.network.phones[house.carriers["west"].address]
    call = house.desks["201"].dial(OUTSIDE)
    assert status_of(house, call, 5) == 200
    call.hang_up(house.now)
    house.assert_quiet()


def test_a_phone_that_forwards_outside_needs_the_right_itself():
    house = House("set extension 203 allow international\n")

    def forward_to(number: bytes) -> None:
        house.desks["201"].user.script["offered"] = lambda call, now: call.refuse(
            302, now, b"Contact: <sip:%s@office.test>\r\n" % number)

    forward_to(b"09012345678")
    call = house.carriers["east"].dial("05011112222")
    house.run()
    assert call.is_confirmed
    assert invites(house, "west") == [b"sip:09012345678@west.test"]
    call.hang_up(house.now)
    house.run()
    forward_to(b"01012125551234")
    refused = house.carriers["east"].dial("05011112222")
    house.run()
    assert not refused.is_confirmed
    assert len(invites(house, "west")) == 1
    house.assert_quiet()


@pytest.mark.parametrize("number", ["201", OUTSIDE, "110", "05033334444", "01012125551234", "east", "0"])
def test_a_carrier_reaches_nothing_but_our_numbers(number):
    house = House(RESCUE + BOTH)
    call = house.carriers["east"].dial(number)
    house.run()
    assert not call.is_confirmed
    assert house.carriers["east"].user.releases[-1].status == 404
    assert invites(house, "west") == []
    assert all(not desk.user.calls for desk in house.desks.values())


def test_nothing_of_the_office_is_in_any_octet_that_leaves_on_the_public_side():
    house = House("set extension 203 name Tanaka\n")
    for desk, dialled in (("203", OUTSIDE), ("201", OUTSIDE)):
        call, outside = house.talk(house.desks[desk], dialled, house.carriers["west"])
        house.desks[desk].hold(call)
        house.run()
        outside.hang_up(house.now)
        house.run()
    call, inside = house.talk(house.carriers["east"], "05011112222", house.desks["201"])
    house.desks["201"].refer(inside, "203")
    house.run()
    call.hang_up(house.now)
    house.run(5)
    outside = b"".join([message.data for _at, source, _target, message in house.network.sent
                        if source == (b"203.0.113.5", 5060)])
    assert outside.count(b"INVITE ") >= 4
    assert not [word for word in (b"192.168.", b"office.test", b"Tanaka", b"sip:201", b"sip:203", b"REFER ")
                if word in outside]
    inside_octets = b"".join([message.data for _at, source, _target, message in house.network.sent
                              if source == (b"192.168.1.1", 5060)])
    assert not [word for word in (b"198.51.100.", b"203.0.113.", b"east.test", b"west.test") if word in inside_octets]
    house.assert_quiet()


@pytest.mark.parametrize("status", [403, 404, 486, 503, 603])
def test_an_emergency_call_goes_on_to_the_next_trunk_whatever_the_first_one_says(status):
    house = House(RESCUE)
    house.carriers["east"].refuse_with(status)
    call = house.desks["201"].dial("110")
    house.run()
    assert call.is_confirmed
    assert invites(house, "west") == [b"sip:110@west.test"]


def let_emergencies_in(house: House) -> None:
    """As the daemon joins it."""
    inbound = InboundCalls(house.stack, house.gateway, house.calls)
    inbound.join_office(house.office.line)
    house.office.server.join_outside(inbound)


def test_a_telephone_that_nobody_knows_may_call_for_help_from_the_private_side_alone():
    house = House(RESCUE)
    let_emergencies_in(house)
    stranger = Voice(house.network, "192.168.7.7", "999", "192.168.1.1")    # not a trusted source, and unregistered
    call = stranger.dial("110")
    house.run()
    assert call.is_confirmed
    assert invites(house, "east") == [b"sip:110@east.test"]
    call.hang_up(house.now)
    house.run()
    refused = stranger.dial("202")
    house.run()
    assert not refused.is_confirmed
    assert stranger.user.releases[-1].status == 407
    outsider = Voice(house.network, "198.51.100.66", "999", "203.0.113.5")
    outsider.dial("110")
    house.run()
    assert outsider.user.releases[-1].status == 407
    assert len(invites(house, "east")) == 1
    house.assert_quiet()
