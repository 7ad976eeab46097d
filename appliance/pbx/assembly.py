# SPDX-License-Identifier: Apache-2.0
"""Joins the office's elements to one transaction user over a stack: everything but hands.

The daemon gives it sockets, a store, a journal and randomness; tests give it lists and a virtual clock.
"""

from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network

from appliance.config.configuration import Configuration, ListenerConfiguration
from appliance.pbx.account import AccountDirectory, find_algorithms
from appliance.pbx.authentication import Authentication, AuthenticationPolicy
from appliance.pbx.dialog_table import DialogTable
from appliance.pbx.location import BindingStore, Location
from appliance.pbx.office_server import OfficeParts, OfficeServer
from appliance.pbx.overload import Overload
from appliance.pbx.proxy.proxy import Proxy
from appliance.pbx.proxy.route_signature import RouteSigner
from appliance.pbx.proxy.routing import OwnAddresses
from appliance.pbx.register_reading import ExpiryPolicy
from appliance.pbx.registrar import Registrar
from appliance.pbx.source_limiter import SourceLimiter
from appliance.pbx.target_set import TargetSets
from appliance.sip.flow import Listener, Side
from appliance.sip.stack import SipStack
from appliance.sip.transaction.core import FlowOpener
from appliance.vocabulary.counters import Counters
from appliance.vocabulary.journal import Journal

SIDES = {"private": Side.PRIVATE, "public": Side.PUBLIC}


class Surroundings:
    """What the elements need from outside. signing_key: 16 secret octets that outlive restarts; wall_offset: wall clock
    minus monotonic clock, seconds; store: None keeps bindings in memory only."""

    __slots__ = ("counters", "flow_to", "journal", "random_octets", "signing_key", "store", "wall_offset")

    def __init__(self, flow_to: FlowOpener, random_octets: Callable[[int], bytes], journal: Journal) -> None:
        self.flow_to = flow_to
        self.random_octets = random_octets
        self.journal = journal
        self.counters = Counters()
        self.signing_key = random_octets(16)
        self.store: BindingStore | None = None
        self.wall_offset = 0.0


class Office:
    """The assembled office server and the parts that its shell and console look at."""

    __slots__ = ("_parts", "authentication", "counters", "dialogs", "listeners", "location", "overload", "server",
                 "stack")

    def __init__(self, parts: OfficeParts, listeners: list[Listener], server: OfficeServer, location: Location) -> None:
        self._parts = parts
        self.stack = parts.stack
        self.counters = parts.stack.counters
        self.listeners = listeners
        self.server = server
        self.location = location
        self.authentication = parts.authentication
        self.dialogs = parts.dialogs
        self.overload = parts.overload

    def reconfigure(self, configuration: Configuration, now: float) -> None:
        """Take up another configuration of the same listeners and domain; calls, bindings and nonces live on.
        Who is not an extension any more is not registered any more."""
        parts = self._parts
        accounts = AccountDirectory.build(configuration.domain.encode(), configuration.extensions)
        parts.authentication.reconfigure(accounts, build_policy(configuration))
        parts.registrar = build_registrar(parts, self.location, configuration)
        parts.proxy.has_record_route = configuration.record_route
        self.server.extensions = frozenset(accounts.by_extension)
        self.location.retain(self.server.extensions.__contains__, now)


def build_listeners(configuration: Configuration) -> list[Listener]:
    """One Listener for each configured listener and transport, in the order of the file."""
    return [Listener(one.name, transport.upper().encode(), one.address.encode(),
                     one.tls_port if transport == "tls" else one.port, SIDES[one.side])
            for one in configuration.listeners.values() for transport in one.transports]


def _read_trusted(listeners: dict[str, ListenerConfiguration]) -> dict[str, tuple[IPv4Network | IPv6Network, ...]]:
    return {name: tuple(listener.trusted) for name, listener in listeners.items()}


def assemble_office(configuration: Configuration, listeners: list[Listener], surroundings: Surroundings) -> Office:
    """Build every element and join them; the stack serves the result."""
    counters = surroundings.counters
    stack = SipStack(surroundings.flow_to, surroundings.random_octets, counters)
    realm = configuration.domain.encode()
    own = OwnAddresses(realm, listeners)
    location = Location(stack.timers, surroundings.store, surroundings.flow_to, counters, surroundings.journal)
    location.set_wall_offset(surroundings.wall_offset, 0.0)
    parts = OfficeParts()
    parts.stack = stack
    parts.own = own
    parts.signer = RouteSigner(surroundings.signing_key, listeners)
    parts.overload = Overload()
    parts.limiter = SourceLimiter()
    parts.dialogs = DialogTable(surroundings.journal)
    accounts = AccountDirectory.build(realm, configuration.extensions)
    policy = build_policy(configuration)
    parts.authentication = Authentication(accounts, policy, surroundings.random_octets, counters, surroundings.journal)
    parts.registrar = build_registrar(parts, location, configuration)
    parts.targets = TargetSets(stack, location, listeners)
    parts.proxy = Proxy(stack, parts.dialogs, parts.signer, realm, configuration.record_route)
    server = OfficeServer(parts, frozenset(accounts.by_extension))
    stack.serve(server)
    return Office(parts, listeners, server, location)


def build_registrar(parts: OfficeParts, location: Location, configuration: Configuration) -> Registrar:
    """The registrar as configured; it keeps no state."""
    expiry = ExpiryPolicy(configuration.min_expires_s, configuration.max_expires_s)
    return Registrar(parts.stack, location, parts.authentication, parts.own, expiry)


def build_policy(configuration: Configuration) -> AuthenticationPolicy:
    """What the configuration says about digest."""
    return AuthenticationPolicy(general=find_algorithms(configuration.digest_algorithms),
                                trusted=_read_trusted(configuration.listeners))
