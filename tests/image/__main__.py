# SPDX-License-Identifier: Apache-2.0
"""`make image-test`: the image in the emulator, from the first start to a broken slot."""

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from appliance.version import VERSION
from board.recipe import BUILD, CHECKOUT
from tests.demo.requirements import PATH

PROGRAMS = {"qemu-system-aarch64": "qemu-system-arm", "baresip": "baresip-core", "dnsmasq": "dnsmasq-base",
            "ip": "iproute2", "ssh": "openssh-client", "mcopy": "mtools"}


def main() -> int:
    """Exit code: 0 every step has passed, 1 one has not, 2 this machine cannot show it."""
    parser = argparse.ArgumentParser(prog="make image-test", description=__doc__)
    parser.add_argument("--keep", metavar="DIR", type=Path, help="leave the card and the logs there")
    parser.add_argument("--cuts", type=int, default=10, help="how often the power is cut")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the moments of the cuts")
    parser.add_argument("--only", metavar="STEP", type=int, nargs="+", default=[],
                        help="these steps, and the ones they stand on")
    parsed = parser.parse_args()
    os.environ["PATH"] = f"{os.environ.get('PATH', '')}:{PATH}".lstrip(":")
    image = CHECKOUT / "build" / f"denwaban-{VERSION}-arm64.img"
    missing = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    if os.geteuid() != 0 or missing or not image.is_file():
        print("make image-test: " + ("needs root" if os.geteuid() != 0 else f"not installed: {' '.join(missing)}"
                                     if missing else "make image comes first"), file=sys.stderr)
        return 2
    folder = parsed.keep or Path(tempfile.mkdtemp(prefix="denwaban-image-"))
    try:
        return show(folder.resolve(), image, parsed)
    finally:
        if parsed.keep is None:
            shutil.rmtree(folder, ignore_errors=True)


def show(folder: Path, image: Path, parsed: argparse.Namespace) -> int:
    """Play everything and print it; the exit code."""
    from tests.image.programme import ACTS, NEEDED, play
    from tests.interop.wide_network import remove_orphans
    remove_orphans()
    began = time.monotonic()
    print(f"{image.name} in the emulator; seed {parsed.seed}", flush=True)
    verdicts = []
    for verdict in play(folder, BUILD, image, parsed.cuts, parsed.seed, parsed.only):
        print(f"\n=== Step {verdict.step}: {verdict.title}\n" + "\n".join(verdict.lines()), flush=True)
        verdicts.append(verdict)
    print(f"\n{time.monotonic() - began:.0f} s. " + "  ".join(
        f"step {verdict.step}: {'PASS' if verdict.has_passed else 'FAIL'}" for verdict in verdicts))
    wanted = len({*parsed.only, *NEEDED} if parsed.only else ACTS)
    return 0 if len(verdicts) == wanted and all(verdict.has_passed for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
