# SPDX-License-Identifier: Apache-2.0
"""`make box`: an empty machine becomes the office's router and telephone system, typed on its console at 80 by 24."""

import os
import shutil
import sys
from pathlib import Path

from tests.demo.requirements import PATH, missing_requirements
from tests.demo.showing import Verdict, refuse_mixing, run_programme, show_steps

MORE = {"dnsmasq": "dnsmasq-base", "udhcpc": "udhcpc"}


def main() -> int:
    """The exit code."""
    return run_programme("make box", __doc__, find_obstacle, show)


def find_obstacle(keep: Path | None) -> str:
    """Why it cannot be shown."""
    return refuse_mixing(keep) or missing_requirements() or ", ".join(
        f"not installed: {package}" for program, package in MORE.items() if shutil.which(program, path=PATH) is None)


def show(folder: Path) -> int:
    """Play everything and print it; the exit code."""
    from tests.box.programme import TITLES, play
    from tests.interop.wide_network import remove_orphans
    remove_orphans()
    print("An empty box, an office, a provider and a carrier come up, each in a network namespace of its own ...",
          flush=True)
    return show_steps(play(folder), TITLES, draw_screen)


def draw_screen(verdict: Verdict, screen: str) -> str:
    """The step's title, and what stood on the console."""
    lines = [f"\n=== Step {verdict.step}: {verdict.title}\n"]
    if screen.strip():
        lines += [*(f"    | {line}" for line in screen.strip().splitlines()), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
