# SPDX-License-Identifier: Apache-2.0
"""denwaban-slot on a card of loop devices: whatever moment it is killed at, a slot that is to be tried is whole."""

import os
import platform
import random
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from board.recipe import BOARD

SCRIPT = BOARD / "overlay/usr/lib/denwaban/bin/denwaban-slot"
MIB = 1 << 20
SLOT_MIB, DATA_MIB, ROOT_MIB = 12, 32, 6
PATIENCE_S = 60
KILLS = 12


def has_loop_devices() -> bool:
    """Containers may have none."""
    with tempfile.NamedTemporaryFile() as file:
        file.truncate(MIB)
        found = subprocess.run(["losetup", "--find", "--show", file.name], capture_output=True, text=True, check=False,
                               timeout=PATIENCE_S)
        if found.returncode == 0:
            subprocess.run(["losetup", "--detach", found.stdout.strip()], check=True, timeout=PATIENCE_S)
        return found.returncode == 0


pytestmark = [pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
              pytest.mark.skipif(shutil.which("mksquashfs") is None, reason="mksquashfs is not installed"),
              pytest.mark.skipif(os.geteuid() == 0 and not has_loop_devices(),
                                 reason="needs root to attach loop devices")]


class Card:
    """Slots A and B and a data partition; slot A runs. Everything is mounted in a namespace of the command's own."""

    def __init__(self, folder: Path, at_end: ExitStack) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.data.mkdir()
        (folder / "running").write_text("A\n")
        for number, size in ((2, SLOT_MIB), (3, SLOT_MIB), (4, DATA_MIB)):
            (folder / f"card{number}.img").write_bytes(bytes(size * MIB))
        subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", folder / "card4.img"], check=True, timeout=PATIENCE_S)
        for number in (2, 3, 4):
            found = subprocess.run(["losetup", "--find", "--show", folder / f"card{number}.img"], check=True,
                                   capture_output=True, text=True, timeout=PATIENCE_S).stdout.strip()
            at_end.callback(subprocess.run, ["losetup", "--detach", found], check=False)
            os.mknod(folder / f"card{number}", 0o600 | 0o060000, os.stat(found).st_rdev)
        text = SCRIPT.read_text().replace("/data", str(self.data)).replace("/run/denwaban-slot", f"{folder}/running")
        text = text.replace("/dev/$(cat /run/denwaban-card)", f"{folder}/card4")
        text = text.replace("systemctl", f"{folder}/systemctl").replace(">/dev/console", "")
        self.script = folder / "denwaban-slot"
        self.script.write_text(text)
        self.script.chmod(0o755)
        self.run(f"mkdir {self.data}/boot; echo A 0 good >{self.data}/boot/slots")

    def start(self, command: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", f"mount {self.folder}/card4 {self.data} && {command}"], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)

    def run(self, command: str) -> str:
        return self.start(command).communicate(timeout=PATIENCE_S)[0]

    def install(self, root: Path) -> str:
        return self.run(f"{self.script} install {root}")

    def noted(self) -> str:
        return self.run(f"cat {self.data}/boot/slots").strip()

    def is_in_slot_b(self, root: Path) -> bool:
        with (self.folder / "card3").open("rb") as device:
            return device.read(root.stat().st_size) == root.read_bytes()


def make_root(folder: Path, name: str, release: str) -> Path:
    """A root file system that a slot could hold, incompressible so that writing it takes a while."""
    tree = folder / name
    (tree / "usr/lib/modules" / release).mkdir(parents=True)
    (tree / "content").write_bytes(random.Random(name).randbytes(ROOT_MIB * MIB))
    made = folder / f"{name}.squashfs"
    subprocess.run(["mksquashfs", tree, made, "-quiet", "-no-progress"], check=True, timeout=PATIENCE_S)
    return made


@pytest.fixture
def card(tmp_path) -> Iterator[Card]:
    with ExitStack() as at_end:
        yield Card(tmp_path, at_end)


def test_a_root_is_written_and_noted_for_three_tries(card, tmp_path):
    root = make_root(tmp_path, "new", platform.release())
    assert "slot B will be tried at the next start" in card.install(root)
    assert card.noted() == "B 3 pending"
    assert card.is_in_slot_b(root)
    assert "slot B holds a root file system" in card.run(f"{card.script} status")


def test_what_cannot_run_is_refused_and_the_running_slot_stays(card, tmp_path):
    (tmp_path / "text").write_text("no file system")
    assert "no root file system" in card.install(tmp_path / "text")
    other = make_root(tmp_path, "other-kernel", "0.0.1-of-another-time")
    assert "for another kernel" in card.install(other)
    large = tmp_path / "large.squashfs"
    large.write_bytes(b"hsqs" + bytes(SLOT_MIB * MIB))
    assert "larger than a slot" in card.install(large)
    assert card.noted() == "A 0 good"


def test_killed_at_any_moment_it_leaves_no_half_of_a_root_to_be_tried(card, tmp_path):
    chance = random.Random(7)
    roots = [make_root(tmp_path, name, platform.release()) for name in ("first", "second")]
    card.install(roots[0])
    seen = set()
    for number in range(KILLS):
        root = roots[(number + 1) % 2]
        writing = card.start(f"exec {card.script} install {root}")
        try:
            writing.wait(chance.uniform(0.0, 0.4))
        except subprocess.TimeoutExpired:
            os.killpg(writing.pid, signal.SIGKILL)
        writing.communicate(timeout=PATIENCE_S)
        noted = card.noted()
        seen.add(noted)
        assert noted in ("A 0 good", "B 3 pending"), noted
        if noted == "B 3 pending":
            assert any(card.is_in_slot_b(one) for one in roots)
    assert "slot B will be tried" in card.install(roots[0])
    assert card.is_in_slot_b(roots[0])


def test_on_a_card_without_room_a_slot_becomes_good_all_the_same(card, tmp_path):
    card.install(make_root(tmp_path, "new", platform.release()))
    (tmp_path / "running").write_text("B\n")
    fill = (f"dd if=/dev/zero of={card.data}/filler bs=4k; number=0; "
            f"while echo more >{card.data}/more$number && sync {card.data}; do number=$((number + 1)); done")
    said = card.run(f"{{ {fill}; }} 2>&1; {card.script} good; {card.script} good; {card.script} status; "
                    f"ls {card.data}/boot")
    assert "No space left" in said
    assert "slot B runs; noted: B 0 good" in said
    assert said.endswith("\nslots\n")
    assert card.noted() == "B 0 good"


IS_READY, IS_NOT_READY = "exit 0", 'case "$*" in *reboot*) echo "$*" ;; *) exit 3 ;; esac'


@pytest.mark.parametrize(("noted", "then", "is_restarted"), [
    ("A 1 pending", "A 0 pending", True),
    ("A 1 good", "A 3 good", True),
    ("A 4 good", "A 6 good", True),
    ("A 9 good", "A 5 good", True),
    ("A 4 refuge", "A 0 good", False),
    ("B 3 pending", "B 3 pending", False),
])
def test_a_slot_without_a_call_server_is_left_in_time_and_never_for_ever(card, tmp_path, noted, then, is_restarted):
    card.install(make_root(tmp_path, "other", platform.release()))
    said = doubt(card, tmp_path, noted, IS_NOT_READY)
    assert card.noted() == then
    assert ("--no-block reboot" in said) == is_restarted, said


def test_where_there_is_no_other_slot_the_machine_stays_on_with_its_console(card, tmp_path):
    assert "there is no other slot" in doubt(card, tmp_path, "A 1 good", IS_NOT_READY)
    assert card.noted() == "A 1 good"


@pytest.mark.parametrize(("noted", "then"), [
    ("A 3 good", "A 0 good"), ("A 0 good", "A 0 good"), ("A 2 pending", "A 2 pending"), ("B 2 good", "B 2 good")])
def test_a_ready_call_server_lets_the_starts_of_a_good_slot_count_anew(card, noted, then):
    card.run(f"echo {noted} >{card.data}/boot/slots; {card.script} ready")
    assert card.noted() == then


def test_a_slot_that_has_proved_itself_is_not_doubted(card, tmp_path):
    assert doubt(card, tmp_path, "A 0 good", IS_READY) == ""
    assert card.noted() == "A 0 good"


def doubt(card: Card, folder: Path, noted: str, systemctl: str) -> str:
    (folder / "systemctl").write_text(f"#!/bin/sh\n{systemctl}\n")
    (folder / "systemctl").chmod(0o755)
    card.script.write_text(card.script.read_text().replace("sleep 45", "true"))
    return card.run(f"echo {noted} >{card.data}/boot/slots; {card.script} doubt")
