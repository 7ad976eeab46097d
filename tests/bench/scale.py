# SPDX-License-Identifier: Apache-2.0
"""How long a benchmark takes: the full run and the quick one."""

from typing import NamedTuple


class Scale(NamedTuple):
    """rounds: repetitions of each load, interleaved; the median counts. The rest are loads of one round."""

    rounds: int
    parses: int
    registrations: int
    calls: int
    starts: int
    stage_repeats: int


FULL = Scale(rounds=5, parses=50_000, registrations=20_000, calls=10_000, starts=5, stage_repeats=50_000)
QUICK = Scale(rounds=3, parses=20_000, registrations=4_000, calls=2_500, starts=2, stage_repeats=10_000)
EXTENSIONS = 10_000
FEW_BINDINGS = 1_000
