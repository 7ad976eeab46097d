# SPDX-License-Identifier: Apache-2.0
"""The life of a card: first start, set up on the serial line, a call, power cuts, a broken slot. A verdict a step."""

import random
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pexpect

from tests.box.provider import Provider
from tests.demo.place import PhonePorts
from tests.demo.report import Verdict
from tests.image.card import note_slots, read_slots, write_slot
from tests.image.machine import CONFIGURATION, PROMPT, Machine, add_tap
from tests.interop.baresip import Account, Baresip
from tests.interop.network import wait_until
from tests.interop.sound import likeness, write_babble
from tests.interop.wide_network import WideNetwork

NETWORK, OFFICE, POOL = "10.99.0", "10.99.0.1", ("10.99.0.50", "10.99.0.60")
PHONES = {"phone-1": "10.99.0.11", "phone-2": "10.99.0.12"}
DOMAIN = "office.home.arpa"
CARD_OCTETS = 2 << 30
PATIENCE_S = 120.0                                                 # an emulated board is slow, a busy host more so
HEARD = 0.7                                                        # its clock stumbles; a real board's does not
WHAT_CAN_FAIL = (AssertionError, OSError, pexpect.ExceptionPexpect)
TITLES = {1: "the card starts and leads to the console on the serial line",
          2: "the setup wizard makes two telephones",
          3: "two softphones outside register and talk through it",
          4: "power cuts: the last commit is there each time",
          5: "a slot that cannot be mounted, and one that dies when it starts: the other one is taken"}


@dataclass
class Life:
    """The card in its machine. secrets: by extension, from the cards of the wizard."""

    folder: Path
    build: Path
    card: Path
    machine: Machine
    hosts: dict[str, str]
    provider: Provider
    cuts: int
    seed: int
    secrets: dict[str, str] = field(default_factory=dict)
    boots_s: list[float] = field(default_factory=list)

    def start(self) -> float:
        self.machine.power_on()
        took_s = self.machine.wait_console()
        self.boots_s.append(took_s)
        return took_s

    def show(self, command: str) -> str:
        return self.machine.type(f"{command} | no-more", limit_s=PATIENCE_S)

    def first_start(self, verdict: Verdict) -> None:
        took_s = self.start()
        verdict.claim(True, f"console on the serial line after {took_s:.0f} s (emulated)")
        said = self.show("show configuration")
        verdict.claim("set network managed true" in said and "set extension" not in said,
                      "the safe default: the network is ours, nobody has a telephone yet")
        wait_until(lambda: self.provider.given(), PATIENCE_S, "the box to ask for an address")
        wait_until(lambda: self.provider.given()[0] in self.show("show interfaces"), PATIENCE_S, "its address")
        verdict.claim(True, f"show interfaces: {self.provider.given()[0]}, which the router gave")
        said = self.show("show statistics")
        verdict.claim("messages" in said, "the call server answers")

    def set_up(self, verdict: Verdict) -> None:
        machine = self.machine
        machine.type("setup", "Language", PATIENCE_S)
        for answer, question in (("", "Country"), ("", "How many telephones"), ("2", "Outside line"),
                                 ("none", "Make it run")):
            machine.type(answer, question, PATIENCE_S)
        said = machine.type("yes", "Keep it", PATIENCE_S)
        verdict.claim("commit complete" in said, "the wizard: commit complete, on trial")
        cards = machine.type("yes", PROMPT, PATIENCE_S)
        self.secrets = dict(re.findall(r"Extension\s+(\d+)\s*\n\|\s*Password\s+(\S+)", cards))
        verdict.claim(len(self.secrets) == 2, f"cards for {', '.join(self.secrets) or 'nobody'}")

    def call(self, verdict: Verdict) -> None:
        server = self.provider.given()[0]
        voices = {name: write_babble(self.folder / f"voice-{name}.wav", 60.0, seed=sum(name.encode()))
                  for name in PHONES}
        first, second = (
            Baresip(PhonePorts(), self.folder / name, Account(number, secret, server, domain=DOMAIN), voices[name],
                    at=(self.hosts[name], address))
            for (name, address), (number, secret) in zip(PHONES.items(), self.secrets.items(), strict=True))
        with first, second:
            for phone in (first, second):
                phone.wait_registered(PATIENCE_S)
            verdict.claim(True, "both have registered")
            first.dial(second.account.user)
            second.wait("CALL_INCOMING", timeout_s=PATIENCE_S)
            second.answer()
            for phone in (first, second):
                phone.wait("CALL_ESTABLISHED", timeout_s=PATIENCE_S)
            said = self.show("show calls")
            verdict.claim(first.account.user in said, "show calls has it")
            wait_until(lambda: re.search(r"[1-9]\d{2,}", self.show("show call 1")), PATIENCE_S, "voice in it")
            first.hang_up()
            second.wait("CALL_CLOSED", timeout_s=PATIENCE_S)
            for hearer, speaker in ((first, "phone-2"), (second, "phone-1")):
                score = likeness(voices[speaker], hearer.heard())
                verdict.claim(score >= HEARD, f"{hearer.account.user} heard the other one: {score:.3f}")

    def cut_power(self, verdict: Verdict) -> None:
        """Half of the cuts come right after `commit complete`, half while a commit is under way."""
        chance = random.Random(self.seed)
        kept: list[str] = []
        for number in range(1, self.cuts + 1):
            name = f"30{number:02}"
            self.machine.type("configure", CONFIGURATION, PATIENCE_S)
            self.machine.type(f"set extension {name} secret cut-{name}-secret", CONFIGURATION, PATIENCE_S)
            is_in_flight = number % 2 == 0
            if is_in_flight:
                self.machine.send("commit")
                delay_s = chance.uniform(0.0, 3.0)
                self.machine.read_for(delay_s)
            else:
                said = self.machine.type("commit", CONFIGURATION, PATIENCE_S)
                assert "commit complete" in said, said
                kept.append(name)
            self.machine.power_off()
            took_s = self.start()
            there = set(re.findall(r"set extension (\d+) secret", self.show("show configuration")))
            lost = [one for one in [*self.secrets, *kept] if one not in there]
            strange = there - set(self.secrets) - set(kept) - {name}
            if name in there and name not in kept:
                kept.append(name)
            when = f"{delay_s:.1f} s into a commit" if is_in_flight else "right after a commit"
            verdict.claim(not lost and not strange, f"cut {number}, {when}: back after {took_s:.0f} s, {len(there)} "
                                                    f"extensions{', LOST ' + ' '.join(lost) if lost else ''}")

    def break_slots(self, verdict: Verdict) -> None:
        self.machine.power_off()
        write_slot(self.card, "B", random.Random(self.seed).randbytes(1 << 20))
        note_slots(self.card, "B 2 pending\n")
        took_s = self.start()
        verdict.claim(read_running(self) == "A", f"slot B is no file system: slot A, after {took_s:.0f} s")
        self.machine.power_off()
        root = (self.build / "root.squashfs").read_bytes()
        middle = len(root) * 3 // 4       # its tables stand at the end: it can be mounted, and nothing in it be read
        write_slot(self.card, "B", root[:4096] + bytes(middle - 4096) + root[middle:])
        note_slots(self.card, "B 1 pending\n")
        took_s = self.start()
        verdict.claim(read_running(self) == "A", f"slot B dies when it starts: slot A, after {took_s:.0f} s")
        self.machine.power_off()
        verdict.claim(read_slots(self.card) == "A 0 good", f"noted on the card: {read_slots(self.card)}")

    def close(self) -> None:
        self.machine.close()


def read_running(life: Life) -> str:
    """The slot that the initial RAM disk said last."""
    return re.findall(r"slot ([AB]) runs", life.machine.kernel_log())[-1]


def play(folder: Path, build: Path, image: Path, cuts: int, seed: int) -> Iterator[Verdict]:
    """Each step's verdict. build: where the image was made; folder: where logs and the card are left."""
    folder.mkdir(parents=True, exist_ok=True)
    card = folder / "card.img"
    shutil.copyfile(image, card)
    with card.open("r+b") as file:
        file.truncate(CARD_OCTETS)
    with WideNetwork() as network:
        network.add_network(NETWORK)
        hosts = {name: network.add_host(name, eth0=address) for name, address in PHONES.items()}
        office = network.add_host("router", eth0=OFFICE)
        add_tap(network, NETWORK, "tap0")
        with Provider(folder / "router", (office, OFFICE), OFFICE, POOL, {}) as provider:
            machine = Machine(card, build, (network.internet, "tap0"), folder / "serial.log")
            life = Life(folder, build, card, machine, hosts, provider, cuts, seed)
            acts = (life.first_start, life.set_up, life.call, life.cut_power, life.break_slots)
            try:
                for step, act in enumerate(acts, 1):
                    verdict = play_step(Verdict(step, TITLES[step]), act)
                    yield verdict
                    if not verdict.has_passed:
                        return                                     # the next ones stand on it
            finally:
                life.close()


def play_step(verdict: Verdict, act: Callable[[Verdict], None]) -> Verdict:
    """What did not happen in time is a claim that has not held."""
    began = time.monotonic()
    try:
        act(verdict)
    except WHAT_CAN_FAIL as error:
        verdict.claim(False, str(error)[:2000])
    verdict.voices.append(f"{time.monotonic() - began:.0f} s")
    return verdict
