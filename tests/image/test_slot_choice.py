# SPDX-License-Identifier: Apache-2.0
"""The slot that the initial RAM disk starts, by what is noted on the card and what can be mounted."""

import shutil
import subprocess
from pathlib import Path

import pytest

from board.recipe import BOARD

SHELL = ["busybox", "sh"] if shutil.which("busybox") else ["sh"]
PATIENCE_S = 60
AROUND = """
log() {{ echo "$*"; }}
reboot() {{ echo rebooted; exit 0; }}
sleep() {{ :; }}
other_than() {{ if [ "$1" = A ]; then echo B; else echo A; fi; }}
mount_root() {{ case "{mountable}" in *$1*) return 0 ;; *) return 1 ;; esac; }}
"""


class Choice:
    """A folder in the place of the data partition, and the part of `init` that chooses."""

    def __init__(self, folder: Path) -> None:
        self.slots = folder / "slots"
        self._folder = folder
        text = (BOARD / "initramfs/init").read_text()
        part = text.partition("# --- the slot ---")[2].partition("# --- the root ---")[0]
        self._part = part.replace("/mnt/data/boot/slots", str(self.slots)).replace("/run/", f"{folder}/")

    def start(self, noted: str | None, mountable: str = "AB", before: str = "") -> tuple[str, str]:
        """The slot that runs (empty: none) and what is noted then. before: lines of the shell."""
        if noted is not None:
            self.slots.write_text(noted)
        (self._folder / "denwaban-slot").write_text("")
        script = AROUND.format(mountable=mountable) + before + self._part
        subprocess.run([*SHELL, "-c", f"cd {self._folder}\n#{script}"], check=True, timeout=PATIENCE_S,
                       capture_output=True)
        running = (self._folder / "denwaban-slot").read_text().strip()
        return running, self.slots.read_text().strip() if self.slots.exists() else ""


@pytest.fixture
def choice(tmp_path) -> Choice:
    return Choice(tmp_path)


@pytest.mark.parametrize(("noted", "mountable", "running", "then"), [
    ("A 0 good\n", "AB", "A", "A 0 good"),
    ("B 0 good\n", "AB", "B", "B 0 good"),
    ("B 0 good       \n", "AB", "B", "B 0 good"),
    ("B 3 pending\n", "AB", "B", "B 2 pending"),
    ("B 1 pending\n", "AB", "B", "B 0 pending"),
    ("B 0 pending\n", "AB", "A", "A 0 good"),
    ("B 3 pending\n", "A", "A", "A 0 good"),
    ("A 0 good\n", "B", "B", "B 0 good"),
    ("A 0 good\n", "", "", "A 0 good"),
    ("", "AB", "A", ""),
    (None, "AB", "A", ""),
    ("B 99 pending\n", "AB", "A", "B 99 pending"),
    ("\0\0\0\0", "AB", "A", "\0\0\0\0"),
    ("C 0 good; reboot\n", "AB", "A", "C 0 good; reboot"),
])
def test_what_is_noted_and_what_can_be_mounted_decide(choice, noted, mountable, running, then):
    assert choice.start(noted, mountable) == (running, then)


def test_a_slot_that_hangs_has_three_starts_and_no_more(choice):
    choice.slots.write_text("B 3 pending\n")
    assert [choice.start(None)[0] for _number in range(5)] == ["B", "B", "B", "A", "A"]


def test_tries_are_counted_where_there_is_no_room_for_another_file(choice):
    full = "mv() { return 1; }\n"
    choice.slots.write_text("B 2 pending\n")
    assert [choice.start(None, before=full) for _number in range(4)] == [
        ("B", "B 1 pending"), ("B", "B 0 pending"), ("A", "A 0 good"), ("A", "A 0 good")]


def test_a_slot_whose_tries_cannot_be_counted_is_not_tried(choice, tmp_path):
    cannot_write = "mv() { return 1; }\ndd() { return 1; }\n"
    assert choice.start("B 3 pending\n", before=cannot_write) == ("A", "B 3 pending")
    assert "was not tried" in (tmp_path / "denwaban-slot-fallback").read_text()
