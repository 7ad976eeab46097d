# SPDX-License-Identifier: Apache-2.0
"""What a change costs that others watch, and one that nobody watches; what it costs to have a call on disk. The real
office in this process; the phones' answers to what they are told are in the figures.
"""

import gc
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.figures import Figure, Report, median, spread
from tests.bench.scale import Scale
from tests.pbx.presence.event_office import call, pick_up
from tests.pbx.presence.test_cost import carry_call, publish
from tests.pbx.presence.test_engine_dialogs import CarriedOffice, ring, take
from tests.pbx.proxy.virtual_office import C
from tests.pbx.test_kept_calls import KeepingOffice

ROUNDS = 5
WATCHERS = 10
NOTES, KEPT = 20_000, 2_000


def time_act(act: Callable[[], object]) -> float:
    """Microseconds of processor time."""
    gc.collect()
    gc.freeze()
    begun = time.process_time_ns()
    act()
    return (time.process_time_ns() - begun) / 1000


def prepare_unwatched() -> Callable[[], object]:
    """A call changes so often while nobody watches it."""
    office = CarriedOffice()
    office.register("202", C)
    take(office, ring(office))
    (one,) = office.office.calls.calls.values()
    note = office.office.events._note_carried

    def act() -> None:
        for _ in range(NOTES):
            note(one)
    return act


def prepare_keeping() -> Callable[[], object]:
    """So many calls are answered, written, ended and taken out again."""
    office = KeepingOffice()
    pick_up(office, call(office, "201", "202"))
    (one,) = office.calls()
    kept, now = office.office.dialogs.kept, office.now
    copies = [type(one)(one.number, one.call_id, one.caller_tag, one.caller, one.caller_flow) for _ in range(KEPT)]
    for copy in copies:
        copy.callee_tags, copy.answers = one.callee_tags, one.answers

    def act() -> None:
        for copy in copies:
            kept.note_change(copy, now)
        kept.flush()
        for copy in copies:
            kept.note_end(copy, now)
        kept.flush()
    return act


PARTS: dict[str, tuple[Callable[[], Callable[[], object]], int, float]] = {
    "a publication that ten watch": (lambda: publish(WATCHERS), 1, 5000.0),
    "a call, 50 NOTIFYs": (lambda: carry_call(WATCHERS), 1, 15_000.0),
    "a change of a call that nobody watches": (prepare_unwatched, NOTES, 1.0),
    "a call on disk and gone": (prepare_keeping, KEPT, 3.0),
}
"""What is prepared, how many times it is done in one act, microseconds that one may take."""


def measure_events(report: Report, scale: Scale, folder: Path) -> None:
    del scale, folder       # it is short, and nothing is written
    for what, (prepare, count, limit_us) in PARTS.items():
        spent_us = [time_act(prepare()) / count for _ in range(ROUNDS)]
        report.add(Figure(f"events: {what}", "us CPU", median(spent_us), spread(spent_us), judged="ours",
                          limit=limit_us))
