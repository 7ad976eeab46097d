# SPDX-License-Identifier: Apache-2.0
"""`make demo`: a plain NAT fails and shows why, the gateway works; ladders, measured voices, a verdict a step."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.demo.requirements import PATH, missing_requirements

HEADINGS = {1: "A phone behind a plain NAT router is called (figure 8)",
            2: "The same call through the gateway, inwards (figure 9)",
            3: "A call through the gateway, outwards (figure 9)"}


def main() -> int:
    """Exit code: 0 every step has passed, 1 one has not, 2 this machine cannot show it."""
    parser = argparse.ArgumentParser(prog="denwaban demo", description=__doc__)
    parser.add_argument("--keep", metavar="DIR", type=Path, help="leave captures, recordings and logs there")
    parsed = parser.parse_args()
    os.environ["PATH"] = f"{os.environ.get('PATH', '')}:{PATH}".lstrip(":")
    reason = missing_requirements()
    if parsed.keep and parsed.keep.is_dir() and any(parsed.keep.iterdir()):
        reason = f"{parsed.keep} is not empty: what is kept there would be mixed with an earlier run's"
    if reason:
        print(f"denwaban demo: {reason}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGINT, signal.default_int_handler)       # a shell may have started us with it ignored
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    folder = parsed.keep or Path(tempfile.mkdtemp(prefix="denwaban-demo-"))
    try:
        return show(folder.resolve())
    except KeyboardInterrupt:
        print("\ndenwaban demo: interrupted; everything is taken down", file=sys.stderr)
        return 130
    finally:
        if parsed.keep is None:
            shutil.rmtree(folder, ignore_errors=True)


def show(folder: Path) -> int:
    """Play everything and print it; the exit code."""
    from tests.demo.programme import play
    from tests.interop.wide_network import remove_orphans
    remove_orphans()
    began = time.monotonic()
    verdicts = []
    print("Carrier, NAT router, gateway and telephones come up, each in a network namespace of its own ...", flush=True)
    for verdict, ladder in play(folder):
        print(f"\n=== Step {verdict.step}: {HEADINGS.get(verdict.step, verdict.title)}\n")
        print(ladder)
        print("\n".join(verdict.lines()), flush=True)
        verdicts.append(verdict)
    print(f"\n{time.monotonic() - began:.0f} s. " + "  ".join(
        f"step {verdict.step}: {'PASS' if verdict.has_passed else 'FAIL'}" for verdict in verdicts))
    return 0 if len(verdicts) == len(HEADINGS) and all(verdict.has_passed for verdict in verdicts) else 1


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(main())
