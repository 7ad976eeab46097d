# SPDX-License-Identifier: Apache-2.0
"""A network namespace with a firewall of ours in it, and what `nft` says is there."""

import itertools
import json
import os
import subprocess
from ipaddress import IPv4Interface
from time import monotonic

from appliance.networking.ruleset import build_ruleset, find_border
from appliance.system.firewall.firewall import Firewall
from tests.config.office import load_smallest
from tests.interop.namespaces import call_inside, run_ip

BOX = (
    "set network managed true",
    "set network interface eth0 role wan",
    "set network interface eth1 role lan",
    "set network lan address 192.168.1.1/24",
    "set network wan address 203.0.113.5/24",
    "set network wan gateway 203.0.113.1",
    "set sip listener wan address 203.0.113.5",
    "set sip listener wan side public",
    "set trunk carrier listener wan",
    "set trunk carrier peer 203.0.113.9:5060",
    "set network management source 198.51.100.7",
    "set network never-ban 198.51.100.8",
)
LAN = IPv4Interface("192.168.1.1/24")
numbers = itertools.count()


def build(*lines, lan=LAN):
    """The ruleset of the box with more lines."""
    result = load_smallest(*BOX, *lines)
    assert not result.has_errors(), result.findings
    return build_ruleset(result.configuration, find_border(result.configuration, lan))


class Place:
    """One namespace; `close` takes it away. What is called by `inside` stands in it."""

    def __init__(self) -> None:
        self.name = f"dw{os.getpid() % 100000}f{next(numbers)}"
        run_ip("netns", "add", self.name)
        run_ip("-n", self.name, "link", "set", "lo", "up")

    def close(self) -> None:
        run_ip("netns", "del", self.name)

    def inside(self, act):
        return call_inside(self.name, act)

    def make_firewall(self, clock=monotonic) -> Firewall:
        return self.inside(lambda: Firewall(clock))

    def apply(self, firewall: Firewall, ruleset) -> None:
        self.inside(lambda: firewall.apply(ruleset))

    def nft(self, *words: str) -> str:
        command = ["ip", "netns", "exec", self.name, "nft", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def list_objects(self) -> list[dict]:
        """Everything in force, by `nft -j`."""
        return json.loads(self.nft("-j", "list", "ruleset"))["nftables"]

    def list_set(self, name: str) -> list:
        """The elements of a set of ours, as nft has them."""
        found = [one["set"] for one in self.list_objects() if "set" in one and one["set"]["name"] == name]
        return found[0].get("elem", []) if found else []

    def list_rules(self, chain: str) -> list[list[dict]]:
        """The statements of each rule of a chain of ours."""
        return [one["rule"]["expr"] for one in self.list_objects() if "rule" in one and one["rule"]["chain"] == chain]
