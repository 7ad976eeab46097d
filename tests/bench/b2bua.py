# SPDX-License-Identifier: Apache-2.0
"""A call that we carry as a B2BUA, media ports opened, from INVITE to the answer of BYE: from extension to extension
and to a trunk. Processor time is that of the call server and of the relay's process; kamailio's is its proxied call,
sippy's a call to a trunk without any relay.
"""

from contextlib import ExitStack
from functools import partial
from pathlib import Path

from tests.bench.calls import place_calls
from tests.bench.figures import Figure, Report, median, paired, spread
from tests.bench.registrations import register
from tests.bench.scale import FEW_BINDINGS, Scale
from tests.bench.servers import HOST, DenwabanB2bua, Kamailio
from tests.bench.sipp_load import (
    CARRIER_PORT,
    Measurement,
    Phones,
    run_rounds,
    write_outside,
    write_pairs,
    write_users,
)
from tests.bench.sippy import PROGRAM as SIPPY
from tests.bench.sippy import Sippy

LIMIT_MS = 0.45
"""A tenth of what sippy's B2BUA takes with its relay."""
GOAL_RATIO = 1.6
SIPPY_CALLS = 500
"""A round of it: it does some 150 a second."""


def measure_b2bua(report: Report, scale: Scale, folder: Path) -> None:
    users = write_users(folder / "few.csv", FEW_BINDINGS, HOST)
    pairs = write_pairs(folder / "pairs.csv", FEW_BINDINGS, HOST)
    outside = write_outside(folder / "outside.csv", FEW_BINDINGS, HOST)
    costs: list[list[float]] = [[], [], []]
    with ExitStack() as running:
        kamailio = running.enter_context(Kamailio(5060, folder / "b2bua-kamailio", FEW_BINDINGS))
        ours = running.enter_context(DenwabanB2bua(5062, folder / "b2bua-denwaban", FEW_BINDINGS))
        running.enter_context(Phones(folder))
        running.enter_context(Phones(folder, CARRIER_PORT))
        loads = [(kamailio, pairs), (ours, pairs), (ours, outside)]
        for server in (kamailio, ours):
            register(server, users, FEW_BINDINGS)
        for server, callees in loads:
            place_calls(server, callees, scale.calls // 5)
        for outcomes in run_rounds(scale.rounds, [partial(place_calls, server, callees, scale.calls)
                                                  for server, callees in loads]):
            for cost, (cost_ms, _outcome) in zip(costs, outcomes, strict=True):
                cost.append(cost_ms)
    peer = costs[0]
    for what, cost in zip(("to an extension", "to a trunk"), costs[1:], strict=True):
        report.add(Figure(f"B2BUA call {what}", "ms CPU", median(cost), spread(cost), "kamailio's proxy", median(peer),
                          judged="ours", limit=LIMIT_MS, goal=GOAL_RATIO * median(peer),
                          note=f"kamailio {spread(peer)}", paired_ratio=paired(cost, peer)))


def place_any(server: Sippy, callees: Path, count: int) -> Measurement:
    """As many calls as there are, also those that it spoils: its threads send answers out of order."""
    cost_ms, outcome = place_calls(server, callees, count)
    done = outcome.succeeded + outcome.failed
    return cost_ms * outcome.succeeded / max(1, done), outcome._replace(failed=0, retransmissions=0)


def measure_sippy(report: Report, scale: Scale, folder: Path) -> None:
    """The same call to a trunk beside sippy's B2BUA, round by round."""
    if not SIPPY.exists():
        return
    outside = write_outside(folder / "outside.csv", FEW_BINDINGS, HOST)
    costs: list[list[float]] = [[], []]
    with ExitStack() as running:
        sippy = running.enter_context(Sippy(5064, folder / "b2bua-sippy", FEW_BINDINGS))
        ours = running.enter_context(DenwabanB2bua(5062, folder / "b2bua-beside-sippy", FEW_BINDINGS))
        running.enter_context(Phones(folder, CARRIER_PORT))
        register(ours, write_users(folder / "few.csv", FEW_BINDINGS, HOST), FEW_BINDINGS)
        place_calls(ours, outside, scale.calls // 5)
        place_any(sippy, outside, SIPPY_CALLS // 5)
        for outcomes in run_rounds(scale.rounds, [partial(place_any, sippy, outside, SIPPY_CALLS),
                                                  partial(place_calls, ours, outside, scale.calls)]):
            for cost, (cost_ms, _outcome) in zip(costs, outcomes, strict=True):
                cost.append(cost_ms)
    report.add(Figure("B2BUA call to a trunk, beside sippy's without a relay", "ms CPU", median(costs[1]),
                      spread(costs[1]), "sippy, no media", median(costs[0]),
                      note=f"sippy {spread(costs[0])}; it opens no ports, which favours it",
                      paired_ratio=paired(costs[1], costs[0])))
