# SPDX-License-Identifier: Apache-2.0
"""Calls that are up: the memory of each, and whether setting up one more takes longer. Both processes count, the call
server and the relay.
"""

import threading
import time
from pathlib import Path

from tests.bench.calls import SOURCE_PORT
from tests.bench.figures import Figure, Report, median, spread
from tests.bench.registrations import register
from tests.bench.scale import FEW_BINDINGS, Scale
from tests.bench.servers import HOST, DenwabanB2bua
from tests.bench.sipp_load import SCENARIOS, TRUSTED, Load, Outcome, Phones, run_load, write_pairs, write_users

CALLS = 500
RATE = 100
HELD_S = 30
SETTLING_S = 3.0
SINGLE_CALLS = 200
ROUNDS = 5
HOLDER_PORT = 5072
LIMIT_KIB, LIMIT_RATIO = 40, 1.1


def write_holder(folder: Path) -> str:
    """The caller's scenario, with the time of talking in it."""
    text = (SCENARIOS / "caller.xml").read_text()
    before, bye, after = text.rpartition('<send retrans="500"><![CDATA[\n\nBYE')
    path = folder / "holder.xml"
    path.write_text(f'{before}<pause milliseconds="{HELD_S * 1000}"/>\n{bye}{after}')
    return str(path.with_suffix(""))


def measure_held(report: Report, _scale: Scale, folder: Path) -> None:
    users = write_users(folder / "few.csv", FEW_BINDINGS, HOST)
    pairs = write_pairs(folder / "pairs.csv", FEW_BINDINGS, HOST)
    with DenwabanB2bua(5060, folder / "held", FEW_BINDINGS) as server, Phones(folder):
        register(server, users, FEW_BINDINGS)

        def place_singly() -> list[float]:
            load = Load("caller", pairs, TRUSTED, SOURCE_PORT, SINGLE_CALLS, 0, 1)
            outcomes = [run_load(load, server.target, server.folder) for _ in range(ROUNDS)]
            return [outcome.elapsed_s * 1000 / max(1, outcome.succeeded) for outcome in outcomes]

        alone = place_singly()
        before_mib = server.memory_mib()
        held: list[Outcome] = []
        place = folder / "holding"
        place.mkdir()
        load = Load(write_holder(folder), pairs, TRUSTED, HOLDER_PORT, CALLS, RATE, CALLS)
        thread = threading.Thread(target=lambda: held.append(run_load(load, server.target, place)))
        thread.start()
        time.sleep(CALLS / RATE + SETTLING_S)
        kib = (server.memory_mib() - before_mib) * 1024 / CALLS
        beside = place_singly()
        thread.join()
    report.add(Figure(f"{CALLS} calls held, each", "KiB", kib, judged="ours", limit=LIMIT_KIB,
                      note=f"{held[0].failed} failed"))
    report.add(Figure(f"one call after the other beside {CALLS} held", "ms", median(beside), spread(beside),
                      "with none", median(alone), judged="ratio", limit=LIMIT_RATIO))
