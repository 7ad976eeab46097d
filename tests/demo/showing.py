# SPDX-License-Identifier: Apache-2.0
"""A programme that is shown to a person step by step: its folder, its signals, its verdicts, its exit code."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Protocol

from tests.demo.requirements import PATH


class Verdict(Protocol):
    """Of one step."""

    step: int
    title: str
    has_passed: bool

    def lines(self) -> list[str]:
        """What was claimed, and whether it held."""


Steps = Iterator[tuple[Verdict, str]]
"""A verdict and what is to be seen of it, step by step."""


def run_programme(name: str, explanation: str | None, find_obstacle: Callable[[Path | None], str],
                  show: Callable[[Path], int]) -> int:
    """find_obstacle: why this machine cannot show it, "" where it can. Exit code: 0 every step has passed, 1 one has
    not, 2 this machine cannot show it."""
    parser = argparse.ArgumentParser(prog=name, description=explanation)
    parser.add_argument("--keep", metavar="DIR", type=Path, help="leave captures, recordings and logs there")
    parsed = parser.parse_args()
    os.environ["PATH"] = f"{os.environ.get('PATH', '')}:{PATH}".lstrip(":")
    obstacle = find_obstacle(parsed.keep)
    if obstacle:
        print(f"{name}: {obstacle}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGINT, signal.default_int_handler)       # a shell may have started us with it ignored
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    folder = parsed.keep or Path(tempfile.mkdtemp(prefix=f"denwaban-{name.split()[-1]}-"))
    try:
        return show(folder.resolve())
    except KeyboardInterrupt:
        print(f"\n{name}: interrupted; everything is taken down", file=sys.stderr)
        return 130
    finally:
        if parsed.keep is None:
            shutil.rmtree(folder, ignore_errors=True)


def refuse_mixing(keep: Path | None) -> str:
    """"" for a folder that is empty or not there."""
    if keep and keep.is_dir() and any(keep.iterdir()):
        return f"{keep} is not empty: what is kept there would be mixed with an earlier run's"
    return ""


def show_steps(steps: Iterable[tuple[Verdict, str]], headings: Collection[int],
               draw: Callable[[Verdict, str], str]) -> int:
    """Print each step as it comes; 0 where all of them came and have passed. headings: the steps that there are; draw:
    what stands above the claims."""
    began = time.monotonic()
    verdicts = []
    for verdict, seen in steps:
        print(draw(verdict, seen))
        print("\n".join(verdict.lines()), flush=True)
        verdicts.append(verdict)
    print(f"\n{time.monotonic() - began:.0f} s. " + "  ".join(
        f"step {verdict.step}: {'PASS' if verdict.has_passed else 'FAIL'}" for verdict in verdicts))
    return 0 if len(verdicts) == len(headings) and all(verdict.has_passed for verdict in verdicts) else 1
