# SPDX-License-Identifier: Apache-2.0
"""Keeps the network as the configuration and the DHCP leases want it. Everything that changes it passes by here, one
after the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

from appliance.config.configuration import Configuration
from appliance.config.network_configuration import NetworkConfiguration
from appliance.errors import MachineError
from appliance.networking.desired import (
    NOTHING,
    DesiredNetwork,
    choose_leases,
    decide_desired,
    dynamic_roles,
    list_settings,
)
from appliance.networking.dhcp_lease import DhcpLease
from appliance.networking.lifelines import list_lifelines
from appliance.networking.observed import ObservedNetwork
from appliance.networking.plan import Plan, decide_plan
from appliance.networking.side import Side, decide_sides
from appliance.system.network.carrying_out import carry_out_plan, carry_out_what_goes
from appliance.system.network.events import NetworkEvents
from appliance.system.network.healing import Healing
from appliance.system.network.kernel import KernelNetwork
from appliance.system.network.ownership_file import OwnershipFile
from appliance.system.network.settings_watch import SettingsWatch
from appliance.vocabulary.journal import Journal


class Firewall(Protocol):
    """The packet filter. configuration None: there is to be none of ours."""

    async def check(self, configuration: Configuration | None, sides: dict[str, Side]) -> None:
        """What would be refused. Raises MachineError."""

    async def apply(self, configuration: Configuration | None, sides: dict[str, Side]) -> None:
        """All or nothing. Raises MachineError with what was refused."""

    async def revert(self) -> None:
        """As it was before the last `apply`. Raises MachineError."""


class NetworkKeeper:
    """State: the configuration that holds, what it was before, the leases; changed under one lock."""

    def __init__(self, state_directory: str, firewall: Firewall, journal: Journal) -> None:
        self._firewall = firewall
        self._journal = journal
        self._kernel = KernelNetwork()
        self._healing = Healing(self._reconcile, journal)
        self._events = NetworkEvents(self._healing.notice)
        self._settings = SettingsWatch(self._list_settings, self._healing.notice)
        self._ownership = OwnershipFile(state_directory, journal)
        self._lock = asyncio.Lock()
        self._configuration: Configuration | None = None
        self._before: Configuration | None = None
        self._leases: dict[str, DhcpLease] = {}
        self._filtered: dict[str, Side] = {}
        self._refused: list[str] = []
        self._unusable: dict[str, DhcpLease] = {}
        self._followers: list[Callable[[], None]] = []
        self.observed = ObservedNetwork({}, frozenset(), frozenset(), {})
        self.sides: dict[str, Side] = {}

    def follow(self, follower: Callable[[], None]) -> None:
        """Have this called, from now on, whenever `sides` or `observed` may have changed."""
        self._followers.append(follower)

    @property
    def configuration(self) -> Configuration | None:
        """What holds; None before the first `apply`."""
        return self._configuration

    async def open(self) -> None:
        """Connect to the kernel, read what is ours. Raises MachineError."""
        self._ownership.read()
        await self._kernel.open()
        self._events.open()

    async def close(self) -> None:
        """Let go; the network stays as it is."""
        self._events.close()
        self._settings.close()
        await self._healing.close()
        async with self._lock:
            self._kernel.close()

    async def start(self, configuration: Configuration) -> list[str]:
        """From now on this holds, and is looked after. Returns what the kernel refuses, which is tried again: most of a
        network is better than none. Raises MachineError where the firewall is refused: no network without it."""
        async with self._lock:
            self._configuration = configuration
            plan = await self._plan(self._desire(configuration))
            await self._filter(configuration if configuration.network_managed else None, self._foresee(configuration))
            refused = await self._carry_out_what_goes(plan)
            await self._look()
        self._healing.start()
        self._healing.notice()
        self._settings.start()
        return refused

    async def check(self, configuration: Configuration) -> Plan:
        """What `apply` would do. Raises MachineError."""
        async with self._lock:
            plan = await self._plan(self._desire(configuration))
            wanted = configuration if configuration.network_managed else None
            await self._firewall.check(wanted, self._foresee(configuration))
            return plan

    async def apply(self, configuration: Configuration) -> Plan:
        """From now on this holds; what was done. Raises MachineError with the step that was refused: then everything
        is as it was."""
        async with self._lock:
            plan = await self._change(configuration)
            self._before, self._configuration = self._configuration, configuration
            keep = dynamic_roles(configuration.network) if configuration.network_managed else ()
            self._leases = {role: lease for role, lease in self._leases.items() if role in keep}
            await self._look()
            if not self._ownership.save():
                self._healing.notice()      # which tries it again
            return plan

    async def revert(self) -> Plan | None:
        """Back to what held before the last `apply`; None where there was nothing. Raises MachineError."""
        before, self._before = self._before, None
        return await self.apply(before) if before is not None else None

    def preset_leases(self, leases: dict[str, DhcpLease]) -> None:
        """What is still lent to us, before the first `apply`, which would else take it away."""
        self._leases = dict(leases)

    def take_lease(self, role: str, lease: DhcpLease | None) -> None:
        """A DHCP server has lent an address, or what it lent has ended. A network that cannot be had is journalled and
        tried again."""
        if self._leases.get(role) == lease:
            return
        rest = {one: held for one, held in self._leases.items() if one != role}
        self._leases = rest if lease is None else {**rest, role: lease}
        self._healing.notice()

    async def read_counters(self) -> dict[str, dict[str, int]]:
        """By link. Raises MachineError."""
        return await self._kernel.read_counters()

    def _list_settings(self) -> Iterable[tuple[str, str]]:
        network = self._network()
        return list_settings(network) if network is not None else ()

    def _network(self) -> NetworkConfiguration | None:
        configuration = self._configuration
        return configuration.network if configuration is not None and configuration.network_managed else None

    def _desire(self, configuration: Configuration | None) -> DesiredNetwork:
        if configuration is None or not configuration.network_managed:
            return NOTHING
        return decide_desired(configuration.network, self._leases)

    async def _plan(self, desired: DesiredNetwork) -> Plan:
        owned = self._ownership.owned
        paths = [path for path, _ in desired.settings] + [key for key in owned.before if " " not in key]
        self.observed = await self._kernel.observe(dict.fromkeys(paths))
        return decide_plan(desired, self.observed, owned)

    async def _change(self, configuration: Configuration) -> Plan:
        plan = await self._plan(self._desire(configuration))
        wanted, before = configuration if configuration.network_managed else None, self._filtered
        await self._filter(wanted, self._foresee(configuration))    # before anything is let through
        try:
            await self._carry_out(plan)
        except MachineError:
            await self._firewall.revert()
            self._filtered = before
            raise
        return plan

    async def _filter(self, configuration: Configuration | None, sides: dict[str, Side]) -> None:
        await self._firewall.apply(configuration, sides)
        self._filtered = sides

    def _foresee(self, configuration: Configuration) -> dict[str, Side]:
        """The sides once the plan is carried out."""
        if not configuration.network_managed:
            return {}
        desired = self._desire(configuration)
        there = ObservedNetwork(self.observed.links, desired.addresses, frozenset(), {})
        return decide_sides(configuration.network, self._leases, there)

    async def _carry_out(self, plan: Plan) -> None:
        before = self._ownership.owned
        if plan.steps:
            self._ownership.write(before.join(plan.owned))      # a crash in between leaves nothing that nobody owns
        try:
            await carry_out_plan(self._kernel, plan.steps, self._journal)
        except MachineError:
            self._ownership.write(before)
            raise
        self._ownership.write(plan.owned)
        if plan.steps:
            self._journal.record("network_changed", steps="; ".join(map(str, plan.steps)))

    async def _look(self) -> None:
        """Tell everybody how the sides are."""
        network = self._network()
        self.observed = await self._kernel.observe(())
        self.sides = decide_sides(network, self._leases, self.observed) if network is not None else {}
        self._note_unusable(network)
        for follower in self._followers:
            follower()

    def _note_unusable(self, network: NetworkConfiguration | None) -> None:
        """Say once which leases are not used, so that somebody can change the network of the LAN."""
        used = choose_leases(network, self._leases) if network is not None else {}
        unusable = {} if network is None else {role: lease for role, lease in self._leases.items() if role not in used}
        for role, lease in unusable.items():
            if self._unusable.get(role) != lease:
                self._journal.record("dhcp_lease_unusable", side=role, address=str(lease.address),
                                     reason="it takes the network of the other side")
        self._unusable = unusable

    async def _reconcile(self) -> tuple[bool, int]:
        """Whether anything had to be done, and how many steps of that were refused."""
        async with self._lock:
            configuration = self._configuration
            if configuration is None or not configuration.network_managed:
                return False, int(not self._ownership.save())
            plan = await self._plan(self._desire(configuration))
            sides = self._foresee(configuration)
            if describe_places(configuration, sides) != describe_places(configuration, self._filtered):
                await self._filter(configuration, sides)
            refused = await self._carry_out_what_goes(plan)
            await self._look()
            return bool(plan.steps), len(refused) + (not self._ownership.save())

    async def _carry_out_what_goes(self, plan: Plan) -> list[str]:
        """The refusals."""
        joined = self._ownership.owned.join(plan.owned)
        if plan.steps:
            self._ownership.write(joined)
        refused = await carry_out_what_goes(self._kernel, plan.steps)
        left = [step for step, _ in refused]
        self._ownership.write(joined.without(left) if left else plan.owned)
        done = [str(step) for step in plan.steps if step not in left]
        if done:
            self._journal.record("network_changed", steps="; ".join(done))
        sentences = [error.operation for _, error in refused]
        if sentences != self._refused:
            self._refused = sentences
            self._journal.record("network_step_refused" if sentences else "network_complete",
                                 steps="; ".join(sentences))
        return sentences


def describe_places(configuration: Configuration, sides: dict[str, Side]) -> tuple[object, ...]:
    """What the firewall goes by: the links, their addresses, and whom we cannot do without."""
    return (*((side.link, side.address) for side in sides.values()), list_lifelines(configuration, sides))
