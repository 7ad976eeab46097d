# SPDX-License-Identifier: Apache-2.0
"""The gateway under test on loopback: extensions on the office side, trunks to emulated carriers on the public one."""

import re
from collections.abc import Iterable
from pathlib import Path

from tests.interop.carrier_emulator.emulator import Account, CarrierEmulator
from tests.interop.network import LoopbackNetwork, wait_until
from tests.interop.server import Server

DOMAIN = "office.test"
DESKS = {"201": "desk-secret-201", "202": "desk-secret-202"}
OFFICE_NUMBER = "05011112222"
ACCOUNT = Account(OFFICE_NUMBER, "gw-user", "gw-secret")
PROFILES = {"generic": "generic", "jp-050": "jp-050", "hikari-direct": "hikari-direct"}


def trunk_lines(name: str, carrier: CarrierEmulator, *, target: str = "201") -> list[str]:
    """A registered trunk to this carrier whose number rings `target`."""
    account = carrier.account
    lines = ["listener wan", f"registrar sip:{carrier.hostport}", f"domain {carrier.habits.domain}",
             f"number {account.number}", f"did {account.number} to {target}",
             f"profile {PROFILES[carrier.habits.name]}"]
    if account.secret:
        lines += [f"username {account.username}", f"secret {account.secret}"]
    return [f"set trunk {name} {line}" for line in lines]


def route_lines(*trunks: str, prefix: str = "0") -> list[str]:
    return [f"set route outside prefix {prefix}", *(f"set route outside trunk {trunk}" for trunk in trunks)]


class Gateway(Server):
    """`host` is the office's side, `outside` the public one, both on port 5060."""

    def __init__(self, folder: Path, network: LoopbackNetwork, lines: Iterable[str]) -> None:
        self.outside = network.new_host()
        super().__init__(folder, network.new_host())
        text = ["# denwaban-config 1", f"set system domain {DOMAIN}",
                f"set sip listener office address {self.host}", "set sip listener office transport udp",
                "set sip listener office side private", f"set sip listener wan address {self.outside}",
                "set sip listener wan transport udp", "set sip listener wan side public", "set sip role b2bua",
                "set emergency none", *(f"set extension {number} secret {secret}" for number, secret in DESKS.items()),
                *lines]
        self.config.write_text("\n".join(text) + "\n")

    def wait_no_calls(self) -> None:
        wait_until(lambda: self.show("show calls") == [], 20, "no call left at the gateway")


def find_private(carrier: CarrierEmulator, gateway: Gateway) -> list[str]:
    """What a carrier was told of the office that is none of its business: one line a place."""
    words = (re.escape(gateway.host), rf"\b{DOMAIN}\b", *(rf"(?<![\w.])sip:{number}\b" for number in DESKS))
    return [f"{letter.start!r}: {match[0]!r}" for letter in list(carrier.post.received)
            for word in words for match in re.finditer(word.encode(), letter.octets)]
