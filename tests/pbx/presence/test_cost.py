# SPDX-License-Identifier: Apache-2.0
"""What events may cost: work of a change that ten watch, memory of three hundred subscriptions."""

import gc
import tracemalloc
from collections.abc import Callable

import pytest

from tests.pbx.presence.event_office import EventOffice, call, hang_up, pick_up, pidf
from tests.pbx.proxy.virtual_office import C
from tests.work import assert_in_proportion, count_work


def build_office(count: int) -> EventOffice:
    return EventOffice("".join(f"set extension {300 + number} secret a\n" for number in range(count)))


def watch(office: EventOffice, count: int) -> None:
    """So many users watch presence and calls of 202."""
    for number in range(count):
        for package in ("presence", "dialog"):
            phone = ("192.168.1.20", 10000 + number)
            assert office.subscribe(str(300 + number), "202", package, phone=phone).status == 200
    office.notifies()


def publish(watchers: int) -> Callable[[], object]:
    """One publication, with the NOTIFYs and the phones' answers to them."""
    office = build_office(watchers)
    watch(office, watchers)

    def act() -> None:
        office.publish("202", pidf("open", "t"))
        assert len(office.notifies()) == watchers
    return act


def carry_call(watchers: int) -> Callable[[], object]:
    """One call of a watched phone, from INVITE to BYE."""
    office = build_office(watchers)
    watch(office, watchers)
    office.register("202", C)
    office.settle()
    office.notifies()

    def act() -> None:
        hang_up(office, pick_up(office, call(office, "203", "202", "c")))
        assert len(office.notifies()) == 5 * watchers       # three changes of lamps and two of presences
    return act


@pytest.mark.parametrize(("prepare", "notifies"), [(publish, 1), (carry_call, 5)])
def test_a_change_takes_work_in_proportion_to_its_watchers(prepare, notifies):
    assert_in_proportion(prepare, 10)
    assert count_work(prepare(10)) < 10 * notifies * 1800       # 1160 and 1020 a NOTIFY with Python 3.11


def test_three_hundred_subscriptions_cost_less_than_10_mib():
    office = build_office(150)
    gc.collect()
    tracemalloc.start()
    try:
        watch(office, 150)
        office.advance(40)      # transactions are gone then
        gc.collect()
        held_octets = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(office.office.events.notifier) == 300
    assert held_octets < 10 * 2**20
    assert held_octets / 300 < 4096
