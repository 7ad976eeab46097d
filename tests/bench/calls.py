# SPDX-License-Identifier: Apache-2.0
"""A proxied, record-routed call from INVITE to the answer of BYE (13 messages at the server), beside kamailio."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path

from tests.bench.figures import Figure, Report, median, paired, spread
from tests.bench.registrations import register
from tests.bench.scale import FEW_BINDINGS, Scale
from tests.bench.servers import HOST, Denwaban, Kamailio, Server
from tests.bench.sipp_load import TRUSTED, Load, Outcome, Phones, run_load, run_rounds, write_pairs, write_users

SOURCE_PORT = 5070


def place_calls(server: Server, pairs: Path, count: int) -> tuple[float, Outcome]:
    """Processor time in ms of the server for one call, and what SIPp counted."""
    before = server.cpu_ns()
    outcome = run_load(Load("caller", pairs, TRUSTED, SOURCE_PORT, count), server.target, server.folder)
    return (server.cpu_ns() - before) / 1e6 / max(1, outcome.succeeded), outcome


def measure_calls(report: Report, scale: Scale, folder: Path) -> None:
    users = write_users(folder / "few.csv", FEW_BINDINGS, HOST)
    pairs = write_pairs(folder / "pairs.csv", FEW_BINDINGS, HOST)
    costs: dict[str, list[float]] = {"kamailio": [], "denwaban": []}
    rates: dict[str, list[float]] = {"kamailio": [], "denwaban": []}
    with ExitStack() as running:
        servers = [running.enter_context(kind(5060 + 2 * number, folder / f"call-{kind.name}", FEW_BINDINGS))
                   for number, kind in enumerate((Kamailio, Denwaban))]
        running.enter_context(Phones(folder))
        for server in servers:
            register(server, users, FEW_BINDINGS)
            place_calls(server, pairs, scale.calls // 5)
        for outcomes in run_rounds(scale.rounds, [partial(place_calls, server, pairs, scale.calls)
                                                  for server in servers]):
            for server, (cost_ms, outcome) in zip(servers, outcomes, strict=True):
                costs[server.name].append(cost_ms)
                rates[server.name].append(outcome.succeeded / max(outcome.elapsed_s, 0.001))
    ours, peer = costs["denwaban"], costs["kamailio"]
    report.add(Figure("proxied call, record-routed", "ms CPU", median(ours), spread(ours), "kamailio", median(peer),
                      judged="ratio", limit=1.3, goal=0.85, note=f"kamailio {spread(peer)}",
                      paired_ratio=paired(ours, peer)))
    report.add(Figure("the same, calls a second (load-bound)", "1/s", median(rates["denwaban"]),
                      spread(rates["denwaban"]), "kamailio", median(rates["kamailio"])))
