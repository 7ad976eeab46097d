# SPDX-License-Identifier: Apache-2.0
"""A running call server takes up another configuration, or its listeners other addresses, without a restart.

What can fail is done first: sockets are bound, trunks built, certificates read. A refusal changes nothing; what follows
it cannot be refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

from appliance.config.configuration import Configuration
from appliance.daemons.configuration_file import read_certificates
from appliance.daemons.name_server_choice import find_resolv_conf, read_name_servers
from appliance.errors import MachineError
from appliance.gateway.assembly import Gateway
from appliance.pbx.assembly import Office
from appliance.pbx.listening import ListenerPlan, build_listeners, keep_absent, plan_listeners
from appliance.sip.flow import Listener, Side
from appliance.system.address_watch import Addresses
from appliance.system.dns.resolver import DnsResolver
from appliance.system.media.pinholes import Pinholes
from appliance.system.media.relay_keeper import RelayKeeper
from appliance.system.sip_sockets.port_set import PortSet
from appliance.system.tls_credentials import TlsCredentials
from appliance.vocabulary.journal import Journal


@dataclass(frozen=True, slots=True)
class Running:
    """The parts of a call server that a configuration changes."""

    office: Office
    gateway: Gateway
    ports: PortSet
    media: RelayKeeper
    pinholes: Pinholes
    resolver: DnsResolver
    credentials: TlsCredentials
    journal: Journal
    state_directory: str


class TakingUp:
    """configuration: what holds; addresses: of the machine's sides, as last heard of."""

    def __init__(self, running: Running, configuration: Configuration, addresses: Addresses) -> None:
        self._running = running
        self.configuration = configuration
        self.addresses = addresses
        self._kept: list[Listener] = []     # not wanted any more; somebody calls for help over them

    def foresee(self, configuration: Configuration) -> tuple[list[str], list[str], int]:
        """What would become of the listeners, a sentence each; which of them stay for an emergency call; how many calls
        would be ended."""
        plan = self._plan(configuration)
        return plan.describe(), plan.describe_kept(), self._running.office.calls.count_over([*plan.removed, *plan.kept])

    def release_kept(self) -> None:
        """Listeners that stayed for an emergency call go when it is over."""
        if all(map(self._running.office.calls.helps_over, self._kept)):
            return
        try:
            self.apply(self.configuration)
        except MachineError as error:
            self._running.journal.record("listener_refused", reason=error.operation)

    def apply(self, configuration: Configuration) -> list[str]:
        """Take it up; what it has done to listeners, media and calls, a sentence each. Raises MachineError where the
        machine says no; then everything is as it was."""
        running, before, now = self._running, self.configuration, monotonic()
        plan = self._plan(configuration)
        trunks = running.gateway.prepare(configuration, plan.result)
        moves = [*plan.describe(), *plan.describe_kept()]
        effects = list(moves)
        sockets = running.ports.prepare(plan.added, plan.moved, plan.removed)
        try:
            running.credentials.configure(*read_certificates(configuration))
        except MachineError:
            sockets.close()
            raise
        # nothing refuses from here on
        self.configuration, self._kept = configuration, plan.kept
        if plan.removed or plan.kept:
            ended = running.office.end_calls_over([*plan.removed, *plan.kept], now)
            effects.append(f"{ended} calls ended")
            running.ports.settle(now)       # their BYEs leave while their listener stands
        running.ports.take_up(sockets)
        running.media.reconfigure(configuration.media_ports, list_hosts(plan.result))
        running.resolver.reconfigure(read_name_servers(configuration),
                                     find_resolv_conf(configuration, running.state_directory))
        running.office.relisten(plan, now)
        running.office.reconfigure(configuration, now)
        running.gateway.take_up(trunks, now, [one for one, _ in plan.moved])
        running.office.calls.services.router = running.gateway.router
        running.pinholes.set_hosts(list_public_hosts(plan.result))
        running.ports.settle(now)
        effects += describe_differences(before, configuration)
        for move in moves:
            running.journal.record("listener_changed", what=move)
        return effects

    def note_addresses(self, addresses: Addresses) -> bool:
        """The machine's sides have these addresses now; False where a listener cannot be opened there yet. One whose
        side has lost its address stays where it is."""
        before, self.addresses = self.addresses, addresses
        running = self._running
        for role in sorted({*before, *addresses}):
            if before.get(role) != addresses.get(role):
                running.journal.record("side_address", side=role, before=before.get(role, ""),
                                       address=addresses.get(role, ""))
        if not self._plan(self.configuration).has_changes:
            self._renew_ways(before)
            return True
        try:
            self.apply(self.configuration)
        except MachineError as error:
            running.journal.record("listener_refused", reason=error.operation)
            return False
        return True

    def _renew_ways(self, before: Addresses) -> None:
        """The same address came back: carriers may have forgotten us meanwhile."""
        back = {role for role in self.addresses if role not in before}
        sides = {name for name, one in self.configuration.listeners.items() if one.interface in back}
        listeners = [one for one in self._running.office.listeners if one.name in sides]
        if listeners:
            now = monotonic()
            self._running.gateway.renew(now, listeners)
            self._running.ports.settle(now)

    def _plan(self, configuration: Configuration) -> ListenerPlan:
        present = self._running.office.listeners
        wanted = build_listeners(configuration, self.addresses)
        plan = plan_listeners(present, keep_absent(present, wanted, configuration, self.addresses))
        plan.keep(self._running.office.calls.helps_over)
        return plan


def list_hosts(listeners: Sequence[Listener]) -> tuple[str, ...]:
    """Media pass by the addresses that listeners have."""
    return tuple(dict.fromkeys(one.address for one in listeners))


def list_public_hosts(listeners: Sequence[Listener]) -> tuple[str, ...]:
    """Those of them that strangers send to."""
    return list_hosts([one for one in listeners if one.side is Side.PUBLIC])


def describe_differences(before: Configuration, after: Configuration) -> list[str]:
    """What phones and calls notice besides the listeners."""
    said = []
    if before.domain != after.domain:
        said.append(f"the domain is {after.domain}: phones have to register there")
    if before.media_ports != after.media_ports:
        said.append("calls in progress keep their media ports, new ones take the others")
    return said
