# SPDX-License-Identifier: Apache-2.0
"""What a card is for: the first start, the wizard, a call, operators over SSH, a handset on the box."""

import re

from tests.demo.report import Verdict
from tests.image.access import LATER, OPERATOR, STRANGER
from tests.image.life import DOMAIN, PATIENCE_S, PHONES, Life, establish
from tests.image.machine import CONFIGURATION, PROMPT
from tests.interop.network import wait_until
from tests.interop.sound import likeness

HEARD = 0.7                                                        # its clock stumbles; a real board's does not
DESK = "3001"
SHORT_LINE = 60
PINS = """set -e
modprobe gpio-sim
place=/sys/kernel/config/gpio-sim/pins
mkdir -p $place/bank0
echo 8 >$place/bank0/num_lines
echo 1 >$place/live
echo $(cat $place/bank0/chip_name) /sys/devices/platform/$(cat $place/dev_name)/$(cat $place/bank0/chip_name)
"""
"""A GPIO chip of the kernel whose pins a test can pull and see: a hook switch that nobody has to lift."""
SCHEDULING = """pid=$(systemctl show -p MainPID --value denwaban-handset)
for task in /proc/$pid/task/*; do echo "$(cat $task/comm) $(chrt -p ${task##*/} | tr '\\n' ' ')"; done"""
REAL_TIME = re.compile(r"SCHED_(?:FIFO|RR)\S*.*priority: [1-9]")
MEMORY = "free -m | sed -n 2p"


def first_start(life: Life, verdict: Verdict) -> None:
    took_s = life.start()
    verdict.claim(True, f"console on the serial line after {took_s:.0f} s (emulated)")
    wait_until(lambda: "messages" in life.show("show statistics"), PATIENCE_S, "the call server")
    verdict.claim(True, f"the call server answers after {life.machine.seconds_on():.0f} s")
    said = life.show("show configuration")
    verdict.claim("set network managed true" in said and "set extension" not in said,
                  "the safe default: the network is ours, nobody has a telephone yet")
    verdict.claim("set system operator card ssh-key" in said, "the key that was put on the card is an operator's")
    wait_until(lambda: life.address() in life.show("show interfaces"), PATIENCE_S, "its address")
    verdict.claim(True, f"show interfaces: {life.address()}, which the router gave")
    life.wait_for_ssh()
    said = life.as_root("cd /sys/class/watchdog/watchdog0; cat state timeout").split()
    verdict.claim(said == ["active", "30"], f"the watchdog is fed by systemd: {' '.join(said)} s")
    verdict.voices.append(f"memory with nothing configured: {read_memory(life)}")


def read_memory(life: Life) -> str:
    total, used, *_rest = life.as_root(MEMORY).split()[1:]
    return f"{used} of {total} MiB used"


def set_up(life: Life, verdict: Verdict) -> None:
    machine = life.machine
    machine.type("setup", "Language", PATIENCE_S)
    for answer, question in (("", "Country"), ("", "How many telephones"), ("2", "Outside line"),
                             ("none", "Make it run")):
        machine.type(answer, question, PATIENCE_S)
    said = machine.type("yes", "Keep it", PATIENCE_S)
    verdict.claim("commit complete" in said, "the wizard: commit complete, on trial")
    cards = machine.type("yes", PROMPT, PATIENCE_S)
    life.secrets = dict(re.findall(r"Extension\s+(\d+)\s*\n\|\s*Password\s+(\S+)", cards))
    verdict.claim(len(life.secrets) == 2, f"cards for {', '.join(life.secrets) or 'nobody'}")


def call(life: Life, verdict: Verdict) -> None:
    with life.telephones() as (first, second):
        verdict.claim(True, "both have registered")
        establish(first, second)
        said = life.show("show calls")
        verdict.claim(first.account.user in said, "show calls has it")
        wait_until(lambda: re.search(r"[1-9]\d{2,}", life.show("show call 1")), PATIENCE_S, "voice in it")
        verdict.voices.append(f"memory in a call of two telephones: {read_memory(life)}")
        first.hang_up()
        second.wait("CALL_CLOSED", timeout_s=PATIENCE_S)
        for hearer, speaker in ((first, "phone-2"), (second, "phone-1")):
            score = likeness(life.voice(speaker), hearer.heard())
            verdict.claim(score >= HEARD, f"{hearer.account.user} heard the other one: {score:.3f}")


def log_in(life: Life, verdict: Verdict) -> None:
    """Operators over SSH. In the machine there are no users but ours, and no password."""
    target = f"technician@{life.address()}"

    def answers(key: str) -> bool:
        return "lan" in life.access.ssh(key, target, "show interfaces").stdout

    verdict.claim(answers(OPERATOR), f"ssh {target} show interfaces, with the key that was on the card")
    verdict.claim(not answers(STRANGER), "another key is refused")
    refused = life.access.ssh(OPERATOR, target, options=(
        "-o", "PubkeyAuthentication=no", "-o", "PreferredAuthentications=password,keyboard-interactive"))
    verdict.claim("Permission denied (publickey)" in refused.stderr, f"no password is asked for: {refused.stderr!r}")
    forwarded = life.access.ssh(OPERATOR, target, options=("-N", "-R", "9099:127.0.0.1:22"))
    verdict.claim("forwarding failed" in forwarded.stderr, "no port is forwarded")
    inwards = life.access.ssh(OPERATOR, target, options=("-W", "127.0.0.1:22"))
    verdict.claim("administratively prohibited" in inwards.stderr, "nothing is reached through it")
    shell = life.access.ssh(OPERATOR, target, "/bin/sh -c id")
    verdict.claim("uid=" not in shell.stdout, "no shell")
    said = configure(life, f'set system operator later ssh-key "{life.access.public(LATER)}"',
                     "delete system operator card")
    verdict.claim("commit complete" in said, "a commit exchanges the keys")
    verdict.claim(answers(LATER), "the new one is good")
    verdict.claim(not answers(OPERATOR), "the former one is not")


def configure(life: Life, *lines: str) -> str:
    """Commit these lines on the serial line; what the commit said."""
    life.machine.type("configure", CONFIGURATION, PATIENCE_S)
    for line in lines:
        life.machine.type(line, CONFIGURATION, PATIENCE_S)
        if len(line) > SHORT_LINE:
            life.machine.drain()                                   # it is drawn anew, with its prompt, as it wraps
    said = life.machine.type("commit", CONFIGURATION, PATIENCE_S)
    life.machine.type("exit", PROMPT, PATIENCE_S)
    return said


def lift_handset(life: Life, verdict: Verdict) -> None:
    """A handset on pins of the kernel: it rings, is lifted, talks and is put down. Its sound is a clock's alone."""
    chip, pins = life.as_root(PINS).split()

    def pull(line: int, way: str) -> None:
        life.as_root(f"echo {way} >{pins}/sim_gpio{line}/pull")

    def is_high(line: int) -> bool:
        return life.as_root(f"cat {pins}/sim_gpio{line}/value").strip() == "1"

    pull(0, "pull-up")
    said = configure(life, f"set extension {DESK} secret handset-on-the-box", f"set handset desk extension {DESK}",
                     "set handset desk device null", f"set handset desk hook {chip}:0",
                     f"set handset desk ringer {chip}:1", f"set handset desk lamp {chip}:2")
    verdict.claim("commit complete" in said, "a handset is configured")
    wait_until(lambda: DESK in life.show("show registrations"), PATIENCE_S, "the handset to register")
    verdict.claim(True, "it has registered")
    with life.telephones() as (caller, _other):
        caller.dial(DESK)
        wait_until(lambda: is_high(1), PATIENCE_S, "the bell's pin")
        verdict.claim(True, "the bell's pin rings")
        pull(0, "pull-down")
        caller.wait("CALL_ESTABLISHED", timeout_s=PATIENCE_S)
        verdict.claim(True, "the receiver is lifted by its pin: they talk")
        wait_until(lambda: is_high(2), PATIENCE_S, "the lamp's pin")
        said = life.as_root(SCHEDULING)
        found = [line for line in said.splitlines() if REAL_TIME.search(line)]
        verdict.claim(bool(found), f"its sound thread runs in real time: {' '.join(found).strip() or said}")
        pull(0, "pull-up")
        caller.wait("CALL_CLOSED", timeout_s=PATIENCE_S)
        verdict.claim(True, "put down by its pin: the call is over")
    said = configure(life, "delete handset desk", f"delete extension {DESK}")
    verdict.claim("commit complete" in said, "it is taken away")


def check_call(life: Life, verdict: Verdict, when: str) -> None:
    """A call is made and ended, whatever else is wrong."""
    with life.telephones() as (first, second):
        establish(first, second)
        first.hang_up()
        second.wait("CALL_CLOSED", timeout_s=PATIENCE_S)
    verdict.claim(True, f"{when}: {', '.join(PHONES)} register at {DOMAIN} and talk")
