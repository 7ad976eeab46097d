# SPDX-License-Identifier: Apache-2.0
"""Programs that we run: with the text that we want, again when they end, ever more slowly when they do not last."""

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import time

import pytest

from appliance.system.network.served_program import ServedProgram

LIMIT_S = 20.0
WAITING = "import signal, sys; print(open(sys.argv[1]).read(), flush=True); signal.pause()"


class Journal:
    def __init__(self):
        self.events = []

    def record(self, event, **values):
        self.events.append((event, values))

    def count(self, event):
        return sum(one == event for one, _ in self.events)


async def until(condition):
    end = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


def run_with(folder, script, act):
    journal = Journal()

    async def run():
        program = ServedProgram("sample", folder, lambda file: [sys.executable, "-c", script, str(file)], journal)
        program.sweep()
        try:
            await act(program, journal)
        finally:
            await program.close()
        return program
    assert not asyncio.run(run()).is_running
    return journal


def test_another_text_starts_it_anew_and_the_same_text_does_not(tmp_path):
    async def act(program, journal):
        program.configure("one")
        await until(lambda: program.is_running)
        first = (tmp_path / "sample.child").read_text()
        program.configure("one")
        program.configure("two")
        await until(lambda: (tmp_path / "sample.child").read_text() != first)
        assert (tmp_path / "sample.conf").read_text() == "two"
        program.configure("")
        await until(lambda: not program.is_running)
        assert journal.count("service_stopped") == 1
    journal = run_with(tmp_path, WAITING, act)
    assert journal.count("service_started") == 2
    assert journal.count("service_failed") == 0


def test_one_that_dies_is_started_again(tmp_path):
    async def act(program, journal):
        program.configure("text")
        await until(lambda: program.is_running)
        os.kill(int((tmp_path / "sample.child").read_text()), 9)
        await until(lambda: journal.count("service_started") == 2)
    journal = run_with(tmp_path, WAITING, act)
    assert [values["retry_s"] for event, values in journal.events if event == "service_failed"] == [0.5]


def test_one_that_does_not_last_is_started_ever_more_slowly(tmp_path):
    async def act(program, journal):
        program.configure("text")
        await until(lambda: journal.count("service_failed") == 3)
    journal = run_with(tmp_path, "raise SystemExit(3)", act)
    failed = [(values["status"], values["retry_s"]) for event, values in journal.events if event == "service_failed"]
    assert failed == [(3, 0.5), (3, 1.0), (3, 2.0)]


def test_a_text_that_comes_while_it_waits_counts_at_once(tmp_path):
    async def act(program, journal):
        program.configure("text")
        await until(lambda: journal.count("service_failed") == 2)
        program.configure("better")
        assert journal.count("service_started") == 3
    run_with(tmp_path, "raise SystemExit(3)", act)


def test_a_program_that_is_not_there_is_tried_again(tmp_path):
    journal = Journal()

    async def run():
        program = ServedProgram("absent", tmp_path, lambda file: ["/nonexistent/program", str(file)], journal)
        program.configure("text")
        await until(lambda: journal.count("service_start_failed") == 2)
        await program.close()
    asyncio.run(run())
    assert journal.count("service_started") == 0


def test_a_stranger_with_the_number_of_our_program_is_left_alone(tmp_path):
    """Process ids are given out again: only a process that runs with our file is ended."""
    (tmp_path / "sample.child").write_text(str(os.getpid()))
    ServedProgram("sample", tmp_path, lambda file: [], Journal()).sweep()


@pytest.fixture
def full_disk(tmp_path):
    """A file system of some pages, and `fill`, which takes every octet that is left."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place],
                                           check=False).returncode:
        pytest.skip("needs root to mount a small file system")

    def fill():
        with contextlib.suppress(OSError), (place / "filler").open("wb", buffering=0) as stream:
            while True:
                stream.write(bytes(512))
        assert shutil.disk_usage(place).free == 0
    yield place, fill
    subprocess.run(["umount", "-l", place], check=True)


def test_a_text_that_was_there_before_runs_again_though_the_disk_is_full(full_disk):
    place, fill = full_disk
    long = "# the office\n" * 1000

    async def act(program, journal):
        for number, text in enumerate((long, "# short\n"), 1):
            program.configure(text)
            await until(lambda number=number: journal.count("service_started") == number)
        fill()
        program.configure(long)
        await until(lambda: journal.count("service_started") == 3)
        assert (place / "sample.conf").read_text() == long
        program.configure("# short\n")
        await until(lambda: journal.count("service_started") == 4)
        assert (place / "sample.conf").read_text().rstrip("\n") == "# short"
        assert journal.count("service_start_failed") == 0
    run_with(place, WAITING, act)
