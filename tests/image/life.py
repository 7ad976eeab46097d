# SPDX-License-Identifier: Apache-2.0
"""A card in its machine, with what the steps of the programme share: the console, telephones, SSH."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pexpect

from tests.box.provider import Provider
from tests.demo.place import PhonePorts
from tests.image.access import ROOT, Access
from tests.image.machine import Machine
from tests.interop.baresip import Account, Baresip
from tests.interop.network import wait_until
from tests.interop.sound import write_babble

NETWORK, OFFICE, POOL = "10.99.0", "10.99.0.1", ("10.99.0.50", "10.99.0.60")
PHONES = {"phone-1": "10.99.0.11", "phone-2": "10.99.0.12"}
DOMAIN = "office.home.arpa"
PATIENCE_S = 180.0                                                 # an emulated board is slow, a busy host more so
WHAT_CAN_FAIL = (AssertionError, OSError, RuntimeError, pexpect.ExceptionPexpect)


@dataclass
class Life:
    """secrets: by extension, from the cards of the wizard; boots_s: from power to console."""

    folder: Path
    build: Path
    card: Path
    machine: Machine
    hosts: dict[str, str]
    provider: Provider
    access: Access
    cuts: int
    seed: int
    secrets: dict[str, str] = field(default_factory=dict)
    boots_s: list[float] = field(default_factory=list)
    calls: int = 0

    def start(self) -> float:
        self.machine.power_on()
        took_s = self.machine.wait_console()
        self.boots_s.append(took_s)
        return took_s

    def restart(self) -> float:
        """By the plug."""
        self.machine.power_off()
        return self.start()

    def show(self, command: str) -> str:
        return self.machine.type(f"{command} | no-more", limit_s=PATIENCE_S)

    def address(self) -> str:
        """That the router has given; waits for it."""
        wait_until(lambda: self.provider.given(), PATIENCE_S, "the box to ask for an address")
        return self.provider.given()[0]

    def as_root(self, script: str) -> str:
        return self.access.run_as_root(self.address(), script)

    def wait_for_ssh(self) -> None:
        """It is there some seconds after the console."""
        wait_until(lambda: self.access.ssh(ROOT, f"root@{self.address()}", "true").returncode == 0, PATIENCE_S, "sshd")

    def extensions(self) -> set[str]:
        return set(re.findall(r"set extension (\d+) secret", self.show("show configuration")))

    @contextmanager
    def telephones(self) -> Iterator[tuple[Baresip, Baresip]]:
        """Two softphones outside, registered."""
        server = self.address()
        self.calls += 1
        first, second = (
            Baresip(PhonePorts(), self.folder / f"{name}-{self.calls}", Account(number, secret, server, domain=DOMAIN),
                    self.voice(name), at=(self.hosts[name], address))
            for (name, address), (number, secret) in zip(PHONES.items(), self.secrets.items(), strict=False))
        with first, second:
            for phone in (first, second):
                phone.wait_registered(PATIENCE_S)
            yield first, second

    def voice(self, name: str) -> Path:
        """What that phone says; nobody else says the same."""
        path = self.folder / f"voice-{name}.wav"
        if not path.exists():
            write_babble(path, 60.0, seed=sum(name.encode()))
        return path

    def running_slot(self) -> str:
        """The one that the initial RAM disk said last."""
        return re.findall(r"slot ([AB]) runs", self.machine.kernel_log())[-1]

    def close(self) -> None:
        self.machine.close()


def establish(first: Baresip, second: Baresip) -> None:
    """The first calls the second, who answers."""
    first.dial(second.account.user)
    second.wait("CALL_INCOMING", timeout_s=PATIENCE_S)
    second.answer()
    for phone in (first, second):
        phone.wait("CALL_ESTABLISHED", timeout_s=PATIENCE_S)
