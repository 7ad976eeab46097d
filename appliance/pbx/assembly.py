# SPDX-License-Identifier: Apache-2.0
"""Joins the office's elements to one transaction user over a stack: everything but hands.

The daemon gives it sockets, a store, a journal and randomness; tests give it lists and a virtual clock.
"""

from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, IPv6Network

from appliance.call.call_record import NoRecords, RecordStore
from appliance.call.engine import CallEngine
from appliance.call.pulse import Pulse
from appliance.call.services import CallServices
from appliance.call.sound_rounds import SoundRounds
from appliance.config.configuration import Configuration, ListenerConfiguration
from appliance.pbx.account import AccountDirectory, find_algorithms
from appliance.pbx.authentication import Authentication, AuthenticationPolicy
from appliance.pbx.call_entry import CallEntry
from appliance.pbx.call_row import CallStore
from appliance.pbx.dialog_guard import OfficeDialogGuard
from appliance.pbx.dialog_table import DialogTable
from appliance.pbx.instant_message.mailbox import MailboxLimits
from appliance.pbx.instant_message.message_row import MessageStore
from appliance.pbx.instant_message.relay import MessageRelay
from appliance.pbx.kept_calls import KeptCalls
from appliance.pbx.listening import ListenerPlan
from appliance.pbx.location import BindingStore, Location
from appliance.pbx.neighbour_domains import NeighbourDomains
from appliance.pbx.office_line import ExtensionRouter, OfficeExtensions, OfficeLine, PhoneLocator, ServersElsewhere
from appliance.pbx.office_server import OfficeParts, OfficeServer
from appliance.pbx.overload import Overload
from appliance.pbx.presence.engine_dialogs import EngineDialogs
from appliance.pbx.presence.event_parts import EventParts
from appliance.pbx.presence.event_row import PublicationStore, SubscriptionStore
from appliance.pbx.presence.event_server import EventServer
from appliance.pbx.presence.waiting_texts import WaitingTexts
from appliance.pbx.proxy.proxy import Proxy
from appliance.pbx.proxy.route_signature import RouteSigner
from appliance.pbx.proxy.routing import OwnAddresses
from appliance.pbx.proxy.server_finder import ServerFinder, SourceFinder, find_no_source
from appliance.pbx.redirect import RedirectServer
from appliance.pbx.redirect_following import RedirectFollower
from appliance.pbx.register_reading import ExpiryPolicy
from appliance.pbx.registrar import Registrar
from appliance.pbx.source_limiter import SourceLimiter
from appliance.pbx.target_set import TargetSets
from appliance.rtp.relaying import AbsentRelay, MediaRelay
from appliance.sip.flow import Listener
from appliance.sip.locating.ability import Ability
from appliance.sip.locating.locator import Locator
from appliance.sip.locating.records import Resolver, SilentResolver
from appliance.sip.stack import SipStack
from appliance.sip.transaction.core import FlowOpener
from appliance.ua.agent_core import DialogDirectory
from appliance.vocabulary.call_numbers import CallNumbers
from appliance.vocabulary.counters import Counters
from appliance.vocabulary.journal import Journal

UNBOUND = Listener("none", b"", b"127.0.0.1", 0)
"""Stands for the nearest listener while there is none at all; nothing is sent by it."""


class Surroundings:
    """What the elements need from outside. signing_key: 16 secret octets that outlive restarts; wall_offset: wall clock
    minus monotonic clock, seconds; the stores: None keeps bindings, messages and so on in memory only."""

    __slots__ = ("call_numbers", "call_store", "counters", "flow_to", "journal", "message_store", "publication_store",
                 "random_octets", "records", "relay", "resolver", "signing_key", "source_of", "store",
                 "subscription_store", "wall_offset")

    def __init__(self, flow_to: FlowOpener, random_octets: Callable[[int], bytes], journal: Journal) -> None:
        self.flow_to = flow_to
        self.random_octets = random_octets
        self.journal = journal
        self.counters = Counters()
        self.call_numbers = CallNumbers()
        self.relay: MediaRelay = AbsentRelay()
        self.records: RecordStore = NoRecords()
        self.signing_key = random_octets(16)
        self.store: BindingStore | None = None
        self.call_store: CallStore | None = None
        self.message_store: MessageStore | None = None
        self.subscription_store: SubscriptionStore | None = None
        self.publication_store: PublicationStore | None = None
        self.wall_offset = 0.0
        self.resolver: Resolver = SilentResolver()
        self.source_of: SourceFinder = find_no_source


class Office:
    """The assembled office server and the parts that its shell and console look at."""

    __slots__ = ("_parts", "authentication", "calls", "carried", "counters", "dialogs", "events", "extensions",
                 "finder", "line", "listeners", "location", "messages", "overload", "server", "signer", "stack")

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
        self.signer = parts.signer
        self.messages = parts.messages
        self.events = parts.events
        self.calls: CallEngine = parts.calls.engine
        self.extensions: OfficeExtensions = parts.extensions
        self.line: OfficeLine = parts.line
        self.finder: ServerFinder = parts.finder
        self.carried: EngineDialogs = parts.carried

    def reconfigure(self, configuration: Configuration, now: float) -> None:
        """Take up another configuration, its domain included; calls, bindings and nonces live on. Who is not an
        extension any more is not registered any more. Listeners: see `relisten`."""
        parts = self._parts
        self._rename(configuration.domain.encode())
        accounts = AccountDirectory.build(configuration.domain.encode(), configuration.extensions)
        parts.authentication.reconfigure(accounts, build_policy(configuration))
        parts.registrar = build_registrar(parts, self.location, configuration)
        parts.proxy.has_record_route = configuration.record_route
        parts.neighbours = NeighbourDomains(configuration.neighbours)
        self.server.extensions = frozenset(accounts.by_extension)
        parts.extensions.accounts = accounts.by_extension
        self.location.retain(self.server.extensions.__contains__, now)
        apply_roles(parts, configuration)
        parts.messages.limits = read_mailbox_limits(configuration)
        parts.messages.retain(self.server.extensions.__contains__, now)
        parts.events.reconfigure(self.server.extensions, now)

    def _rename(self, domain: bytes) -> None:
        """Calls go on; phones have to register in the new domain, and prove themselves in its realm."""
        parts = self._parts
        if parts.stack.realm == domain:
            return
        parts.stack.realm = parts.proxy.realm = domain
        parts.own.reconfigure(domain, self.listeners)
        parts.line.rename(domain)
        parts.events.rename(domain)
        self.carried.domain = domain

    def relisten(self, plan: ListenerPlan, now: float) -> None:
        """The listeners are these from now on, and at their new addresses already: who moved tells its calls, who is
        gone takes its registrations with it. Its calls are ended before that: see `end_calls_over`."""
        parts = self._parts
        self.listeners[:] = plan.result
        parts.own.reconfigure(parts.stack.realm, self.listeners)
        parts.signer.reconfigure(self.listeners)
        parts.finder.reconfigure()
        parts.targets.reconfigure()
        parts.near.near = self.listeners[0] if self.listeners else UNBOUND
        self.location.part_with(plan.removed, now)
        self.calls.readdress_over(parts.line, [one for one, _ in plan.moved], now)

    def end_calls_over(self, listeners: Sequence[Listener], now: float) -> int:
        """These listeners are about to go: whoever talks over them hears BYE, and so does the other end. How many
        calls."""
        return self.calls.end_over(listeners, now)


def _read_trusted(listeners: dict[str, ListenerConfiguration]) -> dict[str, tuple[IPv4Network | IPv6Network, ...]]:
    return {name: tuple(listener.trusted) for name, listener in listeners.items()}


def assemble_office(configuration: Configuration, listeners: list[Listener], surroundings: Surroundings) -> Office:
    """Build every element and join them; the stack serves the result."""
    counters = surroundings.counters
    stack = SipStack(surroundings.flow_to, surroundings.random_octets, counters)
    realm = configuration.domain.encode()
    stack.realm = realm
    own = OwnAddresses(realm, listeners)
    location = Location(stack.timers, surroundings.store, surroundings.flow_to, counters, surroundings.journal)
    location.set_wall_offset(surroundings.wall_offset, 0.0)
    parts = OfficeParts()
    parts.stack = stack
    parts.own = own
    parts.signer = RouteSigner(surroundings.signing_key, listeners)
    parts.overload = Overload()
    parts.limiter = SourceLimiter()
    kept = KeptCalls(stack.timers, surroundings.call_store, surroundings.wall_offset)
    parts.dialogs = DialogTable(surroundings.journal, kept, surroundings.call_numbers)
    accounts = AccountDirectory.build(realm, configuration.extensions)
    policy = build_policy(configuration)
    parts.authentication = Authentication(accounts, policy, surroundings.random_octets, counters, surroundings.journal)
    parts.registrar = build_registrar(parts, location, configuration)
    parts.targets = TargetSets(stack, location, listeners)
    locator = Locator(surroundings.resolver, stack.timers, Ability.of_listeners(listeners), surroundings.random_octets)
    finder = ServerFinder(locator, listeners, surroundings.flow_to, surroundings.source_of)
    parts.proxy = Proxy(stack, parts.dialogs, parts.signer, realm, finder)
    parts.proxy.has_record_route = configuration.record_route
    parts.neighbours = NeighbourDomains(configuration.neighbours)
    parts.redirects = RedirectServer(stack, location, parts.dialogs)
    parts.finder = finder
    build_calls(parts, listeners[0] if listeners else UNBOUND, surroundings, location)
    parts.messages = MessageRelay(stack, parts.proxy, parts.targets, surroundings.journal, surroundings.message_store)
    parts.messages.wall_offset = surroundings.wall_offset
    parts.messages.limits = read_mailbox_limits(configuration)
    location.on_change(parts.messages.binding_changed)
    apply_roles(parts, configuration)
    parts.extensions.accounts = accounts.by_extension
    parts.events = build_events(parts, location, surroundings, accounts)
    server = OfficeServer(parts, frozenset(accounts.by_extension))
    stack.serve(server)
    return Office(parts, listeners, server, location)


def build_calls(parts: OfficeParts, near: Listener, surroundings: Surroundings, location: Location) -> None:
    """The call engine with the office as its only line."""
    stack, random_octets = parts.stack, surroundings.random_octets
    services = CallServices(stack.timers, random_octets, surroundings.relay, surroundings.journal)
    services.wall_offset = surroundings.wall_offset
    locate = parts.near = PhoneLocator(parts.targets, parts.finder, near)
    parts.line = OfficeLine(stack, stack.realm, locate, random_octets, DialogDirectory())
    parts.line.core.health = ServersElsewhere(parts.finder.health)
    parts.extensions = OfficeExtensions(parts.line, parts.targets, parts.own)
    services.router = ExtensionRouter(parts.extensions)
    services.numbers = surroundings.call_numbers
    engine = CallEngine(services, surroundings.records)
    SoundRounds(engine)
    Pulse(engine)
    parts.calls = CallEntry(stack, engine, parts.line)
    parts.calls.dialogs.guard = OfficeDialogGuard(parts.authentication, location)


def build_events(parts: OfficeParts, location: Location, surroundings: Surroundings,
                 accounts: AccountDirectory) -> EventServer:
    """Subscriptions and publications, joined to what they tell of."""
    event_parts = EventParts()
    event_parts.stack, event_parts.authentication = parts.stack, parts.authentication
    event_parts.location, event_parts.dialogs, event_parts.targets = location, parts.dialogs, parts.targets
    event_parts.own, event_parts.domain = parts.own, accounts.realm
    event_parts.journal, event_parts.wall_offset = surroundings.journal, surroundings.wall_offset
    event_parts.subscription_store = surroundings.subscription_store
    event_parts.publication_store = surroundings.publication_store
    events = EventServer(event_parts, frozenset(accounts.by_extension))
    events.add_mailbox(WaitingTexts(parts.messages))
    parts.carried = EngineDialogs(parts.calls.engine, accounts.realm)
    events.add_calls(parts.carried)
    return events


def apply_roles(parts: OfficeParts, configuration: Configuration) -> None:
    """Which extensions the redirect server serves, and to which others the proxy follows a phone's 3xx."""
    extensions = configuration.extensions.values()
    parts.calls.roles = {one.number.encode(): one.role for one in extensions}
    parts.calls.carries_elsewhere = configuration.role == "b2bua"
    parts.redirects.extensions = frozenset(one.number.encode() for one in extensions if one.role == "redirect")
    followed = frozenset(one.number.encode() for one in extensions if one.role != "redirect")
    parts.proxy.follower = RedirectFollower(parts.own, parts.signer, parts.targets, followed)


def read_mailbox_limits(configuration: Configuration) -> MailboxLimits:
    """What may wait for each extension."""
    return MailboxLimits(configuration.message_max_waiting, configuration.message_max_octets,
                         configuration.message_max_days * 86400.0)


def build_registrar(parts: OfficeParts, location: Location, configuration: Configuration) -> Registrar:
    """The registrar as configured; it keeps no state."""
    expiry = ExpiryPolicy(configuration.min_expires_s, configuration.max_expires_s)
    return Registrar(parts.stack, location, parts.authentication, parts.own, expiry)


def build_policy(configuration: Configuration) -> AuthenticationPolicy:
    """What the configuration says about digest."""
    return AuthenticationPolicy(general=find_algorithms(configuration.digest_algorithms),
                                trusted=_read_trusted(configuration.listeners))
