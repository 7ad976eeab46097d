# SPDX-License-Identifier: Apache-2.0
"""REGISTER with digest (challenge and answer) in a closed loop, at 1,000 and at 10,000 bindings, beside kamailio."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path

from tests.bench.figures import Figure, Report, median, paired, spread
from tests.bench.scale import EXTENSIONS, FEW_BINDINGS, Scale
from tests.bench.servers import HOST, Denwaban, Kamailio, Server
from tests.bench.sipp_load import Load, Outcome, run_load, run_rounds, write_users

SOURCE_PORT = 5080
FIRST_PORT = 5060


def register(server: Server, users: Path, count: int) -> tuple[float, Outcome]:
    """Processor time in us of the server for one registration, and what SIPp counted."""
    before = server.cpu_ns()
    outcome = run_load(Load("register", users, HOST, SOURCE_PORT, count), server.target, server.folder)
    return (server.cpu_ns() - before) / 1000 / max(1, outcome.succeeded), outcome


def measure_registrations(report: Report, scale: Scale, folder: Path) -> None:
    few = write_users(folder / "few.csv", FEW_BINDINGS, HOST)
    many = write_users(folder / "many.csv", EXTENSIONS, HOST)
    costs: dict[tuple[str, Path], list[float]] = {}
    with ExitStack() as running:
        loads = []
        for number, (kind, users) in enumerate((kind, users) for users in (few, many) for kind in (Kamailio, Denwaban)):
            place = folder / f"register-{kind.name}-{users.stem}"
            server = running.enter_context(kind(FIRST_PORT + 2 * number, place, EXTENSIONS))
            loads.append((server, users))
            fill_and_weigh(report, server, users)
        for outcomes in run_rounds(scale.rounds, [partial(register, server, users, scale.registrations)
                                                  for server, users in loads]):
            for (server, users), (cost_us, _) in zip(loads, outcomes, strict=True):
                costs.setdefault((server.name, users), []).append(cost_us)
    for users, count in ((few, FEW_BINDINGS), (many, EXTENSIONS)):
        ours, peer = costs["denwaban", users], costs["kamailio", users]
        report.add(Figure(f"digest REGISTER, {count:,} bindings", "us CPU", median(ours), spread(ours), "kamailio",
                          median(peer), judged="ratio", limit=1.6, goal=1.1, note=f"kamailio {spread(peer)}",
                          paired_ratio=paired(ours, peer)))
    ratios = [late / early for early, late in zip(costs["denwaban", few], costs["denwaban", many], strict=True)]
    report.add(Figure("the same, 10,000 / 1,000 bindings", "ratio", median(ratios), spread(ratios), judged="ours",
                      limit=1.15))


def fill_and_weigh(report: Report, server: Server, users: Path) -> None:
    """Bind every AOR of the file once; report what that costs in memory when it is all of them."""
    count = FEW_BINDINGS if users.stem == "few" else EXTENSIONS
    before = server.memory_mib("Pss")
    register(server, users, count)
    grown = server.memory_mib("Pss") - before
    if count == EXTENSIONS:
        is_ours = isinstance(server, Denwaban)
        report.add(Figure(f"{server.name}: memory grown by {count:,} bindings", "MiB PSS", grown, judged="ours",
                          limit=40 if is_ours else None, note="transactions of the last 32 s included"))
