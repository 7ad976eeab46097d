# SPDX-License-Identifier: Apache-2.0
"""Calls of real user agents over a wire that loses, delays, reorders: the sides agree in the end, nothing is left."""

from random import Random

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.call.virtual_house import House

ACTS = st.lists(st.tuples(st.sampled_from(["hold", "resume", "hang_up", "wait", "give_up"]), st.booleans(),
                          st.floats(0.0, 3.0)), max_size=6)


def open_house(seed: int, loss: float, jitter_s: float) -> House:
    """From now on every datagram may be lost, and takes a time of its own."""
    house = House()
    chance = Random(seed)
    house.network.loss = lambda number, octets: chance.random() < loss
    house.network.delay = lambda octets: 0.001 + chance.random() * jitter_s
    return house


def act(house: House, voice, what: str) -> None:
    for call in voice.standing:
        if what == "hang_up":
            call.hang_up(house.now)
        elif what in ("hold", "resume"):
            call.change_session(voice.describe(b"sendonly" if what == "hold" else b"sendrecv"), house.now)


def play(house: House, caller, number: str, callee, acts) -> None:
    call = caller.dial(number)
    for what, is_caller, seconds in acts:
        house.run(seconds)
        if what == "give_up":
            call.hang_up(house.now)
        else:
            act(house, caller if is_caller else callee, what)
    house.run(110)      # as late as 32 s to be answered, 32 s without an ACK (RFC 3261 13.3.1.4), and 32 s for a BYE
    standing = [len(voice.standing) for voice in (caller, callee)]
    assert standing in ([0, 0], [1, 1]), standing       # both or neither
    assert bool(house.calls.calls) == bool(standing[0])
    if standing == [1, 1] and "hold" not in [what for what, _is_caller, _seconds in acts]:
        assert house.hear_one_another(caller.standing[0], callee.standing[0])
    for voice in (caller, callee):
        voice.leave()
    house.run(120)
    house.assert_quiet()
    assert len(house.records) == house.calls.total


WIRE = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)


@WIRE
@given(seed=st.integers(0, 2**32), loss=st.sampled_from([0.0, 0.1, 0.3]), jitter_s=st.sampled_from([0.0, 0.05, 0.8]),
       acts=ACTS)
@example(seed=604800, loss=0.3, jitter_s=0.8, acts=[])
def test_two_phones_agree_whatever_the_wire_does(seed, loss, jitter_s, acts):
    house = open_house(seed, loss, jitter_s)
    play(house, house.desks["201"], "202", house.desks["202"], acts)


@WIRE
@given(seed=st.integers(0, 2**32), loss=st.sampled_from([0.0, 0.1, 0.3]), jitter_s=st.sampled_from([0.0, 0.05, 0.8]),
       acts=ACTS)
def test_a_phone_and_a_carrier_agree_whatever_the_wire_does(seed, loss, jitter_s, acts):
    house = open_house(seed, loss, jitter_s)
    play(house, house.carriers["east"], "05011112222", house.desks["201"], acts)
