# SPDX-License-Identifier: Apache-2.0
"""Joins the gateway: trunks with their cores, the router, recognition and admission. Everything but hands.

`Gateway` is what the composition holds; reconfiguring keeps what has not changed, and a failure changes nothing.
"""

from collections.abc import Callable, Collection, Sequence

from appliance.config.configuration import Configuration, TrunkConfiguration
from appliance.gateway.admission import Admission
from appliance.gateway.attachment import Attachment
from appliance.gateway.carrier_profiles import PROFILES
from appliance.gateway.dial_decision import DialRules
from appliance.gateway.explanation import explain_route
from appliance.gateway.inbound_account import Challenged, InboundAccounts
from appliance.gateway.numbers_of_trunk import TrunkNumbers
from appliance.gateway.office_extensions import OfficeExtensions
from appliance.gateway.realms import TrunkRealms
from appliance.gateway.recognition import Recogniser
from appliance.gateway.route_table import RouteTable
from appliance.gateway.router import GatewayRouter
from appliance.gateway.servers import TrunkServers, tell_nobody
from appliance.gateway.translation import Translator
from appliance.gateway.trunk import Trunk, TrunkParts
from appliance.gateway.trunk_agent import build_profiles, list_hosts, read_attachment, write_server_uri, write_token
from appliance.gateway.trunk_link import TrunkLink
from appliance.gateway.trunk_report import describe_trunk, describe_waiting_trunk
from appliance.gateway.trunk_use import TrunkUse, keep_uses
from appliance.native.sip_scanner import Message
from appliance.sip.digest.client import DigestClient
from appliance.sip.flow import Flow, Listener, Side
from appliance.sip.grammar import unescape
from appliance.sip.locating.ability import Ability
from appliance.sip.locating.locator import Locator
from appliance.sip.locating.records import Resolver, SilentResolver
from appliance.sip.stack import SipStack
from appliance.sip.transaction.core import FlowOpener
from appliance.sip.uri_user import read_uri_user
from appliance.ua.agent_core import AgentCore, DialogDirectory
from appliance.ua.profile import AgentProfile
from appliance.vocabulary.journal import Journal, SilentJournal
from appliance.vocabulary.trunk_state import TrunkState


class GatewaySurroundings:
    """What the gateway needs from outside. stack, dialogs: shared with the office's phones; listeners: all of ours;
    signing_key: 16 secret octets that outlive restarts, so that our Contact is the same after one; peers_changed: told
    when `list_peers` may say something else."""

    __slots__ = ("dialogs", "flow_to", "journal", "listeners", "office", "peers_changed", "random_octets", "resolver",
                 "signing_key", "stack")

    def __init__(self, stack: SipStack, listeners: list[Listener], flow_to: FlowOpener,
                 random_octets: Callable[[int], bytes], office: OfficeExtensions) -> None:
        self.stack = stack
        self.listeners = listeners
        self.flow_to = flow_to
        self.random_octets = random_octets
        self.office = office
        self.signing_key = random_octets(16)
        self.dialogs = DialogDirectory()
        self.journal: Journal = SilentJournal()
        self.resolver: Resolver = SilentResolver()
        self.peers_changed: Callable[[], None] = tell_nobody


class GatewayPlan:
    """What a configuration makes of the gateway, built and not yet in force. trunks, attachments, numbers: by name, in
    order; listeners: of ours, as they will be; waiting: trunks whose listener is not open yet; uses: of the new
    trunks."""

    __slots__ = ("attachments", "configuration", "listeners", "numbers", "routes", "translator", "trunks", "uses",
                 "waiting")

    def __init__(self, configuration: Configuration, listeners: Sequence[Listener]) -> None:
        self.configuration = configuration
        self.listeners = tuple(listeners)
        self.translator = Translator(configuration.country)
        self.routes = RouteTable(configuration.routes.values())
        self.trunks: dict[str, Trunk] = {}
        self.attachments: dict[str, Attachment] = {}
        self.numbers: dict[str, TrunkNumbers] = {}
        self.uses: dict[str, TrunkUse] = {}
        self.waiting: dict[str, TrunkConfiguration] = {}


class Gateway:
    """trunks: by name, in the order of the configuration; waiting: those whose listener has no address yet; router:
    call.line.Router of all calls; admission: for whoever lets INVITEs in; readdress: told when a carrier sees us
    at another address. Whoever builds it calls start, and stop before the end."""

    __slots__ = ("_accounts", "_attachments", "_recogniser", "_surroundings", "_uses", "_waiting_since", "admission",
                 "readdress", "router", "trunks", "waiting")

    def __init__(self, surroundings: GatewaySurroundings) -> None:
        self._surroundings = surroundings
        self._accounts = InboundAccounts(surroundings.random_octets)
        self._attachments: dict[str, Attachment] = {}
        self._recogniser = Recogniser((), self._accounts)
        self._uses: dict[str, TrunkUse] = {}
        self._waiting_since: dict[str, float] = {}
        self.admission = Admission()
        self.readdress: Callable[[Trunk, float], None] = readdress_nobody
        self.trunks: dict[str, Trunk] = {}
        self.waiting: dict[str, TrunkConfiguration] = {}
        self.router: GatewayRouter

    # life

    def start(self, now: float) -> None:
        """Register, and take and make calls."""
        self._note_waiting(now)
        for attachment in self._attachments.values():
            attachment.start(now)

    def stop(self, now: float) -> None:
        """Take every binding away; `has_ended` once the registrars have answered or do not."""
        for attachment in self._attachments.values():
            attachment.stop(now)

    @property
    def has_ended(self) -> bool:
        """Whether nothing is registered any more."""
        return all(attachment.has_ended for attachment in self._attachments.values())

    def renew(self, now: float, listeners: Collection[Listener] | None = None) -> None:
        """The way to the outside is another one, or back: register again at once. listeners: from which, None all."""
        for name, attachment in self._attachments.items():
            if listeners is None or any(one in listeners for one in self.trunks[name].listeners):
                attachment.renew(now)

    def list_peers(self) -> list[tuple[str, int, str]]:
        """Numeric address, port and transport of every server of trunks that face the outside."""
        found = [peer for trunk in self.trunks.values() if trunk.side is Side.PUBLIC
                 for peer in trunk.servers.list_peers()]
        return list(dict.fromkeys(found))

    def has_host(self, host: bytes) -> bool:
        """Whether this numeric address is a carrier's."""
        return any(trunk.servers.has_host(host) for trunk in self.trunks.values())

    def reconfigure(self, configuration: Configuration, now: float) -> None:
        """Take up another configuration. A trunk that goes on to be attached in the same way keeps its registration and
        its calls; calls of one that is gone go on to their end."""
        self.take_up(self.prepare(configuration), now)

    def take_up(self, plan: GatewayPlan, now: float, moved: Collection[Listener] = ()) -> None:
        """Put in force what `prepare` has built. moved: listeners that are at another address since: trunks that stay
        register from there, and their calls hear of it."""
        before, attached = self.trunks, self._attachments
        self._adopt(plan)
        self._note_waiting(now)
        for name, trunk in before.items():
            if self.trunks.get(name) is not trunk:
                attached[name].stop(now)
                trunk.link.stop(now)
        for name, trunk in self.trunks.items():
            if before.get(name) is trunk:
                if any(one in moved for one in trunk.listeners):
                    attached[name].readdress(now)
                continue
            predecessor = attached.get(name)
            if predecessor is not None and not predecessor.has_ended and not before[name].token:
                predecessor.successor = self._attachments[name]     # both have the same Contact
            else:
                self._attachments[name].start(now)

    def configure(self, configuration: Configuration) -> None:
        """Build what the configuration says; nothing is sent."""
        self._adopt(self.prepare(configuration))

    def prepare(self, configuration: Configuration, listeners: Sequence[Listener] | None = None) -> GatewayPlan:
        """Build all of it, and change nothing. listeners: of ours, as they will be, None for those of now. A trunk
        whose listener has no address has to wait."""
        plan = GatewayPlan(configuration, self._surroundings.listeners if listeners is None else listeners)
        open_listeners = {listener.name for listener in plan.listeners}
        for name, one in configuration.trunks.items():
            if one.listener not in open_listeners:
                plan.waiting[name] = one
                continue
            known = self.trunks.get(name)
            is_same = known is not None and list(known.listeners) == [
                listener for listener in plan.listeners if listener.name == one.listener]
            if known is not None and is_same and read_attachment(known.configuration) == read_attachment(one):
                plan.trunks[name], plan.attachments[name] = known, self._attachments[name]
            else:
                plan.uses[name] = self._uses.get(name) or TrunkUse()
                plan.trunks[name], plan.attachments[name] = self._build_trunk(one, plan)
            plan.numbers[name] = TrunkNumbers(one, plan.trunks[name].habits, plan.translator)
        return plan

    def _note_waiting(self, now: float) -> None:
        self._waiting_since = {name: self._waiting_since.get(name, now) for name in self.waiting}

    def _adopt(self, plan: GatewayPlan) -> None:
        configuration, translator, trunks = plan.configuration, plan.translator, plan.trunks
        for name, trunk in trunks.items():
            trunk.reconfigure(configuration.trunks[name], plan.numbers[name], translator)
        self._attachments = plan.attachments
        self._uses = keep_uses(self._uses | plan.uses, trunks)
        self.trunks, self.waiting = trunks, plan.waiting
        for name, one in plan.waiting.items():
            self._surroundings.journal.record("trunk_waits_for_address", trunk=name, listener=one.listener)
        self._accounts.reconfigure(trunks.values())
        self._recogniser = Recogniser(trunks.values(), self._accounts)
        self.admission.retain(frozenset(trunks))
        office = self._surroundings.office
        rights = {number.encode(): one.allowed for number, one in configuration.extensions.items()}
        rules = DialRules(translator, plan.routes, rights, office.has_extension)
        self.router = GatewayRouter(rules, trunks, office, self._surroundings.journal, configuration.domain.encode())
        for one in plan.waiting.values():
            self.router.hosts.add(one)

    # calls

    def identify(self, request: Message, flow: Flow, now: float) -> Trunk | Challenged | None:
        """Whose a request outside dialogs is: a trunk's, of somebody who must prove that he is one, or nobody's."""
        return self._recogniser.identify(request, flow, now)

    def is_extension(self, number: bytes) -> bool:
        """Whether somebody of ours has this number."""
        return self._surroundings.office.has_extension(number)

    def read_domain(self, trunk: Trunk) -> bytes:
        """The host part of people's URIs behind a trunk, never the office's own."""
        domain = trunk.core.profile.aor.partition(b":")[2].rpartition(b"@")[2]
        return b"outside.invalid" if self._surroundings.office.is_own_uri(b"sip:" + domain) else domain

    def is_emergency(self, request: Message) -> bool:
        """Whether an INVITE is a call for help that we are to make, as dialled here or by its URN (RFC 5031)."""
        uri = request.uri
        if request.uri_scheme in (b"sip", b"sips"):
            number = unescape(request.uri_user).partition(b";")[0]
        else:
            number = read_uri_user(uri)
        if not self.router.rules.find_emergency(number, uri):
            return False
        return uri[:4].lower() == b"urn:" or self._surroundings.office.is_own_uri(uri)

    def is_emergency_through(self, trunk: Trunk, request: Message) -> bool:
        """Whether an INVITE of a trunk is a call for help of somebody in the PBX behind it."""
        called = trunk.numbers.read_called(request)
        return self.router.may_be_emergency(trunk, called[0].encode("ascii") if called else b"", request.uri)

    def explain_route(self, dialled: str, extension: str, now: float) -> list[str]:
        """What would become of this number dialled by this extension, and why; nothing is called."""
        return explain_route(self.router, dialled, extension, now)

    def trunk_states(self, now: float) -> list[TrunkState]:
        """vocabulary.trunk_state.TrunksObserved."""
        return [*(describe_trunk(trunk, self._attachments[name], now) for name, trunk in self.trunks.items()),
                *(describe_waiting_trunk(one, self._waiting_since.get(name, now))
                  for name, one in self.waiting.items())]

    # trunks

    def _build_trunk(self, configuration: TrunkConfiguration, plan: GatewayPlan) -> tuple[Trunk, Attachment]:
        around = self._surroundings
        habits = PROFILES[configuration.profile]
        parts = TrunkParts()
        parts.habits = habits
        parts.translator = plan.translator
        parts.use = plan.uses[configuration.name]
        parts.listeners = [one for one in plan.listeners if one.name == configuration.listener]
        parts.numbers = TrunkNumbers(configuration, habits, plan.translator)
        locator = Locator(around.resolver, around.stack.timers, Ability.of_listeners(parts.listeners),
                          around.random_octets)
        parts.servers = TrunkServers(locator, parts.listeners, around.flow_to)
        parts.servers.learnt = around.peers_changed
        parts.link = TrunkLink(configuration.name, parts.servers, around.journal)
        is_registered = configuration.registrar is not None
        if is_registered and habits.has_line_parameter:
            parts.token = write_token(around.signing_key, configuration)
        parts.servers.has_tcp = habits.has_tcp
        calling, registering = build_profiles(configuration, habits, parts.token)
        account = (configuration.username.encode(), configuration.secret.encode())
        digest = DigestClient(lambda realm: account if account[1] else None, around.random_octets)
        digest.may_answer = TrunkRealms(parts.servers, list_hosts(configuration)).may_answer
        parts.core = self._build_core(calling, digest, parts.servers)
        server = write_server_uri(configuration)
        attachment = Attachment(parts.core, parts.link, server, configuration.qualify_s)
        if is_registered:
            if habits.registers_domain:     # RFC 3261 10.2: the domain; where that is, the registrar leaf says
                domain = b"sip:" + configuration.domain.encode()
                parts.servers.aliases[domain] = server
                server = domain
            attachment.register_at(self._build_core(registering, digest, parts.servers), server, habits.expires_s)
        trunk = Trunk(configuration, parts)
        trunk.suspect = attachment.renew
        attachment.moved = lambda now: self.readdress(trunk, now)
        return trunk, attachment

    def _build_core(self, profile: AgentProfile, digest: DigestClient, servers: TrunkServers) -> AgentCore:
        around = self._surroundings
        core = AgentCore(around.stack, profile, digest, servers, around.random_octets, around.dialogs)
        core.health = servers
        core.methods.append(b"INFO")    # RFC 6086; REFER never: a carrier moves nobody about
        return core


def readdress_nobody(_trunk: Trunk, _now: float) -> None:
    """For a gateway without calls."""


def assemble_gateway(configuration: Configuration, surroundings: GatewaySurroundings) -> Gateway:
    """Build everything and join it; nothing is sent before `start`."""
    gateway = Gateway(surroundings)
    gateway.configure(configuration)
    return gateway
