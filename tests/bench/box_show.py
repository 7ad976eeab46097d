# SPDX-License-Identifier: Apache-2.0
"""Every command of the console that only looks, as `denwaban console -c` runs it, with 500 phones registered and 50
calls up: from exec to exit.
"""

import contextlib
import os
import resource
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from appliance.console.commands import COMMANDS, PLACES
from tests.bench.box import EXTENSIONS, PROGRAM, Box, LineClient
from tests.bench.figures import Figure, Report, median, spread
from tests.bench.registrations import register
from tests.bench.servers import HOST
from tests.bench.sipp_load import LOAD_CPU, SCENARIOS, TRUSTED, Phones, write_pairs, write_users

CALLS = 50
FILLING = 5
"""So often every phone registers: then the trace is as full as it gets."""
LIMIT_MS = 150
HOLDER_PORT = 5072
PATIENCE_S = 60.0
FIRST_WORDS = ("show", "explain", "test", "status")
VALUES = {"X": "u00001", "T": "1h", "NUMBER": "0312345678", "EXT": "u00001", "TIME": "2026-11-22T14:30",
          "ADDRESS": "198.18.0.1"}


def write_holder(folder: Path) -> str:
    """The caller's scenario; nobody hangs up before we are done."""
    text = (SCENARIOS / "caller.xml").read_text()
    before, bye, after = text.rpartition('<send retrans="500"><![CDATA[\n\nBYE')
    path = folder / "holder.xml"
    path.write_text(f'{before}<pause milliseconds="3600000"/>\n{bye}{after}')
    return str(path)


@contextlib.contextmanager
def hold_calls(box: Box) -> Iterator[list[int]]:
    """CALLS of them up; their numbers."""
    pairs = write_pairs(box.folder / "pairs.csv", EXTENSIONS, HOST)
    holder = subprocess.Popen(
        ["taskset", "-c", LOAD_CPU, "sipp", box.target, "-sf", write_holder(box.folder), "-inf", str(pairs),
         "-i", TRUSTED, "-p", str(HOLDER_PORT), "-m", str(CALLS), "-l", str(CALLS), "-r", "50", "-nostdin"],
        cwd=box.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with LineClient(box.state, "control.sock") as desk:
            limit = time.monotonic() + PATIENCE_S
            while len(up := [call for call in desk.ask("show", "calls") if call["state"] == "answered"]) < CALLS:
                if time.monotonic() > limit:
                    raise RuntimeError(f"{len(up)} calls are up")
                time.sleep(0.05)
        yield [call["number"] for call in up]
    finally:
        holder.kill()
        holder.wait()


def list_commands(call: int) -> list[str]:
    """What an operator may look at, with something in every place."""
    values = {**VALUES, "N": "20"}
    found = []
    for command in COMMANDS:
        if command.words[0] in FIRST_WORDS:
            number = str(call) if "call" in command.words else "1" if "revision" in command.words else values["N"]
            found.append(" ".join({**values, "N": number}[word] if word in PLACES else word for word in command.words))
    return found


def run_command(box: Box, command: str) -> tuple[float, float, float]:
    """Milliseconds on the wall, of processor in the console, of processor in the daemons."""
    used, own = box.cpu_ns(), resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    done = subprocess.run([PROGRAM, "console", "--state", box.state, "-c", command], stdin=subprocess.DEVNULL,
                          capture_output=True, check=False, env={**os.environ, "LC_ALL": "C.UTF-8"})
    took_ms = 1000 * (time.monotonic() - began)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stderr.decode()}{done.stdout.decode()}")
    own_ms = 1000 * (after.ru_utime + after.ru_stime - own.ru_utime - own.ru_stime)
    return took_ms, own_ms, (box.cpu_ns() - used) / 1e6


def measure_shows(report: Report, box: Box, rounds: int) -> None:
    """Rounds of all commands, so that a neighbour's work falls on all of them."""
    with Phones(box.folder):
        register(box, write_users(box.folder / "users.csv", EXTENSIONS, HOST), FILLING * EXTENSIONS)
        with LineClient(box.state, "control.sock") as desk:
            registered = len(desk.ask("show", "registrations"))
        with hold_calls(box) as calls:
            commands = list_commands(calls[0])
            measured = {command: [] for command in commands}
            for _ in range(rounds):
                for command in commands:
                    measured[command].append(run_command(box, command))
    for command, runs in measured.items():
        wall_ms, own_ms, daemons_ms = ([run[column] for run in runs] for column in range(3))
        report.add(Figure(f"console: {command}", "ms", median(wall_ms), spread(wall_ms), judged="ours", limit=LIMIT_MS,
                          note=f"CPU: console {median(own_ms):.0f} ms, daemons {median(daemons_ms):.1f} ms"))
    slowest = max(measured, key=lambda command: median([run[0] for run in measured[command]]))
    wall_ms = [run[0] for run in measured[slowest]]
    report.add(Figure(f"the slowest of {len(commands)}, with {registered} phones and {CALLS} calls", "ms",
                      median(wall_ms), spread(wall_ms), judged="ours", limit=LIMIT_MS, note=slowest))
