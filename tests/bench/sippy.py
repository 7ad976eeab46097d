# SPDX-License-Identifier: Apache-2.0
"""sippy's B2BUA from PyPI, in a virtual environment of its own under build/: every call goes to the carrier's address.

Without its relay, which no distribution has: it neither opens ports nor rewrites sessions for them, which favours it.
"""

import subprocess
import sys
from pathlib import Path

from tests.bench.servers import CARRIER, HOST, Server

VERSION = "2.5.0"
ENVIRONMENT = Path(__file__).parents[2] / "build" / f"sippy-{VERSION}"
PROGRAM = ENVIRONMENT / "bin" / "b2bua_simple"
INSTALL_LIMIT_S = 180.0


class Sippy(Server):
    """Its simplest program, without logs and without accounting."""

    name = "sippy's b2bua"

    def prepare(self, extensions: int) -> list[str]:
        return ["env", "SIPLOG_BEND=none", str(PROGRAM), "-f", "-l", HOST, "-p", str(self.port), "-n", CARRIER]

    def wait_until_ready(self) -> None:
        self.wait_for_answer()


def install_sippy() -> bool:
    """Whether it is there; it is fetched the first time, before the benchmark leaves the network."""
    if PROGRAM.exists():
        return True
    try:
        for command in ([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)],
                        [str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "install", "--quiet",
                         "--disable-pip-version-check", f"sippy=={VERSION}"]):
            subprocess.run(command, check=True, timeout=INSTALL_LIMIT_S)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"sippy is not measured: {error}", file=sys.stderr)
        return False
    return PROGRAM.exists()
