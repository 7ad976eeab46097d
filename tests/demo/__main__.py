# SPDX-License-Identifier: Apache-2.0
"""`make demo`: a plain NAT fails and shows why, the gateway works; ladders, measured voices, a verdict a step."""

import os
import sys
from pathlib import Path

from tests.demo.requirements import missing_requirements
from tests.demo.showing import refuse_mixing, run_programme, show_steps

HEADINGS = {1: "A phone behind a plain NAT router is called (figure 8)",
            2: "The same call through the gateway, inwards (figure 9)",
            3: "A call through the gateway, outwards (figure 9)"}


def main() -> int:
    """The exit code."""
    return run_programme("denwaban demo", __doc__, lambda keep: refuse_mixing(keep) or missing_requirements(), show)


def show(folder: Path) -> int:
    """Play everything and print it; the exit code."""
    from tests.demo.programme import play
    from tests.interop.wide_network import remove_orphans
    remove_orphans()
    print("Carrier, NAT router, gateway and telephones come up, each in a network namespace of its own ...", flush=True)
    return show_steps(play(folder), HEADINGS, lambda verdict, ladder: (
        f"\n=== Step {verdict.step}: {HEADINGS.get(verdict.step, verdict.title)}\n\n{ladder}"))


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
