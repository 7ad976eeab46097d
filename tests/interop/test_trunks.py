# SPDX-License-Identifier: Apache-2.0
"""Trunks of the gateway against carriers with the habits and the faults of real ones."""

import contextlib
from dataclasses import replace

import pytest

from tests.interop.carrier_emulator.desk_phone import Desk, DeskPhone
from tests.interop.carrier_emulator.emulator import Account, CarrierEmulator
from tests.interop.carrier_emulator.habits import EVERY, GENERIC, HIKARI_DIRECT, JP_050
from tests.interop.carrier_emulator.outgoing import Caller
from tests.interop.gateway import ACCOUNT, DESKS, OFFICE_NUMBER, Gateway, find_private, route_lines, trunk_lines
from tests.interop.network import wait_until

pytestmark = pytest.mark.ours
OUTSIDE_NUMBER = "0312345678"


class Ground:
    """One gateway, one carrier, one telephone, all registered."""

    def __init__(self, gateway, carrier, phone):
        self.gateway, self.carrier, self.phone = gateway, carrier, phone

    def both_hear(self, outside, inside):
        """Voice passes both ways, by way of the gateway on either side."""
        for speaker, hearer, relay in ((outside, inside, self.gateway.host), (inside, outside, self.gateway.outside)):
            before = len(hearer.voice.heard)

            def is_heard(call, speaker=speaker, before=before):
                speaker.voice.speak(1)
                return len(call.voice.heard) > before + 3
            hearer.wait(is_heard, "voice")
            assert {source[0] for source, _octets in hearer.voice.heard} == {relay}


@pytest.fixture
def new_ground(network, tmp_path):
    """Makes a ground whose carrier has these habits; what is given more goes to the carrier."""
    with contextlib.ExitStack() as stack:
        def make(habits=GENERIC, *, phone_answers=True, lines=(), **more):
            account = ACCOUNT if habits.has_digest else Account(OFFICE_NUMBER)
            carrier = stack.enter_context(CarrierEmulator(habits, network.new_host(), account=account, **more))
            gateway = stack.enter_context(Gateway(tmp_path / "gateway", network, [
                *trunk_lines("carrier", carrier), *route_lines("carrier"), *lines]))
            phone = stack.enter_context(DeskPhone(network.new_host(), (gateway.host, 5060), Desk("201", DESKS["201"]),
                                                  answers_by_itself=phone_answers))
            phone.register()
            if not carrier.faults.silent:
                carrier.wait_registered()
            return Ground(gateway, carrier, phone)
        yield make


@pytest.mark.parametrize("habits", EVERY, ids=lambda habits: habits.name)
def test_a_call_to_each_carrier_is_answered_and_both_hear(new_ground, habits):
    ground = new_ground(habits)
    inside = ground.phone.dial(OUTSIDE_NUMBER)
    assert inside.wait_status() == 200
    outside = ground.carrier.wait_call()
    outside.wait(lambda call: call.is_acked, "the ACK")
    ground.both_hear(outside, inside)
    inside.bye()
    outside.wait_over()
    ground.gateway.wait_no_calls()
    assert find_private(ground.carrier, ground.gateway) == []
    assert outside.complaints == inside.complaints == []


@pytest.mark.parametrize("habits", EVERY, ids=lambda habits: habits.name)
def test_a_call_of_each_carrier_reaches_the_extension_of_its_number(new_ground, habits):
    ground = new_ground(habits)
    outside = ground.carrier.call(OFFICE_NUMBER, Caller("09012345678"))
    assert outside.wait_status() == 200
    inside = ground.phone.wait_call()
    assert "09012345678" in ground.phone.last_caller()
    ground.both_hear(outside, inside)
    outside.bye()
    inside.wait_over()
    ground.gateway.wait_no_calls()
    assert find_private(ground.carrier, ground.gateway) == []
    assert outside.complaints == inside.complaints == []


def test_who_withholds_the_number_is_anonymous_inside_as_well(new_ground):
    ground = new_ground(JP_050)
    outside = ground.carrier.call(OFFICE_NUMBER, Caller("09012345678", is_withheld=True))
    assert outside.wait_status() == 200
    assert all(b"09012345678" not in letter.octets for letter in ground.phone.seen(b"INVITE"))
    outside.bye()
    outside.wait(lambda call: 200 in call.statuses(b"BYE"), "an answer to the BYE")


def test_a_carrier_that_answers_twice_keeps_one_call_and_gets_a_bye_for_the_other(new_ground):
    ground = new_ground(GENERIC)
    ground.carrier.faults.answers_twice = True
    inside = ground.phone.dial(OUTSIDE_NUMBER)
    assert inside.wait_status() == 200
    outside = ground.carrier.wait_call()
    outside.wait(lambda call: call.is_acked and (call.ended_forks or call.is_over), "ACKs, and a BYE for one of both")
    assert not (outside.ended_forks and outside.is_over), "the other one lives"
    inside.bye()
    outside.wait(lambda call: call.ended_forks and call.is_over, "the end of both")


def test_a_lost_200_and_lost_acks_are_repeated(new_ground):
    ground = new_ground(GENERIC)
    ground.carrier.faults.lost_200 = 2
    outside = ground.carrier.call(OFFICE_NUMBER)
    assert outside.wait_status() == 200
    outside.bye()
    ground.gateway.wait_no_calls()
    ground.carrier.faults.lost_acks = 2
    inside = ground.phone.dial(OUTSIDE_NUMBER)
    assert inside.wait_status() == 200
    ground.carrier.calls[-1].wait(lambda call: call.is_acked, "an ACK to a repeated 200")
    inside.bye()
    ground.gateway.wait_no_calls()


@pytest.mark.parametrize("is_inwards", [True, False], ids=["inwards", "outwards"])
def test_a_bye_before_the_ack_ends_the_call(new_ground, is_inwards):
    ground = new_ground(GENERIC)
    ground.carrier.faults.says_bye_before_ack = True
    if is_inwards:
        ground.carrier.call(OFFICE_NUMBER)
        ground.phone.wait_call().wait_over()
    else:
        ground.phone.dial(OUTSIDE_NUMBER).wait_over()
    ground.gateway.wait_no_calls()


def test_a_carrier_that_never_acks_loses_the_call_after_half_a_minute(new_ground):
    ground = new_ground(GENERIC)
    ground.carrier.faults.never_acks = True
    outside = ground.carrier.call(OFFICE_NUMBER)
    assert outside.wait_status() == 200
    ground.phone.wait_call().wait(lambda call: call.is_over, "the end of the phone's call", 60)
    outside.wait(lambda call: call.count(b"BYE") == 1, "a BYE (RFC 3261 13.3.1.4)")


def test_a_carrier_that_refuses_registration_is_asked_again_and_calls_are_503_at_once(new_ground):
    ground = new_ground(GENERIC)
    ground.carrier.faults.refusals[b"INVITE"] = 503, None
    inside = ground.phone.dial(OUTSIDE_NUMBER)
    assert inside.wait_status() in (500, 503)
    ground.carrier.faults.refusals.clear()
    assert ground.phone.dial(OUTSIDE_NUMBER).wait_status() == 200, "a 503 without Retry-After leaves the trunk in use"


def test_a_phone_that_gives_up_cancels_the_carriers_ringing(new_ground):
    ground = new_ground(GENERIC, answers_by_itself=False)
    inside = ground.phone.dial(OUTSIDE_NUMBER)
    outside = ground.carrier.wait_call()
    outside.ring()
    inside.wait(lambda call: 180 in call.statuses(b"INVITE"), "the 180")
    inside.cancel()
    assert inside.wait_status() == 487
    outside.wait(lambda call: call.was_cancelled, "the CANCEL")
    ground.gateway.wait_no_calls()


def test_a_carrier_that_demands_reliable_provisionals_gets_them_both_ways(new_ground):
    ground = new_ground(replace(GENERIC, demands_reliable=True))
    inside = ground.phone.dial(OUTSIDE_NUMBER)
    assert inside.wait_status() == 200
    outside = ground.carrier.wait_call()
    outside.wait(lambda call: call.is_acked, "the ACK")
    assert outside.count(b"PRACK") == 1
    inside.bye()
    ground.gateway.wait_no_calls()
    outside = ground.carrier.call(OFFICE_NUMBER)
    assert outside.wait_status() == 200
    outside.wait(lambda call: 200 in call.statuses(b"PRACK"), "an answer to the PRACK (RFC 3262 4)")
    outside.bye()
    ground.gateway.wait_no_calls()
    assert [call.complaints for call in ground.carrier.calls] == [[], []]


def test_a_call_without_an_offer_gets_one_and_its_answer_comes_in_the_ack(new_ground):
    ground = new_ground(GENERIC)
    outside = ground.carrier.call(OFFICE_NUMBER, has_offer=False)
    assert outside.wait_status() == 200
    inside = ground.phone.wait_call()
    inside.wait(lambda call: call.is_acked, "the ACK")
    ground.both_hear(outside, inside)
    outside.bye()
    ground.gateway.wait_no_calls()


@pytest.mark.parametrize("is_inwards", [True, False], ids=["inwards", "outwards"])
def test_hold_passes_from_either_side_and_back(new_ground, is_inwards):
    ground = new_ground(GENERIC)
    outside, inside = begin_call(ground)
    holder, held = (outside, inside) if is_inwards else (inside, outside)
    holder.reinvite("sendonly")
    holder.wait(lambda call: call.is_answered_again(1), "an answer to the hold")
    assert b"a=sendonly" in [letter for letter in held.requests if letter.method == b"INVITE"][-1].body
    holder.reinvite("sendrecv")
    holder.wait(lambda call: call.is_answered_again(2), "an answer to the retrieval")
    ground.both_hear(outside, inside)
    inside.bye()
    outside.wait_over()
    ground.gateway.wait_no_calls()


def begin_call(ground):
    """A call of the phone that stands: (the carrier's end, the phone's)."""
    inside = ground.phone.dial(OUTSIDE_NUMBER)
    assert inside.wait_status() == 200
    outside = ground.carrier.wait_call()
    outside.wait(lambda call: call.is_acked, "the ACK")
    return outside, inside


def test_a_carrier_that_dies_in_mid_call_frees_the_phone_that_hangs_up(new_ground):
    ground = new_ground(GENERIC)
    _outside, inside = begin_call(ground)
    ground.carrier.faults.is_dead = True
    inside.bye()
    inside.wait(lambda call: call.statuses(b"BYE") == [200], "an answer to the BYE at once")


def test_wrong_credentials_are_said_and_calls_are_refused_without_a_try(network, tmp_path):
    wrong = Account(OFFICE_NUMBER, "gw-user", "wrong")
    with contextlib.ExitStack() as stack:
        carrier = stack.enter_context(CarrierEmulator(GENERIC, network.new_host(), account=ACCOUNT))
        lines = [line.replace(ACCOUNT.secret, wrong.secret) for line in trunk_lines("carrier", carrier)]
        gateway = stack.enter_context(Gateway(tmp_path / "gateway", network, [*lines, *route_lines("carrier")]))
        phone = stack.enter_context(DeskPhone(network.new_host(), (gateway.host, 5060), Desk("201", DESKS["201"])))
        phone.register()
        wait_until(lambda: len(carrier.seen(b"REGISTER")) >= 2, 5, "both tries")
        wait_until(lambda: gateway.show("show trunks")[0]["state"] != "up", 5, "a trunk that is down")
        assert phone.dial(OUTSIDE_NUMBER).wait_status() == 503
        assert "INVITE" not in {letter.method.decode() for letter in carrier.post.received}


def test_a_503_with_retry_after_sends_the_next_call_by_the_other_trunk(network, tmp_path):
    with contextlib.ExitStack() as stack:
        first, second = (stack.enter_context(CarrierEmulator(GENERIC, network.new_host(), account=account)) for account
                         in (ACCOUNT, Account("05033335555", "other-user", "other-secret")))
        gateway = stack.enter_context(Gateway(tmp_path / "gateway", network, [
            *trunk_lines("first", first), *trunk_lines("second", second), *route_lines("first", "second")]))
        phone = stack.enter_context(DeskPhone(network.new_host(), (gateway.host, 5060), Desk("201", DESKS["201"])))
        phone.register()
        for carrier in (first, second):
            carrier.wait_registered()
        first.faults.refusals[b"INVITE"] = 503, 30
        for count in (1, 2):
            inside = phone.dial(OUTSIDE_NUMBER)
            assert inside.wait_status() == 200
            assert len(second.calls) == count
            inside.bye()
            gateway.wait_no_calls()
        assert len({letter.call_id for letter in first.seen(b"INVITE")}) == 1, "it has asked to be left alone"


def test_hikari_hears_nothing_of_hold_and_of_digits_it_did_not_offer(new_ground):
    ground = new_ground(HIKARI_DIRECT)
    inside = ground.phone.dial(OUTSIDE_NUMBER)
    assert inside.wait_status() == 200
    outside = ground.carrier.wait_call()
    outside.wait(lambda call: call.is_acked, "the ACK")
    inside.reinvite("sendonly")
    inside.wait(lambda call: call.statuses(b"INVITE").count(200) == 2, "an answer to the hold")
    assert outside.count(b"INVITE") == 1
    inside.bye()
    outside.wait_over()


def test_the_second_trunk_is_taken_when_the_first_says_nothing(network, tmp_path):
    with contextlib.ExitStack() as stack:
        first, second = (stack.enter_context(CarrierEmulator(GENERIC, network.new_host(), account=account)) for account
                         in (ACCOUNT, Account("05033335555", "other-user", "other-secret")))
        gateway = stack.enter_context(Gateway(tmp_path / "gateway", network, [
            *trunk_lines("first", first), *trunk_lines("second", second), *route_lines("first", "second")]))
        phone = stack.enter_context(DeskPhone(network.new_host(), (gateway.host, 5060), Desk("201", DESKS["201"])))
        phone.register()
        for carrier in (first, second):
            carrier.wait_registered()
        first.faults.silent.add(b"INVITE")
        inside = phone.dial(OUTSIDE_NUMBER)
        assert inside.wait_status() == 200
        wait_until(lambda: second.calls, 5, "the call at the second carrier")
        inside.bye()
        gateway.wait_no_calls()


def count_calls(ground) -> int:
    return len({letter.call_id for letter in ground.carrier.seen(b"INVITE")})


def test_a_carrier_that_takes_one_call_a_second_is_asked_once_for_each(new_ground):
    ground = new_ground(HIKARI_DIRECT)
    calls = [ground.phone.dial(OUTSIDE_NUMBER) for _ in range(3)]
    assert [call.wait_status() for call in calls] == [200, 200, 200]
    assert count_calls(ground) == 3, "none was refused and asked for twice"
    for call in calls:
        call.bye()
    ground.gateway.wait_no_calls()


def test_a_500_of_a_carrier_that_refuses_at_random_is_no_refusal(new_ground):
    ground = new_ground(HIKARI_DIRECT)
    ground.carrier.faults.refusals[b"INVITE"] = (500, None)
    call = ground.phone.dial(OUTSIDE_NUMBER)
    wait_until(lambda: count_calls(ground) == 1, 20, "the first INVITE")
    ground.carrier.faults.refusals.clear()
    assert call.wait_status() == 200
    assert count_calls(ground) == 2
    call.bye()
    ground.gateway.wait_no_calls()
