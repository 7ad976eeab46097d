# SPDX-License-Identifier: Apache-2.0
"""Calls that are taken elsewhere: INVITE with Replaces of a call that rings (RFC 3891 3, RFC 5359 2.16)."""

import pytest

from appliance.ua.replaces import Replaces
from tests.call.virtual_house import House

RINGING, PICKER = "202", "203"


@pytest.fixture
def house() -> House:
    house = House()
    house.desks[RINGING].ring_only()
    return house


def name_ringing(house: House, number: str = RINGING, is_early_only: bool = True) -> Replaces:
    """The dialog as the phone that rings has it, which its lamps tell (RFC 4235 4.1.1)."""
    dialog = house.desks[number].last_call.dialog
    return Replaces(dialog.call_id, dialog.remote_tag, dialog.local_tag, is_early_only)


def ring(house: House, kind: str = "phone", offer: bytes | None = None):
    """Somebody calls 202, who lets it ring."""
    if kind == "phone":
        call = house.desks["201"].dial(RINGING, offer)
    else:
        call = house.carriers["west"].dial("05033334444", offer)
    house.run()
    assert house.desks[RINGING].last_call.is_early
    return call


@pytest.mark.parametrize("kind", ["phone", "trunk"])
@pytest.mark.parametrize("caller_offers", [True, False])
@pytest.mark.parametrize("picker_offers", [True, False])
def test_who_picks_up_talks_to_the_caller_and_the_ringing_ends(house, kind, caller_offers, picker_offers):
    call = ring(house, kind, None if caller_offers else b"")
    picker = house.desks[PICKER]
    answer = picker.take_over(RINGING, name_ringing(house), None if picker_offers else b"")
    picker.user.script["offer_received"] = picker.take_change
    house.run(3)
    ringing = house.desks[RINGING]
    if not (caller_offers or picker_offers):
        assert answer.is_over
        assert ringing.last_call.is_early
        ringing.lift()
        house.run()
        assert house.hear_one_another(call, ringing.last_call)
    else:
        assert ringing.last_call.is_over
        assert house.hear_one_another(call, answer)
    call.hang_up(house.now)
    house.assert_quiet()
    (record,) = house.records
    assert record.result == "answered"
    if caller_offers or picker_offers:
        assert (record.callee, record.dialled[-3:]) == (PICKER, "444" if kind == "trunk" else RINGING)
        assert record.reason == f"picked up by {PICKER}"


@pytest.mark.parametrize("is_reliable", [True, False])
def test_a_caller_who_has_heard_early_media_hears_the_picker(house, is_reliable):
    caller, ringing = house.desks["201"], house.desks[RINGING]
    for voice in (caller, ringing):
        voice.profile.supported = (b"replaces", b"100rel")
    ringing.user.script["offered"] = lambda call, now: call.alert(183, now, ringing.describe(), is_reliable)
    call = ring(house)
    assert len(house.relay.sessions) == 1
    answer = house.desks[PICKER].take_over(RINGING, name_ringing(house))
    house.run(3)
    assert house.hear_one_another(call, answer)
    assert call.answer_message.header(b"P-Asserted-Identity") == b"<sip:203@office.test>"
    assert len(house.relay.sessions) == 1
    call.hang_up(house.now)
    house.assert_quiet()


def test_both_displays_say_who_is_there(house):
    call = ring(house)
    answer = house.desks[PICKER].take_over(RINGING, name_ringing(house))
    house.run()
    assert call.answer_message.header(b"P-Asserted-Identity") == b"<sip:203@office.test>"
    assert answer.answer_message.header(b"P-Asserted-Identity") == b"<sip:201@office.test>"
    call.hang_up(house.now)
    house.assert_quiet()


def test_a_carrier_is_not_told_who_picked_up(house):
    call = ring(house, "trunk")
    house.desks[PICKER].take_over(RINGING, name_ringing(house))
    house.run()
    assert call.answer_message.header(b"P-Asserted-Identity") is None
    call.hang_up(house.now)
    house.assert_quiet()


def test_formats_with_other_numbers_are_translated_by_the_relay(house):
    house.desks["201"].formats = (b"8", b"0", b"96")
    house.desks[PICKER].formats = (b"0", b"8", b"9", b"101")
    call = ring(house)
    answer = house.desks[PICKER].take_over(RINGING, name_ringing(house))
    house.run()
    assert house.hear_one_another(call, answer)
    assert b" RTP/AVP 8 0 96\r\n" in call.exchange.remote
    assert b" RTP/AVP 8 0 101\r\n" in answer.exchange.remote
    (session,) = house.relay.sessions
    assert [[(one.received, one.sent) for one in house.relay.directed[session, side].payloads] for side in (0, 1)] == [
        [(8, 8), (0, 0), (96, 101)], [(8, 8), (0, 0), (101, 96)]]
    # the first change of session brings both to the same numbers
    house.desks["201"].hold(call)
    house.run()
    assert b" RTP/AVP 8 0 96\r\n" in answer.exchange.remote
    assert all(not house.relay.directed[session, side].payloads for side in (0, 1))
    call.hang_up(house.now)
    house.assert_quiet()


def test_nothing_in_common_is_refused_and_it_rings_on(house):
    house.desks["201"].formats = (b"8",)
    house.desks[PICKER].formats = (b"9",)
    call = ring(house)
    answer = house.desks[PICKER].take_over(RINGING, name_ringing(house))
    house.run()
    assert house.desks[PICKER].user.releases[-1].status == 488
    assert answer.is_over
    house.desks[RINGING].lift()
    house.run()
    assert house.hear_one_another(call, house.desks[RINGING].last_call)
    call.hang_up(house.now)
    house.assert_quiet()


def test_of_two_who_pick_up_the_first_has_it(house):
    call = ring(house)
    name = name_ringing(house)
    first = house.desks[PICKER].take_over(RINGING, name)
    second = house.desks["204"].take_over(RINGING, name)
    house.run()
    assert house.hear_one_another(call, first)
    assert house.desks["204"].user.releases[-1].status == 603     # RFC 3891 3
    assert second.is_over
    first.hang_up(house.now)
    house.assert_quiet()


def test_who_comes_after_the_answer_gets_486(house):
    call = ring(house)
    name = name_ringing(house)
    house.desks[RINGING].lift()
    house.run()
    house.desks[PICKER].take_over(RINGING, name)
    house.run()
    assert house.desks[PICKER].user.releases[-1].status == 486     # RFC 3891 3: early-only
    assert house.hear_one_another(call, house.desks[RINGING].last_call)
    call.hang_up(house.now)
    house.assert_quiet()


def test_without_early_only_an_answered_call_of_somebody_else_stays_his(house):
    call = ring(house)
    name = name_ringing(house, is_early_only=False)
    house.desks[RINGING].lift()
    house.run()
    house.desks[PICKER].take_over(RINGING, name)
    house.run()
    assert house.desks[PICKER].user.releases[-1].status == 403
    assert house.hear_one_another(call, house.desks[RINGING].last_call)
    call.hang_up(house.now)
    house.assert_quiet()


def test_a_carrier_picks_nothing_up(house):
    call = ring(house)
    east = house.carriers["east"]
    east.take_over("05011112222", name_ringing(house))
    house.run()
    assert east.user.releases[-1].status in (420, 481)
    assert house.desks[RINGING].last_call.is_early
    call.hang_up(house.now)
    house.assert_quiet()


def test_a_phone_that_rings_in_a_group_is_picked_up_for_all(house):
    """The second phone of the group is let go as well."""
    call = ring(house)
    answer = house.desks[PICKER].take_over(RINGING, name_ringing(house))
    house.run()
    cancels = [message for message in house.network.messages("CANCEL") if message.to_user == RINGING.encode()]
    assert len(cancels) == 1
    assert b"cause=200" in cancels[0].header(b"Reason")
    assert house.hear_one_another(call, answer)
    answer.hang_up(house.now)
    house.assert_quiet()


@pytest.mark.parametrize("who", ["caller", "picker"])
def test_who_gives_up_before_the_last_ack_ends_it_for_both(house, who):
    call = ring(house)
    picker = house.desks[PICKER]
    held = []
    picker.user.script["offer_received"] = lambda end, now: held.append(end)
    answer = picker.take_over(RINGING, name_ringing(house), b"")
    house.run(0.5)
    assert held == [answer]
    if who == "caller":
        call.hang_up(house.now)     # our BYE waits for the ACK that does not come (RFC 3261 15)
    else:
        answer.hang_up(house.now)
    house.run(40)
    assert call.is_over
    assert answer.is_over
    house.assert_quiet()


def test_the_star_code_picks_up_what_rings_at_an_extension(house):
    call = ring(house)
    answer = house.desks[PICKER].dial(f"*8{RINGING}")
    house.run()
    assert house.hear_one_another(call, answer)
    assert house.desks[RINGING].last_call.is_over
    answer.hang_up(house.now)
    house.assert_quiet()


def test_the_star_code_alone_picks_up_what_has_rung_longest(house):
    call = ring(house)
    house.desks["201"].ring_only()
    later = house.carriers["east"].dial("05011112222")
    house.run()
    answer = house.desks[PICKER].dial("*8")
    house.run()
    assert house.hear_one_another(call, answer)
    assert house.desks[RINGING].last_call.is_over
    answer.hang_up(house.now)
    assert house.desks["201"].last_call.is_early
    later.hang_up(house.now)
    house.assert_quiet()


def test_of_two_star_codes_at_once_the_first_has_it(house):
    call = ring(house, offer=b"")
    first, second = (house.desks[number].dial(f"*8{RINGING}") for number in (PICKER, "204"))
    house.run()
    assert house.hear_one_another(call, first)
    assert second.is_over
    first.hang_up(house.now)
    house.assert_quiet()


@pytest.mark.parametrize("number", ["*8", "*80399998888"])
def test_calls_that_ring_outside_are_not_picked_up(house, number):
    west = house.carriers["west"]
    west.ring_only()
    call = house.desks["201"].dial("0399998888")
    house.run()
    assert west.last_call.is_early
    house.desks[PICKER].dial(number)
    house.run()
    assert house.desks[PICKER].user.releases[-1].status == 404
    assert west.last_call.is_early
    call.hang_up(house.now)
    house.assert_quiet()


def test_the_star_code_of_an_extension_where_nothing_rings_reaches_nobody(house):
    house.desks[PICKER].dial("*8204")
    house.run()
    assert house.desks[PICKER].user.releases[-1].status == 404
    house.assert_quiet()


def test_a_target_of_a_transfer_is_picked_up(house):
    """201 transfers 204 blind to 202, where it rings; 203 takes it."""
    mine, theirs = house.talk(house.desks["201"], "204", house.desks["204"])
    house.desks["201"].refer(mine, RINGING)
    house.run()
    answer = house.desks[PICKER].take_over(RINGING, name_ringing(house))
    house.run(3)
    assert house.hear_one_another(theirs, answer)
    assert house.desks["201"].news[-1] == (200, True)
    assert house.desks[RINGING].last_call.is_over
    theirs.hang_up(house.now)
    house.assert_quiet()
