# SPDX-License-Identifier: Apache-2.0
"""What happens to a card: the power goes at any moment, the data partition is full or broken, a slot is."""

import random
import re
import shutil
from pathlib import Path

from tests.demo.report import Verdict
from tests.image.access import Access
from tests.image.card import MIB, check_data, note_slots, put_on_boot_partition, read_slots, wipe_data, write_slot
from tests.image.everyday import check_call, configure
from tests.image.life import PATIENCE_S, Life
from tests.image.machine import CONFIGURATION, Machine
from tests.interop.network import wait_until

FIRST_CUTS = 3
FIRST_BLOCKS = 8192                                                # superblock and descriptors of ext4, not yet inodes
FIRST_START_S = (3.0, 75.0)                                        # from the kernel's first word to what comes last
FILL = "dd if=/dev/zero of=/data/filler bs=1M 2>&1 | tail -n 1; sync; df /data | tail -n 1"
COPY_ROOT = """set -e
size=$(od -A n -t u8 -j 40 -N 8 /dev/vda2)
head -c $(((size + 4095) / 4096 * 4096)) /dev/vda2 >/data/root.squashfs
sync"""
INSTALL = "/usr/lib/denwaban/bin/denwaban-slot install /data/root.squashfs"
STATUS = "/usr/lib/denwaban/bin/denwaban-slot status"


def cut_power(life: Life, verdict: Verdict) -> None:
    """Half of the cuts come right after `commit complete`, half while a commit is under way."""
    chance = random.Random(life.seed)
    kept: list[str] = []
    for number in range(1, life.cuts + 1):
        name = f"30{number:02}"
        life.machine.type("configure", CONFIGURATION, PATIENCE_S)
        life.machine.type(f"set extension {name} secret cut-{name}-secret", CONFIGURATION, PATIENCE_S)
        is_in_flight = number % 2 == 0
        if is_in_flight:
            life.machine.send("commit")
            delay_s = chance.uniform(0.0, 3.0)
            life.machine.read_for(delay_s)
        else:
            said = life.machine.type("commit", CONFIGURATION, PATIENCE_S)
            assert "commit complete" in said, said
            kept.append(name)
        took_s = life.restart()
        there = life.extensions()
        lost = [one for one in [*life.secrets, *kept] if one not in there]
        strange = there - set(life.secrets) - set(kept) - {name}
        if name in there and name not in kept:
            kept.append(name)
        when = f"{delay_s:.1f} s into a commit" if is_in_flight else "right after a commit"
        verdict.claim(not lost and not strange, f"cut {number}, {when}: back after {took_s:.0f} s, {len(there)} "
                                                f"extensions{', LOST ' + ' '.join(lost) if lost else ''}")


def fill_data(life: Life, verdict: Verdict) -> None:
    """Not an octet is left, for root neither; the power goes; calls work, commits are refused until there is room."""
    life.wait_for_ssh()
    before = life.extensions()
    full = life.as_root(FILL)
    verdict.claim("100%" in full, f"the data partition is full: {full.splitlines()[-1]}")
    took_s = life.restart()
    verdict.claim(life.extensions() == before, f"console after {took_s:.0f} s, all {len(before)} extensions are there")
    check_call(life, verdict, "on the full card")
    said = configure_refused(life, "set extension 3900 secret no-room-for-this")
    verdict.claim("commit complete" not in said and bool(re.search("space|room|full", said, re.IGNORECASE)),
                  f"a commit is refused: {' '.join(said.split())[:200]}")
    verdict.claim(life.extensions() == before, "nothing is lost")
    verdict.voices.append(f"show alarms: {' '.join(life.show('show alarms').split())[:300]}")
    life.wait_for_ssh()
    life.as_root("rm /data/filler; sync")
    said = configure(life, "set extension 3900 secret room-again-for-this")
    verdict.claim("commit complete" in said and "3900" in life.extensions(), "with room again it is taken")


def configure_refused(life: Life, line: str) -> str:
    """What a commit says that does not go through; the candidate is thrown away."""
    life.machine.type("configure", CONFIGURATION, PATIENCE_S)
    life.machine.type(line, CONFIGURATION, PATIENCE_S)
    said = life.machine.type("commit", CONFIGURATION, PATIENCE_S)
    life.machine.type("rollback 0", CONFIGURATION, PATIENCE_S)
    life.machine.type("exit", limit_s=PATIENCE_S)
    return said


def change_slot(life: Life, verdict: Verdict) -> None:
    """The power goes while the other slot is written, and while it is tried."""
    chance = random.Random(life.seed)
    life.wait_for_ssh()
    life.as_root(COPY_ROOT)
    writing = life.access.start_as_root(life.address(), INSTALL)
    delay_s = chance.uniform(0.5, 8.0)
    life.machine.read_for(delay_s)
    life.machine.power_off()
    writing.kill()                                                 # nobody tells it that the other end is gone
    writing.communicate()
    took_s = life.start()
    life.wait_for_ssh()
    said = "; ".join(life.as_root(STATUS).splitlines())
    verdict.claim(bool(re.match("slot A runs; noted: A [01] good|slot B runs", said)),
                  f"cut {delay_s:.1f} s into the writing of slot B, back after {took_s:.0f} s: {said}")
    goal = "A" if life.running_slot() == "B" else "B"
    said = life.as_root(INSTALL)
    verdict.claim(f"slot {goal} will be tried" in said, said.strip())
    life.machine.power_off()
    life.machine.power_on()
    delay_s = chance.uniform(*FIRST_START_S)
    life.machine.read_for(delay_s)
    took_s = life.restart()
    verdict.claim(life.running_slot() == goal,
                  f"cut {delay_s:.0f} s into its first start: the next one is its own again, after {took_s:.0f} s")
    life.wait_for_ssh()
    wait_until(lambda: f"noted: {goal} 0 good" in life.as_root(STATUS), PATIENCE_S, "the slot to have proved itself")
    verdict.claim(True, f"it has proved itself: {life.as_root(STATUS).splitlines()[0]}")
    life.as_root("rm /data/root.squashfs; sync")


def break_card(life: Life, verdict: Verdict) -> None:
    """A slot that is no file system, one that dies, a data partition without its first blocks, one without any."""
    before = life.extensions()
    life.machine.power_off()
    root = (life.build / "root.squashfs").read_bytes()
    write_slot(life.card, "A", root)
    write_slot(life.card, "B", random.Random(life.seed).randbytes(MIB))
    note_slots(life.card, "B 2 pending\n")
    wipe_data(life.card, FIRST_BLOCKS)
    took_s = life.start()
    verdict.claim(life.running_slot() == "A", f"slot B is no file system: slot A, after {took_s:.0f} s")
    wait_until(lambda: life.extensions(), PATIENCE_S, "the services")
    verdict.claim("The data partition had errors" in life.machine.kernel_log() and life.extensions() == before,
                  "its superblock and what stands beside it were zeros: it is repaired, and said on the console")
    life.machine.power_off()
    middle = len(root) * 3 // 4       # its tables stand at the end: it can be mounted, and nothing in it be read
    write_slot(life.card, "B", root[:4096] + bytes(middle - 4096) + root[middle:])
    note_slots(life.card, "B 1 pending\n")
    took_s = life.start()
    verdict.claim(life.running_slot() == "A", f"slot B dies when it starts: slot A, after {took_s:.0f} s")
    life.machine.power_off()
    verdict.claim(read_slots(life.card) in ("A 0 good", "A 1 good"), f"noted on the card: {read_slots(life.card)}")
    wipe_data(life.card, life.card.stat().st_size - 800 * MIB)
    took_s = life.start()
    verdict.claim("The data partition of the card is unreadable" in life.machine.kernel_log(),
                  f"no data partition at all: console after {took_s:.0f} s, which says so")
    wait_until(lambda: "set network managed true" in life.show("show configuration"), PATIENCE_S, "the services")
    verdict.claim(not life.extensions(), "it runs with nothing, in RAM")
    life.machine.power_off()


def cut_first_start(life: Life, verdict: Verdict) -> None:
    """A fresh card, cut off again and again before it has started once; then it is left alone."""
    life.machine.close()
    chance = random.Random(life.seed + 1)
    card = life.folder / "second-card.img"
    shutil.copyfile(life.folder / "fresh.img", card)
    access = Access(life.folder, life.access.namespace, "known-second")
    put_on_boot_partition(card, life.folder / "operator.pub", "operator.pub")
    life.machine = Machine(card, life.build, life.machine.network, life.folder / "serial-second.log",
                           access.credential())
    life.card, life.access = card, access
    for number in range(1, FIRST_CUTS + 1):
        life.machine.power_on()
        delay_s = chance.uniform(*FIRST_START_S)
        life.machine.read_for(delay_s)
        life.machine.power_off()
        wrong = check_data(card)
        verdict.claim(not wrong, f"cut {number}, {delay_s:.0f} s after power: the file system is whole {wrong[-200:]}")
    took_s = life.start()
    said = life.show("show configuration")
    verdict.claim("set network managed true" in said and "set system operator card ssh-key" in said,
                  f"then its console comes after {took_s:.0f} s, with its first configuration")
    life.wait_for_ssh()
    size = int(life.as_root("df --output=size -m /data | tail -n 1"))
    verdict.claim(size > 1000, f"the data partition has grown to {size} MiB")
    verdict.claim("lan" in access.ssh("operator", f"technician@{life.address()}", "show interfaces").stdout,
                  "its SSH key is made, and the operator gets in")
    keys = life.as_root("ls /data/ssh; cat /data/boot/slots; wc -c </data/boot/machine-id").split()
    verdict.claim(keys[-2:] == ["good", "33"] and "new" not in keys, f"nothing is half made: {' '.join(keys)}")
    life.machine.power_off()


def keep_fresh(image: Path, card: Path, octets: int) -> None:
    """The image on a card of that size."""
    shutil.copyfile(image, card)
    with card.open("r+b") as file:
        file.truncate(octets)
