# SPDX-License-Identifier: Apache-2.0
"""`make box`: an empty machine becomes the office's router and telephone system, typed on its console at 80 by 24."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.demo.requirements import PATH, missing_requirements

MORE = {"dnsmasq": "dnsmasq-base", "udhcpc": "udhcpc"}


def main() -> int:
    """Exit code: 0 every step has passed, 1 one has not, 2 this machine cannot show it."""
    parser = argparse.ArgumentParser(prog="make box", description=__doc__)
    parser.add_argument("--keep", metavar="DIR", type=Path, help="leave captures, recordings and logs there")
    parsed = parser.parse_args()
    os.environ["PATH"] = f"{os.environ.get('PATH', '')}:{PATH}".lstrip(":")
    reason = missing_requirements() or ", ".join(
        f"not installed: {package}" for program, package in MORE.items() if shutil.which(program, path=PATH) is None)
    if reason:
        print(f"make box: {reason}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGINT, signal.default_int_handler)       # a shell may have started us with it ignored
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = parsed.keep or Path(tempfile.mkdtemp(prefix="denwaban-box-"))
    try:
        return show(folder.resolve())
    except KeyboardInterrupt:
        print("\nmake box: interrupted; everything is taken down", file=sys.stderr)
        return 130
    finally:
        if parsed.keep is None:
            shutil.rmtree(folder, ignore_errors=True)


def show(folder: Path) -> int:
    """Play everything and print it; the exit code."""
    from tests.box.programme import TITLES, play
    from tests.interop.wide_network import remove_orphans
    remove_orphans()
    began = time.monotonic()
    verdicts = []
    print("An empty box, an office, a provider and a carrier come up, each in a network namespace of its own ...",
          flush=True)
    for verdict, screen in play(folder):
        print(f"\n=== Step {verdict.step}: {verdict.title}\n")
        if screen.strip():
            print("\n".join(f"    | {line}" for line in screen.strip().splitlines()) + "\n")
        print("\n".join(verdict.lines()), flush=True)
        verdicts.append(verdict)
    print(f"\n{time.monotonic() - began:.0f} s. " + "  ".join(
        f"step {verdict.step}: {'PASS' if verdict.has_passed else 'FAIL'}" for verdict in verdicts))
    return 0 if len(verdicts) == len(TITLES) and all(verdict.has_passed for verdict in verdicts) else 1


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
