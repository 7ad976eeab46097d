# SPDX-License-Identifier: Apache-2.0
"""`make soak`: find the highest call rate without a failure or a retransmission, then hold half of it for minutes.

Nothing may fail and memory must be flat: the resident memory of the last quarter beside that of the second. What was
refused with 503 is told apart from what got lost: a machine that is busy with something else makes a server refuse.
"""

import argparse
import os
import statistics
import sys
import tempfile
import threading
from pathlib import Path

from tests.bench.calls import SOURCE_PORT
from tests.bench.figures import Figure, Report
from tests.bench.isolation import enter_own_network
from tests.bench.registrations import register
from tests.bench.scale import FEW_BINDINGS
from tests.bench.servers import HOST, Denwaban, DenwabanB2bua
from tests.bench.sipp_load import TRUSTED, Load, Outcome, Phones, run_load, write_pairs, write_users

PORT = 5060
ROLES = {kind.role: kind for kind in (Denwaban, DenwabanB2bua)}
FIRST_RATE, RATE_STEP, RATE_LIMIT = 500, 500, 8000
STEP_S = 5
CALLS_AT_ONCE = 3000
SAMPLE_S = 5.0
WARM_UP_S = 45.0
"""What ended stays for 32 s (RFC 3261 17, 64 * T1): until then memory must grow."""
FLAT_MIB = 2.0


def hold_rate(server: Denwaban, pairs: Path, rate: int, seconds: int) -> Outcome:
    """Calls at this rate for so long, from the trusted address."""
    load = Load("caller", pairs, TRUSTED, SOURCE_PORT, rate * seconds, rate, CALLS_AT_ONCE)
    return run_load(load, server.target, server.folder)


def is_clean(server: Denwaban, pairs: Path, rate: int) -> bool:
    """Whether none failed, none was repeated and the rate was reached for some seconds; tells what happened."""
    before = server.cpu_ns()
    outcome = hold_rate(server, pairs, rate, STEP_S)
    reached = outcome.succeeded / max(outcome.elapsed_s, 0.001)
    busy = (server.cpu_ns() - before) / 1e9 / max(outcome.elapsed_s, 0.001)
    print(f"{rate}/s offered: {outcome}, {reached:.0f}/s, server {busy:.0%} busy", file=sys.stderr)
    return not outcome.failed and not outcome.retransmissions and reached >= 0.9 * rate


def find_highest_rate(server: Denwaban, pairs: Path) -> int:
    """Calls a second of the last clean step; a step may be tried twice, since a neighbour can spoil it."""
    highest = 0
    for rate in range(FIRST_RATE, RATE_LIMIT + 1, RATE_STEP):
        if not is_clean(server, pairs, rate) and not is_clean(server, pairs, rate):
            break
        highest = rate
    return highest


class MemorySampler:
    """Resident memory of the server every few seconds, until stopped."""

    def __init__(self, server: Denwaban) -> None:
        self.samples_mib: list[float] = []
        self._server = server
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopped.wait(SAMPLE_S):
            self.samples_mib.append(self._server.memory_mib())

    def stop(self) -> list[float]:
        self._stopped.set()
        self._thread.join()
        return self.samples_mib


def compute_growth(samples: list[float]) -> float:
    """Last quarter less second quarter; 0 for a run too short to tell."""
    quarter = len(samples) // 4
    return statistics.median(samples[-quarter:]) - statistics.median(samples[quarter:2 * quarter]) if quarter else 0.0


def soak(server: Denwaban, pairs: Path, rate: int, minutes: float) -> Report:
    """Hold the rate; figures of failures and memory."""
    sampler = MemorySampler(server)
    before = server.cpu_ns()
    outcome = hold_rate(server, pairs, rate, int(minutes * 60))
    cpu_ms = (server.cpu_ns() - before) / 1e6 / max(1, outcome.succeeded)
    samples = sampler.stop()[int(WARM_UP_S / SAMPLE_S):]
    growth = compute_growth(samples)
    report = Report()
    what = f"{minutes:g} min at {rate}/s"
    unit = f"of {outcome.succeeded + outcome.failed}"
    report.add(Figure(f"{what}: calls lost", unit, outcome.failed - outcome.refused, judged="ours", limit=0,
                      note=outcome.causes))
    report.add(Figure(f"{what}: calls refused, 503", unit, outcome.refused, judged="ours", limit=0,
                      note=f"load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"))
    report.add(Figure(f"{what}: retransmissions", "messages", outcome.retransmissions))
    report.add(Figure(f"{what}: memory growth, 2nd to last quarter", "MiB RSS", growth, judged="ours", limit=FLAT_MIB,
                      note=" ".join(f"{value:.1f}" for value in samples[::max(1, len(samples) // 20)])))
    report.add(Figure(f"{what}: cost of a call", "ms CPU", cpu_ms))
    return report


def main() -> int:
    """1 when a call was lost or refused or memory grew."""
    reader = argparse.ArgumentParser(prog="make soak", description=__doc__)
    reader.add_argument("--minutes", type=float, default=10)
    reader.add_argument("--rate", type=int, default=0, help="calls a second; default: half the highest that is found")
    reader.add_argument("--role", choices=list(ROLES), default="proxy", help="default: proxy")
    chosen = reader.parse_args()
    enter_own_network()
    with tempfile.TemporaryDirectory(prefix="denwaban-soak-") as name:
        folder = Path(name)
        users = write_users(folder / "few.csv", FEW_BINDINGS, HOST)
        pairs = write_pairs(folder / "pairs.csv", FEW_BINDINGS, HOST)
        with ROLES[chosen.role](PORT, folder / "server", FEW_BINDINGS) as server, Phones(folder):
            register(server, users, FEW_BINDINGS)
            rate = chosen.rate or find_highest_rate(server, pairs) // 2
            report = soak(server, pairs, rate, chosen.minutes)
    report.print_table()
    return 0 if all(figure.is_met is not False for figure in report.figures) else 1


if __name__ == "__main__":
    sys.exit(main())
