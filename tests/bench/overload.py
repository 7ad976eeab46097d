# SPDX-License-Identifier: Apache-2.0
"""Twice the capacity is offered: how much of the capacity still completes, and do registered phones stay registered?

SIPp cannot outrun the server on equal processors, so the server gets a small quota of its own (cgroup cpu, root only).
"""

import argparse
import os
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from tests.bench.calls import SOURCE_PORT
from tests.bench.figures import Figure, Report
from tests.bench.isolation import enter_own_network
from tests.bench.process_tree import tree_of
from tests.bench.registrations import register
from tests.bench.scale import Scale
from tests.bench.servers import HOST, Denwaban, DenwabanB2bua
from tests.bench.sipp_load import TRUSTED, Load, Outcome, Phones, run_load, write_pairs, write_users

GROUP = Path("/sys/fs/cgroup/cpu/denwaban-bench")
PERIOD_US, QUOTA_US = 10_000, 1_000
PORT = 5060
EXTENSIONS = 200
REGISTER_RATE = 10
SECONDS = 15


def limit_processor(process: int) -> None:
    """Let this process and its children have a tenth of a processor."""
    GROUP.mkdir(exist_ok=True)
    (GROUP / "cpu.cfs_period_us").write_text(str(PERIOD_US))
    (GROUP / "cpu.cfs_quota_us").write_text(str(QUOTA_US))
    for member in tree_of(process):
        for task in os.listdir(f"/proc/{member}/task"):
            with suppress(OSError):     # EINVAL: the relay's real-time thread, which has nothing to do here
                (GROUP / "tasks").write_text(task)


def refresh_meanwhile(server: Denwaban, folder: Path, seconds: int, outcomes: list[Outcome]) -> threading.Thread:
    """Phones that refresh their registrations all the time, from an address of their own."""
    users = write_users(folder / "refreshing.csv", EXTENSIONS, HOST)
    folder = folder / "refreshing"
    folder.mkdir(exist_ok=True)
    load = Load("register", users, "127.0.0.2", 5081, REGISTER_RATE * seconds, REGISTER_RATE, 500)

    def refresh() -> None:
        outcomes.append(run_load(load, server.target, folder))

    thread = threading.Thread(target=refresh)
    thread.start()
    return thread


def measure_overload(report: Report, folder: Path, seconds: int, kind: type[Denwaban] = Denwaban) -> None:
    """Capacity in a closed loop, then twice as much in an open one."""
    pairs = write_pairs(folder / "pairs.csv", EXTENSIONS, HOST)
    with kind(PORT, folder / f"overload-{kind.role}", EXTENSIONS) as server, Phones(folder):
        register(server, write_users(folder / "users.csv", EXTENSIONS, HOST), EXTENSIONS)
        limit_processor(server.process.pid)
        closed = run_load(Load("caller", pairs, TRUSTED, SOURCE_PORT, 2000), server.target, server.folder)
        capacity = closed.succeeded / closed.elapsed_s
        offered = int(2 * capacity)
        refreshed: list[Outcome] = []
        thread = refresh_meanwhile(server, folder, seconds, refreshed)
        opened = run_load(Load("caller", pairs, TRUSTED, SOURCE_PORT, offered * seconds, offered, 20_000),
                          server.target, server.folder)
        thread.join()
    completed = opened.succeeded / opened.elapsed_s
    print(f"capacity {capacity:.0f}/s {closed}; offered {offered}/s: {opened}; refreshes {refreshed}", file=sys.stderr)
    what = f"{kind.role}: calls completed, twice the capacity offered"
    report.add(Figure(what, "share of capacity", completed / capacity,
                      note=f"target >= 0.8; {capacity:.0f}/s alone, {offered}/s offered"))
    report.add(Figure(f"{kind.role}: registrations failed meanwhile", "of all", refreshed[0].failed, judged="ours",
                      limit=0, note=f"{refreshed[0].succeeded} succeeded"))


def measure_part(report: Report, _scale: Scale, folder: Path) -> None:
    """As a part of `make bench`; says so where the machine does not allow it."""
    if may_limit_processor():
        measure_overload(report, folder, SECONDS)
    else:
        print("overload is not measured: it needs root and a cgroup v1 cpu controller", file=sys.stderr)


def measure_shedding(report: Report, _scale: Scale, folder: Path) -> None:
    """The same for the B2BUA."""
    if may_limit_processor():
        measure_overload(report, folder, SECONDS, DenwabanB2bua)
    else:
        print("shedding is not measured: it needs root and a cgroup v1 cpu controller", file=sys.stderr)


def may_limit_processor() -> bool:
    """Whether a process can be given a small quota here: SIPp alone would not overload the server."""
    return not os.geteuid() and GROUP.parent.is_dir()


def main() -> None:
    """`python -m tests.bench.overload [--seconds N]`; part of `make bench` where the machine allows it."""
    parser = argparse.ArgumentParser(prog="overload", description=__doc__)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    seconds = parser.parse_args().seconds
    if not may_limit_processor():
        sys.exit("needs root and a cgroup v1 cpu controller: the server must be slower than its load")
    enter_own_network()
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        measure_overload(report, Path(folder), seconds)
    report.print_table()


if __name__ == "__main__":
    main()
