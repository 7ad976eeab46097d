# SPDX-License-Identifier: Apache-2.0
"""What lamps are told of calls that moved: each phone's own dialog, with whom it really talks (RFC 4235, RFC 3891)."""

import pytest

from appliance.pbx.presence.engine_dialogs import EngineDialogs
from tests.call.test_pickup import name_ringing
from tests.call.virtual_house import House, Voice


@pytest.fixture
def house() -> House:
    return House()


def told(house: House, extension: str) -> list[tuple]:
    """State, partner, Call-ID and tags of every dialog that a lamp of this extension shows."""
    dialogs = EngineDialogs(house.calls, b"office.test").dialogs_of(extension.encode(), house.now)
    return [(one.state.decode(), one.remote.identity, one.call_id, {one.local_tag, one.remote_tag})
            for one in dialogs]


def shown(desk: Voice, call, partner: bytes) -> tuple:
    return "confirmed", partner, call.dialog.call_id, {call.dialog.local_tag, call.dialog.remote_tag}


@pytest.mark.parametrize("is_attended", [True, False])
@pytest.mark.parametrize("is_callers", [True, False])
def test_after_a_transfer_each_lamp_shows_who_is_there(house, is_attended, is_callers):
    desk, customer, boss = (house.desks[number] for number in ("201", "202", "203"))
    mine, theirs = house.talk(desk, "202", customer) if is_callers else house.talk(customer, "201", desk)[::-1]
    consult = house.talk(desk, "203", boss)[0] if is_attended else None
    desk.refer(mine, "203", consult)
    house.run(5)
    assert told(house, "201") == []
    assert told(house, "202") == [shown(customer, theirs, b"sip:203@office.test")]
    assert told(house, "203") == [shown(boss, boss.last_call, b"sip:202@office.test")]
    theirs.hang_up(house.now)
    house.run(5)
    assert told(house, "202") == told(house, "203") == []


def test_after_a_pickup_the_lamp_of_who_has_it_is_lit(house):
    house.desks["202"].ring_only()
    call = house.desks["201"].dial("202")
    house.run()
    answer = house.desks["203"].take_over("202", name_ringing(house))
    house.run()
    assert told(house, "202") == []
    assert told(house, "203") == [shown(house.desks["203"], answer, b"sip:201@office.test")]
    assert told(house, "201") == [shown(house.desks["201"], call, b"sip:203@office.test")]
    call.hang_up(house.now)
    house.assert_quiet()
