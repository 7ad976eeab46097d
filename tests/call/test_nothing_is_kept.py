# SPDX-License-Identifier: Apache-2.0
"""What an ended call leaves in memory: nothing that only the collector could find, whatever was done in it."""

import gc
from collections import Counter

import pytest

from appliance.call.call_table import ENDED_KEPT
from tests.call.virtual_calls import CARRIER, VirtualCalls

ROUNDS = 8


def plain(office, one, other) -> None:
    mine, _ = office.connect(one, other)
    mine.bye()


def hold(office, one, other) -> None:
    mine, theirs = office.connect(one, other)
    mine.request("INVITE", one.describe(direction="sendonly", version=2))
    theirs.answer(direction="recvonly", version=2)
    mine.acknowledge()
    theirs.bye()


def busy(office, one, other) -> None:
    one.invite(other.user)
    other.ringing.respond(486)


def cancel(office, one, other) -> None:
    mine = one.invite(other.user)
    other.ringing.respond(180)
    mine.cancel()
    other.ringing.respond(487)


def reliable(office, one, other) -> None:
    mine = one.invite(other.user, lines="Supported: 100rel\r\n")
    theirs = other.ringing
    theirs.respond(183, None, other.describe(), "Require: 100rel\r\nRSeq: 5\r\nContent-Type: application/sdp\r\n")
    mine.prack(mine.last(183))
    theirs.respond(200, theirs.got("PRACK")[0])
    theirs.answer()
    mine.acknowledge()
    mine.bye()


def forks(office, one, other) -> None:
    mine = one.invite(other.user)
    theirs = other.ringing
    for tag in ("one", "two"):
        theirs.respond(180, tag=tag)
    for tag in ("one", "two"):
        theirs.answer(tag=tag)
    mine.acknowledge()
    mine.bye()


def delayed(office, one, other) -> None:
    mine = one.invite(other.user, b"")
    other.ringing.answer()
    mine.acknowledge(one.describe())
    mine.bye()


def silent(office, one, other) -> None:
    mine = one.invite(other.user)
    office.run(1.0)
    mine.cancel()


def to_carrier(office, one, other) -> None:
    _, theirs = office.connect(one, office.phones["carrier"], "0312345678")
    theirs.bye()


def is_of(thing: object, package: str) -> bool:
    return str(type(thing).__module__).startswith(package)


@pytest.fixture
def without_collector():
    gc.collect()
    gc.disable()
    yield
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


@pytest.mark.parametrize("play", [plain, hold, busy, cancel, reliable, forks, delayed, silent, to_carrier])
def test_no_call_needs_the_collector(without_collector, play):
    office = VirtualCalls(CARRIER)
    office.watches_topology = False
    one, other = office.phone("201"), office.phone("202")
    office.carrier()

    def play_rounds(count: int) -> None:
        for _ in range(count):
            office.register("202", other.address)
            play(office, one, other)
            office.run(45.0)
            office.tell_figures()
            for phone in office.phones.values():
                phone.calls.clear()
    play_rounds(1)
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    play_rounds(ROUNDS)
    while office.engine.ended:      # what is still there for who asks
        office.engine.ended.popleft().cut_circles()
    gc.collect()
    kinds = Counter(type(thing).__qualname__ for thing in gc.garbage if is_of(thing, "appliance"))
    assert not kinds
    assert not office.engine.calls


def test_of_the_calls_before_the_last_hundred_nothing_is_left(without_collector):
    office = VirtualCalls()
    one, other = office.phone("201"), office.phone("202")

    def play_rounds(count: int) -> int:
        for _ in range(count):
            plain(office, one, other)
            for phone in office.phones.values():
                phone.calls.clear()
        office.run(60.0)
        office.tell_figures()
        for ours in (office.records.kept, office.relay.commands, office.relay.directed):
            ours.clear()
        return sum(is_of(thing, "appliance") for thing in gc.get_objects())
    first = play_rounds(ENDED_KEPT + 10)
    assert play_rounds(60) <= first + 10
