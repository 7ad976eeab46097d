# SPDX-License-Identifier: Apache-2.0
"""What a test does to a card that is not in the machine: write a slot, change the word which slot is to be tried."""

import re
import subprocess
from pathlib import Path

from board.recipe import BOOT_MIB, FIRST_MIB, SLOT_MIB

MIB = 1 << 20
BLOCK_OCTETS = 4096                                                # of the data partition
SLOT_STARTS = {"A": (FIRST_MIB + BOOT_MIB) * MIB, "B": (FIRST_MIB + BOOT_MIB + SLOT_MIB) * MIB}
DATA_START = (FIRST_MIB + BOOT_MIB + 2 * SLOT_MIB) * MIB


def write_slot(card: Path, slot: str, octets: bytes, offset: int = 0) -> None:
    with card.open("r+b") as file:
        file.seek(SLOT_STARTS[slot] + offset)
        file.write(octets)


def put_on_boot_partition(card: Path, file: Path, name: str) -> None:
    """As anybody can who puts the card into his computer."""
    subprocess.run(["mcopy", "-o", "-i", f"{card}@@{FIRST_MIB}M", file, f"::{name}"], check=True, timeout=60)


def wipe_data(card: Path, octets: int) -> None:
    """Zeros from the start of the data partition on."""
    with card.open("r+b") as file:
        file.seek(DATA_START)
        for left in range(octets, 0, -MIB):
            file.write(bytes(min(left, MIB)))


def spoil_bitmaps(card: Path) -> int:
    """What says which blocks and inodes are taken, in every group, becomes rubbish; how many of them."""
    places = re.findall(r"(?:block|inode) bitmap at (\d+)", run_debugfs(card, ["stats"]))
    with card.open("r+b") as file:
        for place in places:
            file.seek(DATA_START + int(place) * BLOCK_OCTETS)
            file.write(b"\x5a" * BLOCK_OCTETS)
    return len(places)


def check_data(card: Path) -> str:
    """What e2fsck finds, nothing where all is well once the journal is played back."""
    device = f"{card}?offset={DATA_START}"
    subprocess.run(["/sbin/e2fsck", "-p", device], capture_output=True, check=False)
    done = subprocess.run(["/sbin/e2fsck", "-f", "-n", device], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout


def note_slots(card: Path, text: str) -> None:
    """Replaces /boot/slots on the data partition, as the running system would have."""
    run_debugfs(card, ["rm boot/slots"])
    note = card.with_suffix(".slots")
    note.write_text(text)
    run_debugfs(card, [f"write {note} boot/slots"])


def read_slots(card: Path) -> str:
    return run_debugfs(card, ["cat boot/slots"]).strip()


def run_debugfs(card: Path, commands: list[str]) -> str:
    """The file system is looked after first: its journal may hold what the power cut left."""
    device = f"{card}?offset={DATA_START}"
    subprocess.run(["/sbin/e2fsck", "-p", device], capture_output=True, check=False)
    done = subprocess.run(["/sbin/debugfs", "-w", "-f", "-", device], input="\n".join(commands), text=True,
                          capture_output=True, check=True)
    return "\n".join(line for line in done.stdout.splitlines() if not line.startswith("debugfs"))
