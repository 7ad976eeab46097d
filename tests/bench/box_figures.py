# SPDX-License-Identifier: Apache-2.0
"""What the box must reach: commits, whatever is shown, the firewall, memory. Two parts of `make bench`: the daemons as
their units start them (`box`), and all of it as one `denwaban run` (`box-run`).
"""

import sys
from pathlib import Path

from tests.bench.box import Box, explain_missing
from tests.bench.box_commit import measure_commits
from tests.bench.box_firewall import measure_applies, measure_bans, measure_rulesets
from tests.bench.box_memory import measure_memory
from tests.bench.box_show import measure_shows
from tests.bench.figures import Report
from tests.bench.scale import Scale

BANS_A_ROUND = 200
COMMITS_A_ROUND = 3


def measure_box(report: Report, scale: Scale, folder: Path) -> None:
    """Daemons of their own."""
    if is_possible():
        place = folder / "box"
        place.mkdir()
        with Box(place / "daemons", is_whole=False) as box:
            measure_memory(report, box, "four daemons")
            with box.before_others():
                measure_commits(report, box, "four daemons", COMMITS_A_ROUND * scale.rounds)
                measure_bans(report, box, BANS_A_ROUND * scale.rounds)
                measure_applies(report, box, 2 * scale.rounds)
                measure_shows(report, box, scale.rounds)
                box.close()
                measure_rulesets(report, place)


def measure_whole_box(report: Report, scale: Scale, folder: Path) -> None:
    """`denwaban run`, which has configd within."""
    if is_possible():
        with Box(folder / "box-run", is_whole=True) as box:
            measure_memory(report, box, "`denwaban run`")
            with box.before_others():
                measure_commits(report, box, "`denwaban run`", COMMITS_A_ROUND * scale.rounds)


def is_possible() -> bool:
    """Says so where it is not."""
    missing = explain_missing()
    if missing:
        print(f"the box is not measured: {missing}", file=sys.stderr)
    return not missing
