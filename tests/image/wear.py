# SPDX-License-Identifier: Apache-2.0
"""A card that wears out: errors while it runs, broken bitmaps, one that takes no writing; and good slots that die."""

import re

from tests.demo.report import Verdict
from tests.image.card import note_slots, read_slots, spoil_bitmaps, write_slot
from tests.image.everyday import check_call, configure
from tests.image.life import PATIENCE_S, Life
from tests.image.machine import BOOT_LIMIT_S
from tests.image.mishaps import STATUS, configure_refused
from tests.interop.network import wait_until

MEET_ERROR = "echo of a test >/sys/fs/ext4/$(cat /run/denwaban-card)/trigger_fs_error; sync; dmesg | tail -n 3"
NO_CALL_SERVER = """systemctl mask --runtime --now denwaban-callserver.service
systemctl stop denwaban-slot-good.service
systemctl start --no-block denwaban-slot-doubt.service"""
REPAIRED, FAILING, UNWRITABLE = "was repaired at the start", "has met errors since the start", "takes no writing"
STARTS = 5
NEW_PHONE, ANOTHER = "set extension 3800 secret nobody-keeps-this-one", "set extension 3801 secret gone-with-the-power"
KEPT = "3800"
RESETS_S = 1800.0                                                   # six starts in a row, on a busy host


def wear_out(life: Life, verdict: Verdict) -> None:
    """An error while it runs, bitmaps that are broken at the start, a card that takes no writing any more."""
    before = life.extensions()
    life.wait_for_ssh()
    life.as_root(MEET_ERROR)
    life.machine.drain()                                           # the kernel says it on the serial line as well
    said = life.show("show alarms")
    verdict.claim(FAILING in said, f"an error while it runs is an alarm: {' '.join(said.split())[:150]}")
    check_call(life, verdict, "with a file system that has given up")
    said = configure_refused(life, NEW_PHONE)
    verdict.claim("commit complete" not in said, f"a commit is refused: {' '.join(said.split())[:200]}")
    life.machine.power_off()
    took_s = start_whole(life)
    verdict.claim(life.extensions() == before and REPAIRED in life.show("show alarms"),
                  f"the next start repairs it, console after {took_s:.0f} s, and says so in an alarm")
    life.machine.power_off()
    spoiled = spoil_bitmaps(life.card)
    took_s = start_whole(life)
    verdict.claim(life.extensions() == before and REPAIRED in life.show("show alarms"),
                  f"{spoiled} broken bitmaps: repaired, nothing is lost, console after {took_s:.0f} s")
    said = configure(life, NEW_PHONE)
    verdict.claim("commit complete" in said, "a commit is taken again")
    life.machine.power_off()                                       # its journal is not played back yet
    life.machine.is_card_locked = True
    took_s = start_whole(life)
    said = life.show("show alarms")
    verdict.claim(UNWRITABLE in said and life.extensions() >= before,
                  f"a locked card with an open journal: console after {took_s:.0f} s, telephones as before, an alarm")
    check_call(life, verdict, "from a locked card")
    said = configure(life, ANOTHER)
    verdict.claim("commit complete" in said, "what is set is in RAM")
    life.machine.power_off()
    life.machine.is_card_locked = False
    start_whole(life)
    verdict.claim(life.extensions() == before | {KEPT} and "no alarms" in life.show("show alarms"),
                  "unlocked: the journal is played back, all is as it was before, and no alarm is left")
    configure(life, f"delete extension {KEPT}")


def die_young(life: Life, verdict: Verdict) -> None:
    """A good slot dies at each start: the other one. That dies as well: a person is asked. No call server: again."""
    life.machine.power_off()
    root = (life.build / "root.squashfs").read_bytes()
    middle = len(root) * 3 // 4       # its tables stand at the end: it can be mounted, and nothing in it be read
    dying = root[:4096] + bytes(middle - 4096) + root[middle:]
    write_slot(life.card, "A", dying)
    write_slot(life.card, "B", root)
    note_slots(life.card, "A 0 good\n")
    before = len(life.machine.kernel_log())
    took_s = start_whole(life, RESETS_S)
    runs = re.findall(r"slot ([AB]) runs", life.machine.kernel_log()[before:])
    verdict.claim(runs == [*"A" * STARTS, "B"],
                  f"a good slot that dies: {' '.join(runs)}, console after {took_s:.0f} s")
    said = life.show("show alarms")
    verdict.claim("slot A of the card has failed" in said, f"an alarm says so: {' '.join(said.split())[:120]}")
    wait_for_mark(life, verdict, "B")
    life.machine.power_off()
    verdict.claim(read_slots(life.card) == "B 0 good", f"noted on the card: {read_slots(life.card)}")
    write_slot(life.card, "B", dying)
    note_slots(life.card, "A 5 good\n")
    life.machine.power_on()
    life.machine.expect("start> ", RESETS_S)
    verdict.claim(True, f"both die: a person is asked on the serial line, after {life.machine.seconds_on():.0f} s")
    said = life.machine.type("log", "start> ", PATIENCE_S)
    verdict.claim("a person is asked" in said, "who can see what the kernel has said")
    write_slot(life.card, "B", root)
    life.machine.send("B")
    life.machine.wait_console(RESETS_S)
    verdict.claim(life.running_slot() == "B", "and choose a slot")
    wait_for_mark(life, verdict, "B")
    life.machine.power_off()
    write_slot(life.card, "A", root)
    start_whole(life)
    wait_for_mark(life, verdict, "B")
    life.as_root(NO_CALL_SERVER)
    life.machine.expect("does not get ready: starting again", RESETS_S)
    life.machine.expect("slot B runs", RESETS_S)
    life.machine.wait_console(RESETS_S)
    wait_for_mark(life, verdict, "B")
    verdict.claim(True, "a call server that does not get ready: started again, and the slot proves itself")


def start_whole(life: Life, limit_s: float = BOOT_LIMIT_S) -> float:
    """Until the call server answers as well; seconds from power to console."""
    life.machine.power_on()
    took_s = life.machine.wait_console(limit_s)
    wait_until(lambda: "messages" in life.show("show statistics"), PATIENCE_S, "the call server")
    return took_s


def wait_for_mark(life: Life, verdict: Verdict, slot: str) -> None:
    life.wait_for_ssh()
    wait_until(lambda: f"noted: {slot} 0 good" in life.as_root(STATUS), PATIENCE_S, "the slot to have proved itself")
    verdict.claim(True, f"it has proved itself: {life.as_root(STATUS).splitlines()[0]}")
