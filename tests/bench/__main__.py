# SPDX-License-Identifier: Apache-2.0
"""`make bench`: every figure is a ratio against a peer (or a C floor) measured in the same run, rounds interleaved.

JSON lines as they come, one table at the end. Nothing here asserts a time: targets stand beside the results.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from pathlib import Path

from tests.bench.b2bua import measure_b2bua, measure_sippy
from tests.bench.box_figures import measure_box, measure_whole_box
from tests.bench.calls import measure_calls
from tests.bench.events import measure_events
from tests.bench.figures import Report
from tests.bench.handset import measure_handset
from tests.bench.held import measure_held
from tests.bench.isolation import MARK, enter_own_network
from tests.bench.jitter import measure_jitter
from tests.bench.overload import measure_part as measure_overload
from tests.bench.overload import measure_shedding
from tests.bench.parser import measure_parser
from tests.bench.registrations import measure_registrations
from tests.bench.relay import measure_relay
from tests.bench.scale import FULL, QUICK
from tests.bench.sippy import install_sippy
from tests.bench.stages import measure_stages
from tests.bench.starts import measure_starts

PARTS = {"parser": measure_parser, "stages": measure_stages, "events": measure_events, "start": measure_starts,
         "register": measure_registrations, "call": measure_calls, "b2bua": measure_b2bua, "sippy": measure_sippy,
         "held": measure_held, "overload": measure_overload, "shed": measure_shedding, "relay": measure_relay,
         "jitter": measure_jitter, "handset": measure_handset, "box": measure_box, "box-run": measure_whole_box}


def describe_machine() -> dict[str, object]:
    """What the figures depend on beside the program."""
    model = next((line.partition(": ")[2] for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    return {"python": platform.python_version(), "python_is_debians": sys.base_prefix == "/usr",
            "kernel": platform.release(), "processor": model, "processors": os.cpu_count(),
            "load_before": os.getloadavg()[0]}


def main() -> int:
    """Run the chosen parts; 0 whatever the figures say, they are for people."""
    reader = argparse.ArgumentParser(prog="make bench", description=__doc__)
    reader.add_argument("--quick", action="store_true", help="about a minute: fewer and shorter rounds")
    reader.add_argument("--only", choices=PARTS, action="append", help="one part; may be repeated")
    chosen = reader.parse_args()
    if "sippy" in (chosen.only or PARTS) and not os.environ.get(MARK):
        install_sippy()
    enter_own_network()
    print(json.dumps(describe_machine()), flush=True)
    report = Report()
    with tempfile.TemporaryDirectory(prefix="denwaban-bench-") as folder:
        for name in chosen.only or PARTS:
            PARTS[name](report, QUICK if chosen.quick else FULL, Path(folder))
    report.print_table()
    return 0


if __name__ == "__main__":
    sys.exit(main())
