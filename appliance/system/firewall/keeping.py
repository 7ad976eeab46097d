# SPDX-License-Identifier: Apache-2.0
"""Keeps the firewall as the configuration wants it: puts it in force, takes it back, heals it when somebody has been at
it, and tells people what it does. Satisfies the network keeper's Firewall; used in the event loop's thread.
"""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from time import monotonic
from typing import Final

from appliance.config.configuration import Configuration
from appliance.errors import MachineError, MisuseError, OperatorError
from appliance.networking.lifelines import list_lifelines
from appliance.networking.ruleset import build_ruleset, find_border
from appliance.networking.ruleset_values import Ruleset
from appliance.networking.side import Side
from appliance.system.firewall.firewall import Firewall
from appliance.system.firewall.gate import Gate
from appliance.system.firewall.kernel_settings import are_ports_reserved
from appliance.vocabulary.journal import Journal

LOOK_S: Final = 2.0


class FirewallKeeper:
    """State: what held before the last `apply`, for `revert`; the gate by which the call server asks for things."""

    def __init__(self, state_directory: str, journal: Journal, look_s: float = LOOK_S) -> None:
        self._directory = state_directory
        self._journal = journal
        self._look_s = look_s
        self._opened: Firewall | None = None
        self._gate: Gate | None = None
        self._before: Ruleset | None = None
        self._is_inherited = False
        self._looking: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Find what an earlier process has left in the kernel, open the gate, look after the rules from now on. In the
        running loop. Raises MachineError."""
        self._opened = Firewall(monotonic)
        self._is_inherited = self._opened.has_table()
        self._gate = Gate(self._directory, self._opened, self._journal)
        self._gate.open()
        self._looking = asyncio.get_running_loop().create_task(self._look())

    @property
    def _firewall(self) -> Firewall:
        if self._opened is None:
            raise MisuseError("the firewall is used before it was opened")
        return self._opened

    async def check(self, configuration: Configuration | None, sides: dict[str, Side]) -> None:
        """What the kernel would refuse. Raises MachineError by the rule."""
        if configuration is not None:
            self._firewall.check(describe_wanted(configuration, sides))

    async def apply(self, configuration: Configuration | None, sides: dict[str, Side]) -> None:
        """All or nothing. configuration None: there is to be none of ours. Raises MachineError by the rule."""
        ruleset = None if configuration is None else describe_wanted(configuration, sides)
        before = self._firewall.ruleset
        self._firewall.apply(ruleset)
        self._before = before

    async def revert(self) -> None:
        """As it was before the last `apply`. What an earlier process had in force is not known: rather the new rules
        than none. Raises MachineError."""
        if self._before is not None or not self._is_inherited:
            self._firewall.apply(self._before)

    async def close(self) -> None:
        """Look no more, close the gate. What is in force stays."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
            self._looking = None
        if self._gate is not None:
            self._gate.close()
            self._gate = None
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(self._look_s)
            self.heal()

    def heal(self) -> bool:
        """Whether somebody else had changed our rules, or has given ports of audio free; then they are ours again."""
        try:
            ruleset = self._firewall.ruleset
            if self._firewall.is_in_force() and (ruleset is None or are_ports_reserved(ruleset.media_ports)):
                return False
            self._firewall.apply(self._firewall.ruleset)
        except MachineError as error:
            self._journal.record("firewall_failed", error=error.operation)
            return False
        self._journal.record("firewall_healed")
        return True

    def describe_rules(self) -> dict[str, object]:
        """For `show firewall`: the rules in words, those that say the same together, and what is open to calls."""
        counted: dict[tuple[str, str], tuple[int, int]] = {}
        for rule in self._firewall.read_rules():
            if rule.packets >= 0:
                packets, octets = counted.get((rule.chain, rule.words), (0, 0))
                counted[rule.chain, rule.words] = packets + rule.packets, octets + rule.octets
        rules = [{"chain": chain, "rule": rule, "packets": packets, "octets": octets}
                 for (chain, rule), (packets, octets) in counted.items()]
        pinholes = sorted((str(one.host), one.port) for one in self._firewall.pinholes)
        peers = [str(network) for network in self._firewall.peers]
        return {"in_force": self._firewall.ruleset is not None, "rules": rules,
                "pinholes": [list(one) for one in pinholes], "peers": peers,
                "bans": len(self._firewall.list_bans())}

    def unban(self, address: str) -> bool:
        """For `unban`: whether there was a ban. Raises OperatorError for what is no address, MachineError."""
        try:
            is_found = self._firewall.unban(ip_address(address))
        except ValueError as error:
            raise OperatorError("unban", address, "an IP address") from error
        if is_found:
            self._journal.record("source_unbanned", address=address)
        return is_found

    def describe_bans(self) -> list[dict[str, object]]:
        """For `show bans`: who, how long still, why, and how much it kept out."""
        return [{"address": str(one.address), "left_s": round(one.left_s), "reason": one.reason,
                 "packets": one.packets} for one in self._firewall.list_bans()]


def describe_wanted(configuration: Configuration, sides: dict[str, Side]) -> Ruleset:
    """The ruleset for the sides as they are."""
    lan = sides.get("lan")
    border = find_border(configuration, lan.address if lan else None)
    return build_ruleset(configuration, border, list_lifelines(configuration, sides))
