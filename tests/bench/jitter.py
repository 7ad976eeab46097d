# SPDX-License-Identifier: Apache-2.0
"""The jitter buffer beside speexdsp's and libre's: time of put and get, and late loss against delay on many networks.

Also by itself: python -m tests.bench.jitter [--quick] [RECORDING ...]. A recording has a line for each packet in order
of arrival: sequence, timestamp (8000 Hz, 160 a packet), microseconds of arrival.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from appliance.native.jitter_buffer import PACKET, JitterBuffer
from tests.bench.figures import Figure, Report, median, paired, spread
from tests.bench.scale import FULL, QUICK, Scale
from tests.models.jitter_traces import (
    CLOCK_RATE_HZ,
    SPAN,
    Trace,
    judge,
    order_arrivals,
    play_trace,
    read_recording,
    synthetic_traces,
)

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RECORDINGS = ROOT / "tests" / "vectors" / "jitter"
SPEED_ROUNDS, SPEED_PACKETS = 7, 100_000
LIMIT_OF_SPEEX, GOAL_US = 1.0, 0.06
TRACE_PACKETS, QUICK_PACKETS = 6000, 3000
OUR_SHARES = (0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 900)
OUR_SHARES_ABOVE_LEAST = (10, 50, 900)
OUR_LEAST_MS = (5, 10, 20, 30, 40, 50, 60, 80, 100, 120, 160)
MOST_MS = 400
SPEEX_STEPS = (40, 80, 160)
SPEEX_LATE = ((1, 0), (2, 0), (4, 0), (10, 0), (20, 0), (4, 40), (4, 160), (4, 400), (4, 800), (1, 1600), (4, 3000))
SPEEX_MARGINS = (80, 160, 320, 480, 640, 960, 1280)
BUILD = """
from Cython.Build import cythonize
from setuptools import Extension, setup
setup(script_args=["-q", "build_ext", "--build-lib", {folder!r}], ext_modules=cythonize(
    [Extension("jitter_loop", [{source!r}], extra_compile_args=["-O2"])], quiet=True, build_dir={folder!r},
    include_path=[{include!r}], compiler_directives={{"language_level": 3, "cdivision": True, "boundscheck": False}}))
"""


class Point(NamedTuple):
    """One setting on one trace."""

    delay_ms: float
    loss_percent: float


# ---- what is built for the measurement

def build_peer(name: str, library: str, folder: Path) -> Path | None:
    """The compiled driver of a peer; None, told on standard error, where its library is missing."""
    program = folder / name
    done = subprocess.run(["gcc", "-O2", "-o", str(program), str(HERE / f"{name}.c"), f"-l:{library}"],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{library} is not installed: measured without it", file=sys.stderr)
        return None
    return program


def build_loop(folder: Path) -> Callable[[int, bool], tuple[float, int]]:
    """`measure` of jitter_loop.pyx."""
    script = BUILD.format(folder=str(folder), source=str(HERE / "jitter_loop.pyx"), include=str(ROOT / "ext"))
    subprocess.run([sys.executable, "-c", script], cwd=folder, check=True)
    place = next(folder.glob("jitter_loop*.so"))
    spec = importlib.util.spec_from_file_location("jitter_loop", place)
    if spec is None or spec.loader is None:
        raise ImportError(str(place))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.measure


# ---- speed

def measure_shell(count: int) -> float:
    """Microseconds of put + get from Python."""
    buffer, payload = JitterBuffer(), bytes(SPAN)
    packets = [(0, number & 0xFFFF, number * SPAN, 1, payload) for number in range(count)]
    begun = time.process_time_ns()
    for number, packet in enumerate(packets):
        buffer.put(packet, SPAN, number * 20_000_000)
        buffer.get(number * 20_000_000 + 1_000_000)
    return (time.process_time_ns() - begun) / count / 1000


def ask_speed(command: list[str]) -> float:
    told, heard = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    if int(heard) < 0.9 * SPEED_PACKETS:
        raise RuntimeError(f"{command}: {heard} packets heard")
    return float(told)


def measure_speed(report: Report, folder: Path, speex: Path | None) -> None:
    loop, libre = build_loop(folder), build_peer("libre_jitter", "libre.so.0", folder)
    for is_reordered, case in ((False, "in order"), (True, "10 % reordered")):
        ours, shell = [], []
        peers: dict[str, list[float]] = {}
        for _ in range(SPEED_ROUNDS):
            ours.append(loop(SPEED_PACKETS, is_reordered)[0])
            shell.append(measure_shell(SPEED_PACKETS // 5))
            words = [str(SPEED_PACKETS), str(int(is_reordered))]
            if speex:
                peers.setdefault("speexdsp", []).append(ask_speed([str(speex), "speed", *words]))
            if libre:
                peers.setdefault("libre", []).append(ask_speed([str(libre), *words]))
        add_speed(report, f"jitter buffer: put + get, {case}", ours, peers)
    add_speed(report, "jitter buffer: put + get from Python", shell, {"speexdsp": peers.get("speexdsp", [])})


def add_speed(report: Report, what: str, ours: list[float], peers: dict[str, list[float]]) -> None:
    for name, theirs in peers.items():
        if not theirs:
            continue
        is_limit = name == "speexdsp"
        report.add(Figure(what, "us", median(ours), spread(ours), name, median(theirs), "ratio" if is_limit else "",
                          LIMIT_OF_SPEEX if is_limit else None, GOAL_US / 0.60 if is_limit else None,
                          paired_ratio=paired(ours, theirs)))
    if not any(peers.values()):
        report.add(Figure(what, "us", median(ours), spread(ours), judged="ours", limit=0.60, goal=GOAL_US))


# ---- late loss and delay

def plan_speex() -> Iterator[tuple[int, int, int, int]]:
    """(margin, step, percent that may be late, cost of one) of every setting that is tried."""
    for step in SPEEX_STEPS:
        yield from ((0, step, *late) for late in SPEEX_LATE)
        yield from ((margin, step, percent, 0) for margin in SPEEX_MARGINS for percent in (1, 4))


def play_speex(program: Path, trace: Trace, setting: tuple[int, int, int, int]) -> Point:
    lines = "".join(
        f"{int(arrival_s * CLOCK_RATE_HZ)} {trace[index].sequence} {trace[index].timestamp} {SPAN} {index}\n"
        for arrival_s, index in order_arrivals(trace))
    told = subprocess.run([str(program), "play", str(SPAN), *map(str, setting)], input=lines, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
    heard = []
    for line in told.splitlines():
        index, at, units = map(int, line.split())
        heard.append((PACKET if index >= 0 else -1, index, at / CLOCK_RATE_HZ, units))
    return Point(*judge(trace, heard)[:2])


def plan_ours() -> Iterator[tuple[int, int]]:
    """(share that may be late, least delay)."""
    yield from ((share, 0) for share in OUR_SHARES)
    yield from ((share, least_ms) for share in OUR_SHARES_ABOVE_LEAST for least_ms in OUR_LEAST_MS)


def play_ours(trace: Trace, setting: tuple[int, int]) -> Point:
    buffer = JitterBuffer(late_per_mille=setting[0], limits_ms=(setting[1], MOST_MS))
    return Point(*judge(trace, play_trace(buffer, trace))[:2])


def find_frontier(points: list[Point]) -> list[Point]:
    """Those that no other beats in both, the fastest first."""
    found: list[Point] = []
    for point in sorted(points):
        if not found or point.loss_percent < found[-1].loss_percent - 1e-9:
            found.append(point)
    return found


def loss_at(frontier: list[Point], delay_ms: float) -> float | None:
    """On the line through the settings; None left of it. Half a millisecond is the same delay."""
    if delay_ms + 0.5 < frontier[0].delay_ms:
        return None
    for one, other in pairwise(frontier):
        if delay_ms + 0.5 < other.delay_ms:
            share = max(0.0, delay_ms - one.delay_ms) / (other.delay_ms - one.delay_ms)
            return one.loss_percent + share * (other.loss_percent - one.loss_percent)
    return frontier[-1].loss_percent


def add_curve(report: Report, name: str, trace: Trace, speex: Path) -> None:
    """Our loss at the delay of every setting of speexdsp that no other of its settings beats."""
    theirs = find_frontier([play_speex(speex, trace, setting) for setting in plan_speex()])
    ours = find_frontier([play_ours(trace, setting) for setting in plan_ours()])
    print(json.dumps({"curve": name, "ours": [[round(value, 3) for value in point] for point in ours],
                      "speexdsp": [[round(value, 3) for value in point] for point in theirs]}), flush=True)
    losses = [(mine, point.loss_percent) for point in theirs if (mine := loss_at(ours, point.delay_ms)) is not None]
    if not losses:
        print(f"{name}: speexdsp is always faster", file=sys.stderr)
        return
    below = sum(mine <= other + 1e-9 for mine, other in losses)
    mine, other = (sum(one[side] for one in losses) / len(losses) for side in (0, 1))
    report.add(Figure(f"jitter buffer: late loss, {name}", "%", mine, peer_name="speexdsp", peer=other or None,
                      judged="ratio" if other else "", limit=1.0 if other else None,
                      note=f"mean at the delays of speexdsp's {len(theirs)} settings; not above it at {below}"))


def gather_traces(count: int, recordings: list[Path]) -> Iterator[tuple[str, Trace]]:
    yield from synthetic_traces(count)
    for path in recordings:
        yield f"recorded: {path.stem}", read_recording(path.read_text(encoding="ascii"))


def measure_jitter(report: Report, scale: Scale, folder: Path, recordings: list[Path] | None = None) -> None:
    """Speed, then a curve for every synthetic and recorded trace."""
    speex = build_peer("speex_jitter", "libspeexdsp.so.1", folder)
    measure_speed(report, folder, speex)
    if speex is None:
        return
    count = QUICK_PACKETS if scale == QUICK else TRACE_PACKETS
    for name, trace in gather_traces(count, recordings or sorted(RECORDINGS.glob("*.txt"))):
        add_curve(report, name, trace, speex)


def main() -> int:
    """This part alone."""
    reader = argparse.ArgumentParser(prog="python -m tests.bench.jitter", description=__doc__)
    reader.add_argument("--quick", action="store_true")
    reader.add_argument("recordings", nargs="*", type=Path)
    chosen = reader.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory(prefix="denwaban-bench-") as folder:
        measure_jitter(report, QUICK if chosen.quick else FULL, Path(folder), chosen.recordings)
    report.print_table()
    return 0


if __name__ == "__main__":
    sys.exit(main())
