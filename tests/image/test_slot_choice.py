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
umount() {{ :; }}
other_than() {{ if [ "$1" = A ]; then echo B; else echo A; fi; }}
note_mishap() {{ echo "$*" >>denwaban-mishaps; }}
mount_root() {{ case "{mountable}" in *$1*) return 0 ;; *) return 1 ;; esac; }}
"""


class Choice:
    """A folder in the place of the data partition, and the part of `init` that chooses."""

    def __init__(self, folder: Path) -> None:
        self.slots = folder / "slots"
        self._folder = folder
        self.said = ""
        text = (BOARD / "initramfs/init").read_text()
        part = text.partition("# --- the slot ---")[2].partition("# --- the root ---")[0]
        self._part = part.replace("/mnt/data/boot/slots", str(self.slots)).replace("/run/", f"{folder}/")

    def start(self, noted: str | None, mountable: str = "AB", before: str = "", answers: str = "") -> tuple[str, str]:
        """The slot that runs (empty: none) and what is noted then. before: lines of the shell; answers: typed."""
        if noted is not None:
            self.slots.write_text(noted)
        (self._folder / "denwaban-slot").write_text("")
        (self._folder / "denwaban-mishaps").write_text("")
        script = AROUND.format(mountable=mountable) + before + self._part
        self.said = subprocess.run([*SHELL, "-c", f"cd {self._folder}\n#{script}"], check=True, timeout=PATIENCE_S,
                                   capture_output=True, input=answers, text=True).stdout
        running = (self._folder / "denwaban-slot").read_text().strip()
        return running, self.slots.read_text().strip() if self.slots.exists() else ""

    def mishaps(self) -> list[str]:
        """What the last start told the running system."""
        return (self._folder / "denwaban-mishaps").read_text().splitlines()


@pytest.fixture
def choice(tmp_path) -> Choice:
    return Choice(tmp_path)


@pytest.mark.parametrize(("noted", "mountable", "running", "then"), [
    ("A 0 good\n", "AB", "A", "A 1 good"),
    ("B 0 good\n", "AB", "B", "B 1 good"),
    ("B 4 good       \n", "AB", "B", "B 5 good"),
    ("B 5 good\n", "AB", "A", "A 4 refuge"),
    ("B 9 good\n", "AB", "A", "A 4 refuge"),
    ("A 1 refuge\n", "AB", "A", "A 0 refuge"),
    ("B 3 pending\n", "AB", "B", "B 2 pending"),
    ("B 1 pending\n", "AB", "B", "B 0 pending"),
    ("B 0 pending\n", "AB", "A", "A 1 good"),
    ("B 3 pending\n", "A", "A", "A 1 good"),
    ("A 0 good\n", "B", "B", "B 1 good"),
    ("", "AB", "A", "A 1 good"),
    (None, "AB", "A", "A 1 good"),
    ("B 99 pending\n", "AB", "A", "A 1 good"),
    ("\0\0\0\0", "AB", "A", "A 1 good"),
    ("C 0 good; reboot\n", "AB", "A", "A 1 good"),
])
def test_what_is_noted_and_what_can_be_mounted_decide(choice, noted, mountable, running, then):
    assert choice.start(noted, mountable) == (running, then)


def test_a_slot_that_hangs_has_three_starts_and_no_more(choice):
    choice.slots.write_text("B 3 pending\n")
    assert [choice.start(None)[0] for _number in range(5)] == ["B", "B", "B", "A", "A"]


def test_a_good_slot_that_dies_five_times_in_a_row_is_left_and_then_a_person_is_asked(choice):
    started = [choice.start("A 0 good\n")[0], *(choice.start(None)[0] for _number in range(9))]
    assert started == [*"AAAAABBBBB"]
    assert choice.slots.read_text() == "B 0 refuge\n"
    assert choice.start(None, answers="nonsense\nlog\nB\n") == ("B", "B 1 good")
    assert choice.said.count("start> ") == 3
    assert choice.mishaps() == ["slot_failed A", "slot_failed B"]


def test_a_slot_that_has_come_to_its_mark_begins_to_count_anew(choice):
    assert [choice.start("A 4 good\n"), choice.start("A 0 good\n")] == [("A", "A 5 good"), ("A", "A 1 good")]


def test_where_nobody_answers_all_is_tried_again(choice):
    assert choice.start("B 0 refuge\n") == ("A", "A 1 good")
    assert choice.start("B 0 refuge\n", mountable="B") == ("B", "B 1 good")
    assert choice.start("B 0 refuge\n", mountable="")[0] == ""
    assert "rebooted" in choice.said


def test_the_only_slot_of_a_card_is_started_however_often_the_power_goes(choice):
    started = [choice.start("A 0 good\n", mountable="A"), *(choice.start(None, mountable="A") for _number in range(12))]
    assert [slot for slot, _ in started] == ["A"] * 13
    assert choice.slots.read_text() == "A 5 good\n"
    assert "No slot starts by itself" not in choice.said
    assert choice.mishaps() == ["slot_failed A"]


def test_a_slot_that_cannot_be_mounted_is_not_what_a_person_gets(choice):
    assert choice.start("B 0 refuge\n", mountable="B", answers="a\nb\n") == ("B", "B 1 good")
    assert "Slot A cannot be mounted." in choice.said


def test_no_slot_at_all_is_told_to_a_person(choice):
    assert choice.start("A 0 good\n", mountable="")[0] == ""
    assert "No slot starts by itself" in choice.said


def test_tries_are_counted_where_there_is_no_room_for_another_file(choice):
    full = "mv() { return 1; }\n"
    choice.slots.write_text("B 2 pending\n")
    assert [choice.start(None, before=full) for _number in range(4)] == [
        ("B", "B 1 pending"), ("B", "B 0 pending"), ("A", "A 1 good"), ("A", "A 2 good")]


def test_a_slot_whose_tries_cannot_be_counted_is_not_tried(choice, tmp_path):
    cannot_write = "mv() { return 1; }\ndd() { return 1; }\n"
    assert choice.start("B 3 pending\n", before=cannot_write) == ("A", "B 3 pending")
    assert "was not tried" in (tmp_path / "denwaban-slot-fallback").read_text()
