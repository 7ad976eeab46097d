# SPDX-License-Identifier: Apache-2.0
"""What events may cost: processor time of a change that ten watch, memory of three hundred subscriptions."""

import gc
import time
import tracemalloc

from tests.pbx.presence.event_office import EventOffice, call, hang_up, pick_up, pidf
from tests.pbx.proxy.virtual_office import C


def build_office(count: int) -> EventOffice:
    return EventOffice("".join(f"set extension {300 + number} secret a\n" for number in range(count)))


def watch(office: EventOffice, count: int) -> None:
    """So many users watch presence and calls of 202."""
    for number in range(count):
        for package in ("presence", "dialog"):
            phone = ("192.168.1.20", 10000 + number)
            assert office.subscribe(str(300 + number), "202", package, phone=phone).status == 200
    office.notifies()


def test_a_publication_reaches_ten_watchers_within_5_ms_of_processor_time():
    office = build_office(10)
    watch(office, 10)
    best = 1.0
    for number in range(5):
        begin = time.process_time()
        office.publish("202", pidf("open", f"t{number}"))
        # the phones' answers are in the figure; it stands all the same
        best = min(best, time.process_time() - begin)
        assert len(office.notifies()) == 10
    assert best < 0.005


def test_a_call_lights_ten_lamps_within_5_ms_of_processor_time_a_change():
    office = build_office(10)
    watch(office, 10)
    office.register("202", C)
    office.settle()
    office.notifies()
    best = 1.0
    for number in range(3):
        begin = time.process_time()
        hang_up(office, pick_up(office, call(office, "203", "202", f"c{number}")))
        best = min(best, time.process_time() - begin)
        assert len(office.notifies()) == 50     # three changes of ten lamps and two of ten presences
        office.advance(40)
    assert best < 3 * 0.005


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
