# SPDX-License-Identifier: Apache-2.0
"""Programs of the suite itself, run natively on the board's files: their versions are the board's, this machine's may
not be."""

import subprocess
from pathlib import Path

SHOWN = "/mnt"


def run_natively(native: Path, shown: Path, *command: str) -> None:
    """A command in the native root, where `shown` stands at /mnt."""
    place = f"{native}{SHOWN}"
    subprocess.run(["mount", "--bind", shown, place], check=True)
    try:
        subprocess.run(["chroot", native, *command], check=True)
    finally:
        subprocess.run(["umount", place], check=True)
