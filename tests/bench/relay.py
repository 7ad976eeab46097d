# SPDX-License-Identifier: Apache-2.0
"""Processor time of the relay per packet, beside the C floor and rtpengine's userspace path, rounds interleaved.

Also by itself: python -m tests.bench.relay [--quick]. One core for relay and phones ("same core"), or one each.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.bench.figures import Figure, Report, median, paired, spread
from tests.bench.isolation import enter_own_network
from tests.bench.process_tree import cpu_ns
from tests.bench.rtpengine import find_rtpengine, open_call, start_rtpengine
from tests.bench.scale import FULL, QUICK, Scale

HERE = Path(__file__).parent
RELAY_PORT, FIRST_PORT, SECOND_PORT = 30000, 10000, 20000
LIMIT_OF_REFERENCE, LIMIT_OF_RTPENGINE = 1.15, 1.0
LATENCY_LIMIT = 1.2
LOADS = (100, 300)
SECONDS, QUICK_SECONDS = 5, 3
PLACES = {"same core": ("0", "0"), "two cores": ("0", "1")}


class Sample(NamedTuple):
    cpu_us: float
    p50_us: float
    loss_percent: float


def compile_program(name: str, folder: Path) -> str:
    program = folder / name
    subprocess.run(["gcc", "-O2", "-o", str(program), str(HERE / f"{name}.c")], check=True)
    return str(program)


def start_relay(command: list[str], calls: int, *more: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([*command, str(calls), str(RELAY_PORT), str(FIRST_PORT), str(SECOND_PORT), *more],
                               stdout=subprocess.PIPE)
    if process.stdout is None or process.stdout.readline() != b"ready\n":
        process.kill()
        raise RuntimeError(f"{command} does not start")
    return process


def plan_ports(calls: int) -> str:
    """A line a call for rtp_load, of a relay that has its ports in order."""
    return "".join(f"{FIRST_PORT + 2 * call} {RELAY_PORT + 4 * call} "
                   f"{SECOND_PORT + 2 * call} {RELAY_PORT + 4 * call + 2}\n" for call in range(calls))


def plan_rtpengine(calls: int) -> str:
    lines = []
    for call in range(calls):
        first, second = FIRST_PORT + 2 * call, SECOND_PORT + 2 * call
        own = open_call(f"call-{call}", first, second)
        lines.append(f"{first} {own[0]} {second} {own[1]}\n")
    return "".join(lines)


class Bench:
    """Programs and processors of one run."""

    def __init__(self, folder: Path, seconds: int) -> None:
        self._seconds = seconds
        self._load = compile_program("rtp_load", folder)
        self._reference = compile_program("relay_reference", folder)

    def measure(self, kind: str, calls: int, place: str) -> Sample:
        """One round of one relay."""
        core, load_core = PLACES[place]
        pinned = ["taskset", "-c", core]
        ours = [*pinned, sys.executable, "-m", "tests.bench.relay_program"]
        starts: dict[str, Callable[[], subprocess.Popen[bytes]]] = {
            "ours": lambda: start_relay(ours, calls),
            "busy": lambda: start_relay(ours, calls, "busy"),
            "C floor": lambda: start_relay([*pinned, self._reference], calls),
            "rtpengine": lambda: start_rtpengine(pinned)}
        process = starts[kind]()
        try:
            plan = plan_rtpengine(calls) if kind == "rtpengine" else plan_ports(calls)
            begun = cpu_ns(process.pid)
            ran = subprocess.run(["taskset", "-c", load_core, self._load, str(self._seconds)], input=plan.encode(),
                                 capture_output=True, check=True)
            spent = cpu_ns(process.pid) - begun
        finally:
            process.kill()
            process.wait()
        told = json.loads(ran.stdout)
        return Sample(spent / told["sent"] / 1000, told["p50_us"], 100 * (1 - told["received"] / told["sent"]))


def measure_relay(report: Report, scale: Scale, folder: Path) -> None:
    """All loads and places; a round has one sample of each relay."""
    bench = Bench(folder, QUICK_SECONDS if scale == QUICK else SECONDS)
    kinds = ["ours", "C floor"] + (["rtpengine"] if find_rtpengine() else [])
    if "rtpengine" not in kinds:
        print("rtpengine is not installed: the C floor alone", file=sys.stderr)
    for place in PLACES:
        for calls in LOADS:
            rounds = [{kind: bench.measure(kind, calls, place) for kind in kinds} for _ in range(scale.rounds)]
            add_figures(report, f"{calls} calls, {place}", rounds)
    measure_busy(report, bench, scale.rounds)


def measure_busy(report: Report, bench: Bench, count: int) -> None:
    """Whether a thread that keeps the interpreter's lock, on the relay's own core, delays packets."""
    rounds = [{kind: bench.measure(kind, LOADS[0], "two cores") for kind in ("busy", "ours")} for _ in range(count)]
    mine, theirs = [one["busy"].p50_us for one in rounds], [one["ours"].p50_us for one in rounds]
    report.add(Figure(f"relay: p50 beside a busy Python thread, {LOADS[0]} calls", "us", median(mine), spread(mine),
                      "idle", median(theirs), "ratio", LATENCY_LIMIT, paired_ratio=paired(mine, theirs),
                      note=f"loss {max(one['busy'].loss_percent for one in rounds):.2f} %"))


def add_figures(report: Report, what: str, rounds: list[dict[str, Sample]]) -> None:
    ours = [one["ours"] for one in rounds]
    note = f"loss {max(sample.loss_percent for sample in ours):.2f} %"
    for kind in rounds[0]:
        if kind == "ours":
            continue
        peers = [one[kind] for one in rounds]
        limit = LIMIT_OF_REFERENCE if kind == "C floor" else LIMIT_OF_RTPENGINE
        mine, theirs = [one.cpu_us for one in ours], [one.cpu_us for one in peers]
        report.add(Figure(f"relay: a packet, {what}", "us", median(mine), spread(mine), kind, median(theirs), "ratio",
                          limit, note=note, paired_ratio=paired(mine, theirs)))
        if kind == "C floor":
            mine, theirs = [one.p50_us for one in ours], [one.p50_us for one in peers]
            report.add(Figure(f"relay: p50 of one way, {what}", "us", median(mine), spread(mine), kind, median(theirs),
                              "ratio", LATENCY_LIMIT, paired_ratio=paired(mine, theirs)))


def main() -> int:
    """This part alone."""
    reader = argparse.ArgumentParser(prog="python -m tests.bench.relay", description=__doc__)
    reader.add_argument("--quick", action="store_true")
    chosen = reader.parse_args()
    enter_own_network()
    print(json.dumps({"load_before": os.getloadavg()[0]}), flush=True)
    report = Report()
    with tempfile.TemporaryDirectory(prefix="denwaban-bench-") as folder:
        measure_relay(report, QUICK if chosen.quick else FULL, Path(folder))
    report.print_table()
    return 0


if __name__ == "__main__":
    sys.exit(main())
