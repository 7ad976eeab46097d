# SPDX-License-Identifier: Apache-2.0
"""A trunk: a line to a carrier or to another PBX, registered there or static. Satisfies call.line.Line.

It writes requests as its carrier wants them and reads what the carrier says; legs tell it when they begin and end.
"""

from collections.abc import Callable, Sequence

from appliance.call.line import Destination, Dial, Line
from appliance.call.party import Party
from appliance.config.configuration import TrunkConfiguration
from appliance.gateway.border import pass_inwards, pass_outwards
from appliance.gateway.carrier_profiles.carrier_profile import CarrierProfile, PrivacyWay
from appliance.gateway.codec_filter import filter_offer
from appliance.gateway.identity import read_caller, write_identity
from appliance.gateway.numbers_of_trunk import TrunkNumbers
from appliance.gateway.rate import Pace
from appliance.gateway.servers import TrunkServers
from appliance.gateway.translation import Translator, escape_user
from appliance.gateway.trunk_agent import write_server_uri
from appliance.gateway.trunk_link import TrunkLink
from appliance.gateway.trunk_use import TrunkUse
from appliance.native.sip_scanner import Message
from appliance.numbering.digits import Presentation
from appliance.rtp.relaying import EXPEDITED_FORWARDING
from appliance.sip.flow import Flow, Listener, Side
from appliance.ua.agent_core import AgentCore
from appliance.ua.request_draft import RequestDraft

TURN_LIMIT_S = 5.0
"""Nobody waits longer than that for his turn: he hears that he is to try again."""
SLACK = 1.1
"""What leaves us a second apart may arrive in less; and alarms are late by up to a tick."""


class TrunkDestination(Destination):
    """number: as it goes out; is_withheld: whether our headers are to hide who calls."""

    __slots__ = ("_servers", "is_withheld", "number")

    def __init__(self, trunk: "Trunk", number: str, is_withheld: bool) -> None:
        super().__init__(trunk, trunk.write_uri(number), Party(number.encode("ascii")))
        self.number = number
        self.is_withheld = is_withheld
        self._servers = trunk.servers

    @property
    def first_flow(self) -> Flow | None:
        """Destination. The server that answered last is the first one asked, so that its early media are heard from the
        beginning; where it is another one after all, its first response shows it."""
        return self._servers.latest


class TrunkParts:
    """What a trunk is joined from. core: of its calls; token: the word in its registered Contact, b"" for none; use: of
    the trunk of this name, also where it was attached in another way."""

    __slots__ = ("core", "habits", "link", "listeners", "numbers", "servers", "token", "translator", "use")

    core: AgentCore
    habits: CarrierProfile
    link: TrunkLink
    listeners: Sequence[Listener]
    numbers: TrunkNumbers
    servers: TrunkServers
    token: bytes
    translator: Translator
    use: TrunkUse

    def __init__(self) -> None:
        self.token = b""
        self.use = TrunkUse()


class Trunk:
    """suspect: asks at once whether its carrier is there; use: how many calls it has and had."""

    __slots__ = ("_domain", "_pace", "_server_uri", "_translator", "configuration", "core", "dscp", "habits",
                 "is_trunk", "link", "listeners", "name", "numbers", "servers", "suspect", "token", "use")

    def __init__(self, configuration: TrunkConfiguration, parts: TrunkParts) -> None:
        self.configuration = configuration
        self.name = configuration.name
        self.is_trunk = True
        self.core = parts.core
        self.habits = parts.habits
        self.dscp = parts.habits.dscp or EXPEDITED_FORWARDING
        self.link = parts.link
        self.listeners = parts.listeners
        self.numbers = parts.numbers
        self.servers = parts.servers
        self.token = parts.token
        self.suspect: Callable[[float], None] = suspect_nothing
        self._translator = parts.translator
        self._server_uri = write_server_uri(configuration)
        self._domain = _write_domain(configuration, parts.habits)
        limit = parts.habits.invites_a_second
        self._pace = Pace(SLACK / limit) if limit else None
        self.use = parts.use

    def reconfigure(self, configuration: TrunkConfiguration, numbers: TrunkNumbers, translator: Translator) -> None:
        """Other numbers, channels and rights; the attachment is the same."""
        self.configuration = configuration
        self.numbers = numbers
        self._translator = translator

    @property
    def side(self) -> Side:
        """Which network its listener faces."""
        return self.listeners[0].side

    @property
    def calls(self) -> int:
        """Legs on it now."""
        return self.use.calls

    @property
    def is_emergency(self) -> bool:
        """Whether it carries emergency calls."""
        return self.configuration.is_emergency

    # call.line.Line

    def draft_invite(self, destination: Destination, dial: Dial, offer: bytes) -> RequestDraft:
        """Line."""
        core = self.core
        draft = core.draft_request(b"INVITE", destination.uri)
        draft.supported = tuple(self.habits.supported)
        draft.remote = b"<%s>" % self._write_to(destination)
        if not draft.routes:
            draft.next_hop = self._server_uri
        draft.near = self.listeners[0]
        is_withheld = destination.is_withheld if isinstance(destination, TrunkDestination) else dial.caller.is_private
        name = b"" if is_withheld else self._choose_name(dial)
        presented = write_identity(self._write_own(dial), name, is_withheld, self.habits)
        draft.local = b"%s;tag=%s" % (presented.from_value, core.stack.new_tag())
        draft.contact = core.profile.contact
        draft.lines += core.allow_line + presented.lines + self._write_caller_for_pbx(dial, is_withheld)
        if self.habits.has_diversion and dial.origin.is_trunk and dial.extension:
            # RFC 5806 4: a call from outside that one of ours sends on; the reason is not ours to tell
            draft.lines += b"Diversion: <%s>;reason=unknown\r\n" % self._write_own(dial)
        if dial.request is not None:
            draft.lines += self.pass_lines(dial.request, dial.origin)
        draft.body = offer
        return draft

    def pass_lines(self, message: Message, origin: Line) -> bytes:
        """Line."""
        return pass_outwards(message, self.habits.passed_headers)

    def admit_lines(self, message: Message) -> bytes:
        """Line."""
        return pass_inwards(message)

    def media_host(self, flow: Flow | None) -> str:
        """Line. Where a NAT stands before us, the address that the registrar sees."""
        listener = flow.listener if flow is not None else self.listeners[0]
        mapped = self.core.profile.mapped.get(listener.name)
        if mapped is None:
            return listener.address
        host = mapped.partition(b"]")[0][1:] if mapped.startswith(b"[") else mapped.rpartition(b":")[0]
        return host.decode("ascii")

    def bind_host(self, flow: Flow | None) -> str:
        """Line."""
        listener = flow.listener if flow is not None else self.listeners[0]
        return listener.address

    def may_begin(self, now: float) -> bool:
        """Line."""
        return not self.is_full

    def note_silence(self, now: float) -> None:
        """Line. A NAT before us may have another address: the registrar's next answer says so."""
        self.suspect(now)

    def call_begins(self) -> None:
        """Line."""
        self.use.calls += 1

    def call_ends(self) -> None:
        """Line."""
        self.use.calls -= 1

    @property
    def is_full(self) -> bool:
        """Whether every channel is in use."""
        channels = self.configuration.channels
        return 0 < channels <= self.use.calls

    # what the call engine tells and asks besides

    def may_send(self, now: float) -> bool:
        """Whether the turn of one more INVITE would come soon enough."""
        return self._pace is None or self._pace.wait_s(now) <= TURN_LIMIT_S

    def take_turn(self, now: float) -> float:
        """Line. Carriers that count answer what comes too early with 500."""
        return self._pace.take(now) if self._pace is not None else 0.0

    def note_refusal(self, status: int, response: Message | None, now: float) -> None:
        """An INVITE was refused, or nobody answered (408, 503 without a response)."""
        self.link.note_refusal(status, response, now)
        if response is None:
            self.suspect(now)   # whether anybody is there at all is found out before the next call

    def note_answer(self) -> None:
        """Line."""
        self.link.note_passage()

    def may_fail_over(self, status: int) -> bool:
        """Whether the next trunk is tried after this final response: not where the called side has spoken."""
        return status in self.habits.failover_statuses

    @property
    def sends_hold(self) -> bool:
        """Line."""
        return self.habits.sends_hold

    @property
    def retry_500_s(self) -> float:
        """Line."""
        return self.habits.retry_500_s

    def fit_session(self, session: bytes) -> bytes:
        """Line. What the carrier takes. Where nothing of it is left, the whole of it: the carrier says no."""
        habits = self.habits
        return filter_offer(session, habits.codecs, habits.packet_time_ms) or session if habits.codecs else session

    # what comes in

    def read_dial(self, request: Message) -> Dial:
        """An INVITE of the carrier's, as somebody who wants a call. Nobody's rights come with it."""
        called = self.numbers.read_called(request)
        known = next((one for one in called if self.numbers.find_extension(one)), called[0] if called else "")
        caller = read_caller(request, self.habits, self._translator)
        return Dial(known.encode("ascii"), request.uri, self, caller, b"", request)

    # how requests are written

    def write_destination(self, number: str, presentation: Presentation | None = None,
                          is_private: bool = False) -> TrunkDestination:
        """A call to this number as the carrier wants it. presentation: the prefix it was dialled behind, which counts
        more than is_private, what the caller's telephone says: 186 shows, 184 withholds."""
        habits = self.habits
        written = self._translator.write_outbound(number, habits.number_format)
        if habits.privacy is PrivacyWay.HEADER:
            return TrunkDestination(self, written, is_private if presentation is None else presentation.is_withheld)
        if presentation is not None:
            return TrunkDestination(self, presentation.prefix + written, False)
        if is_private and habits.privacy is PrivacyWay.DIGITS:
            return TrunkDestination(self, self._translator.withholding_prefix + written, False)
        return TrunkDestination(self, written, is_private)

    def write_emergency(self, number: str, now: float) -> TrunkDestination:
        """A call to an emergency number: exactly that, whatever the profile says; nobody hides there."""
        destination = TrunkDestination(self, number, False)
        destination.is_emergency = True
        destination.is_reachable = self.link.is_up(now)
        return destination

    def write_uri(self, number: str) -> bytes:
        """The Request-URI."""
        host = self._server_uri.partition(b":")[2].partition(b";")[0] if self.habits.has_server_host else self._domain
        return self._write_user_uri(number, host)

    def _write_user_uri(self, number: str, host: bytes) -> bytes:
        parameter = b";user=phone" if self.habits.has_user_phone else b""
        return b"sip:%s@%s%s" % (escape_user(number.encode("ascii")), host, parameter)

    def _write_to(self, destination: Destination) -> bytes:
        if isinstance(destination, TrunkDestination) and self.habits.has_server_host:
            return self._write_user_uri(destination.number, self._domain)
        return destination.uri

    def _write_own(self, dial: Dial) -> bytes:
        """Our URI in From and identity. Inside another PBX, which knows no number of ours, it is the caller's."""
        own = self.numbers.choose_own(dial.extension, dial.caller.number)
        if not own and self.side is Side.PRIVATE:
            user = dial.caller.number
            return b"sip:%s@%s" % (escape_user(user), self._domain) if user else b"sip:%s" % self._domain
        return b"sip:%s@%s" % (own.encode("ascii"), self._domain) if own else self.core.profile.aor

    def _choose_name(self, dial: Dial) -> bytes:
        return dial.caller.name if self.habits.shows_names or self.side is Side.PRIVATE else b""

    def _write_caller_for_pbx(self, dial: Dial, is_withheld: bool) -> bytes:
        """On the private side the other PBX is part of the house: it learns who calls, which its own From check would
        not let us say in From (RFC 3325 5)."""
        number = dial.caller.number
        if self.side is not Side.PRIVATE or is_withheld or not number or not self.configuration.number:
            return b""
        return b"P-Asserted-Identity: <sip:%s@%s>\r\n" % (escape_user(number), self._domain)


def suspect_nothing(_now: float) -> None:
    """For where nobody can ask."""


def _write_domain(configuration: TrunkConfiguration, habits: CarrierProfile) -> bytes:
    """The host part of what we write: the carrier's domain; with its port where that is the server itself."""
    server = configuration.registrar or configuration.peer
    port = server.port if server is not None else 0
    host = configuration.domain
    own_host = (configuration.registrar.host if configuration.registrar
                else configuration.peer.address if configuration.peer else "")
    bracketed = f"[{host}]" if ":" in host else host
    has_port = host == own_host and port not in (0, 5060) and not habits.has_server_host
    return (f"{bracketed}:{port}" if has_port else bracketed).encode()
