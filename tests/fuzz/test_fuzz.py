# SPDX-License-Identifier: Apache-2.0
"""The short fuzz: a few seeded runs against the real core. `python -m tests.fuzz.long_fuzz` is the long one."""

import gc
import hashlib
import tracemalloc

import pytest

from tests.fuzz.runner import FuzzRun

MESSAGES = 6000
SEEDS = (1, 2, 3, 4)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_message_breaks_the_office_and_calls_go_on(seed):
    run = FuzzRun(seed)
    for number in range(MESSAGES):
        try:
            run.step()
            if number % 500 == 0:
                run.check_call()
        except Exception as error:
            error.add_note(run.describe())
            raise
    assert run.settle()["transactions"] == 0
    run.check_call()


def test_one_seed_makes_one_run():
    """Otherwise no failure could be found again."""
    def listen() -> str:
        run, digest = FuzzRun(7), hashlib.sha256()
        for _ in range(800):
            run.step()
            digest.update(repr(run.office.sizes()).encode() + run.last + b"".join(octets for octets, _ in run.heard))
        return digest.hexdigest()
    assert listen() == listen()


def test_fuzz_reaches_deep_enough():
    """A fuzz that never gets past the door proves nothing."""
    run = FuzzRun(5)
    for _ in range(MESSAGES):
        run.step()
    office = run.office.office
    assert run.vectors, "the vectors have gone"
    assert office.dialogs.total > 50
    assert office.dialogs.answered > 5
    assert len(office.dialogs.failed) > 3
    assert office.counters["registrations_accepted"] > 50
    assert office.counters["challenges_sent"] > 50
    assert office.counters["retransmissions_received"] > 50


def test_memory_does_not_grow_with_the_number_of_messages():
    """Python's own objects after two runs of the same length, each followed by silence."""
    run = FuzzRun(6)
    sizes = []
    tracemalloc.start()
    try:
        for _ in range(3):
            for _ in range(2500):
                run.step()
            run.settle()
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert sizes[2] - sizes[1] < 600_000, sizes
