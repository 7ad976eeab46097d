# SPDX-License-Identifier: Apache-2.0
"""Programs of the suite itself, run natively on the board's files: their versions are the board's, this machine's may
not be."""

import subprocess
from pathlib import Path

SHOWN = "/mnt"


def run_natively(native: Path, shown: Path, *command: str) -> None:
    """A command in the native root, where `shown` stands at /mnt. What it complains of without failing is not shown:
    most of it is that /proc is not there. Raises RuntimeError where it fails."""
    place = f"{native}{SHOWN}"
    subprocess.run(["mount", "--bind", shown, place], check=True)
    try:
        done = subprocess.run(["chroot", native, *command], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command[:2])}: {(done.stdout + done.stderr).strip()[-1000:]}")
    finally:
        subprocess.run(["umount", place], check=True)
