# SPDX-License-Identifier: Apache-2.0
"""The office as a line of the call engine: how INVITEs to our own phones are written, and where requests to them go.

Satisfies call.line.Line and, for the office alone, call.line.Router.
"""

from collections.abc import Callable
from typing import Final

from appliance.call.line import Destination, Dial, Line, Refused
from appliance.call.party import Party
from appliance.errors import PeerError
from appliance.native.sip_scanner import Message
from appliance.pbx.account import Account
from appliance.pbx.proxy.routing import OwnAddresses
from appliance.pbx.proxy.secure_hops import keep_secure
from appliance.pbx.proxy.server_finder import ServerFinder
from appliance.pbx.proxy.target import Destination as ProxyDestination
from appliance.pbx.proxy.target import NamedTarget, Target
from appliance.pbx.target_set import TargetSets
from appliance.rtp.relaying import EXPEDITED_FORWARDING
from appliance.sip.digest.client import DigestClient
from appliance.sip.flow import Flow, Listener
from appliance.sip.grammar import escape_user, quote, unescape
from appliance.sip.locating.search import Verdict
from appliance.sip.locating.server_health import ServerHealth
from appliance.sip.stack import SipStack
from appliance.sip.uri import SipUri, strip_for_request
from appliance.sip.uri_user import read_uri_user
from appliance.ua.agent_core import AgentCore, DialogDirectory
from appliance.ua.in_dialog_methods import TRANSFER_METHODS
from appliance.ua.location import FlowsFound, Hop, Lookup
from appliance.ua.profile import AgentProfile
from appliance.ua.request_draft import RequestDraft

ANONYMOUS: Final = Party(b"anonymous", b"Anonymous", True, b"anonymous.invalid")
PASSED: Final = (b"Alert-Info", b"Subject", b"Call-Info", b"Priority", b"Accept-Language", b"User-to-User",
                 b"Answer-Mode")
"""What one phone of the office may tell another beyond who calls; everything else stays on its leg (RFC 7092 3.2)."""
ABROAD: Final = (b"Subject", b"Priority", b"Accept-Language", b"User-to-User")
"""Of these what another domain may be told: nothing that names a host of ours."""
PRODUCT: Final = b"denwaban"
SUPPORTED: Final = (b"100rel", b"timer", b"replaces", b"norefersub")
SESSION_EXPIRES_S: Final = 1800
"""RFC 4028 4: what frees a line whose phone has vanished without a word."""


class PhoneLocator:
    """Where requests to our phones go: their flow, else their address, else their name (ua.location.Locator). near: the
    listener for those that prefer none."""

    __slots__ = ("_finder", "_targets", "near")

    def __init__(self, targets: TargetSets, finder: ServerFinder, near: Listener) -> None:
        self._targets = targets
        self._finder = finder
        self.near = near

    def __call__(self, hop: Hop, found: FlowsFound, now: float) -> Lookup | None:
        """Locator."""
        near = hop.near or self.near
        target = self._targets.target_at(hop.uri, hop.uri, near, 0, hop.size_octets)
        if isinstance(target, Target):
            if target.is_phone or hop.near is not None:
                found([target.flow], Verdict.FOUND, now)
                return None
            # a stranger's numeric address, from wherever the kernel's route to it begins
            target = NamedTarget(hop.uri, hop.uri, near)
        if target is None:
            found([], Verdict.UNREACHABLE if hop.near is None else Verdict.ABSENT, now)
            return None
        return self._finder.find(target, hop.size_octets, found, now, hop.source)


class ServersElsewhere:
    """Which servers of other domains answer, for proxy and call engine alike (ua.location.PathHealth)."""

    __slots__ = ("_health",)

    def __init__(self, health: ServerHealth) -> None:
        self._health = health

    def note_failure(self, flow: Flow, now: float) -> None:
        """PathHealth."""
        self._health.note_failure(flow, now)

    def note_answer(self, flow: Flow) -> None:
        """PathHealth."""
        self._health.note_answer(flow)

    def has_server(self, flow: Flow) -> bool:
        """PathHealth. Nobody's servers are trusted for having been asked once."""
        return False


class OfficeLine:
    """The phones of the office."""

    __slots__ = ("_domain", "_locate", "core", "dscp", "is_trunk", "name")

    def __init__(self, stack: SipStack, domain: bytes, locate: PhoneLocator, random_octets: Callable[[int], bytes],
                 dialogs: DialogDirectory) -> None:
        self.name = "office"
        self.is_trunk = False
        self.dscp = EXPEDITED_FORWARDING
        self._domain = domain
        self._locate = locate
        profile = AgentProfile(b"sip:" + domain, b"")
        profile.product = PRODUCT
        profile.supported = SUPPORTED
        profile.session_expires_s = SESSION_EXPIRES_S
        profile.may_follow = follow_nothing     # a phone's 3xx is followed by the hunt, under that phone's rights
        digest = DigestClient(find_no_secret, random_octets)
        self.core = AgentCore(stack, profile, digest, locate, random_octets, dialogs)
        self.core.serves_phones = True
        self.core.methods += [b"INFO", b"MESSAGE", *TRANSFER_METHODS]

    def rename(self, domain: bytes) -> None:
        """The office has another domain from now on."""
        self._domain = domain
        self.core.profile.aor = b"sip:" + domain

    def draft_invite(self, destination: Destination, dial: Dial, offer: bytes) -> RequestDraft:
        """Line. The caller is shown with the office's domain: calling back goes through us."""
        core = self.core
        caller = dial.caller
        if caller.is_private:
            caller = ANONYMOUS._replace(name=caller.name or ANONYMOUS.name)
        name = quote(caller.name) + b" " if caller.name else b""
        user = escape_user(caller.number) + b"@" if caller.number else b""
        local = b"%s<sip:%s%s>;tag=%s" % (name, user, caller.domain or self._domain, core.stack.new_tag())
        draft = core.draft_request(b"INVITE", destination.uri, local)
        callee = destination.callee
        called = escape_user(callee.number) + b"@" if callee.number else b""
        draft.remote = b"<sip:%s%s>" % (called, callee.domain or self._domain)
        is_secure = destination.uri[:5].lower() == b"sips:"
        draft.contact = core.profile.secure_contact if is_secure else core.profile.contact
        if dial.request is not None:
            lines = self.pass_lines(dial.request, dial.origin)
            draft.lines += keep_names(lines, ABROAD) if callee.domain else lines
        if dial.referred_by and not destination.callee.domain:
            draft.lines += b"Referred-By: %s\r\n" % dial.referred_by
        draft.lines += core.allow_line
        draft.body = offer
        draft.flow, draft.flows = destination.flow, destination.flows
        if destination.routes:
            draft.set_routes(destination.routes)
        return draft

    @property
    def sends_hold(self) -> bool:
        """Line. Phones show it."""
        return True

    @property
    def retry_500_s(self) -> float:
        """Line. A phone means what it says."""
        return 0.0

    def take_turn(self, now: float) -> float:
        """Line. Phones take what comes."""
        return 0.0

    def fit_session(self, session: bytes) -> bytes:
        """Line. Whatever one phone says another may hear."""
        return session

    def pass_lines(self, message: Message, origin: Line) -> bytes:
        """Line. Whoever it comes from says what may come in."""
        return origin.admit_lines(message)

    def admit_lines(self, message: Message) -> bytes:
        """Line."""
        lines = b""
        for name in PASSED:
            for value in message.headers(name):
                lines += b"%s: %s\r\n" % (name, value)
        return lines

    def media_host(self, flow: Flow | None) -> str:
        """Line. The address of the listener that the phone talks to, or where it has to be looked up the nearest."""
        return (self._locate.near if flow is None else flow.listener).address

    def bind_host(self, flow: Flow | None) -> str:
        """Line."""
        return self.media_host(flow)

    def may_fail_over(self, status: int) -> bool:
        """Line. The next phones are rung whatever one says, but for 6xx, which speaks for all (16.7 step 5)."""
        return status < 600

    def note_refusal(self, status: int, response: Message | None, now: float) -> None:
        """Line."""

    def may_begin(self, now: float) -> bool:
        """Line. Phones say themselves when they are busy."""
        return True

    def note_answer(self) -> None:
        """Line."""

    def note_silence(self, now: float) -> None:
        """Line. The phone itself is asked."""

    def call_begins(self) -> None:
        """Line."""

    def call_ends(self) -> None:
        """Line."""


class OfficeExtensions:
    """Extensions as destinations of calls."""

    __slots__ = ("_line", "_own", "_targets", "accounts")

    def __init__(self, line: OfficeLine, targets: TargetSets, own: OwnAddresses) -> None:
        self._line = line
        self._own = own
        self._targets = targets
        self.accounts: dict[bytes, Account] = {}

    def has_extension(self, number: bytes) -> bool:
        """Whether somebody of ours has it."""
        return number in self.accounts

    def is_own_uri(self, uri: bytes) -> bool:
        """Whether the host of this URI is the office's."""
        if uri[:4].lower() == b"tel:":
            return True
        try:
            parsed = SipUri.parse(uri)
        except PeerError:
            return False
        hostport = parsed.host if parsed.port is None else b"%s:%d" % (parsed.host, parsed.port)
        return hostport in self._own

    def find_elsewhere(self, dial: Dial, uri: bytes, now: float) -> list[list[Destination]] | Refused:
        """A URI of another domain, for one of our users."""
        if not dial.extension or uri[:4].lower() not in (b"sip:", b"sips"):
            return Refused(403, 21, "not an address of this office")
        try:
            parsed = SipUri.parse(uri)
        except PeerError:
            return Refused(404, 28, "an address that cannot be read")
        host = b"[%s]" % parsed.host if b":" in parsed.host else parsed.host
        callee = Party(unescape(parsed.user or b""), domain=host)
        phone = None if dial.routes else self._targets.find_phone(uri)
        destination = Destination(self._line, strip_for_request(uri), callee, phone, dial.routes)
        destination.is_phone = phone is not None
        return [[destination]]

    def find_destinations(self, number: bytes, is_secure: bool = False) -> list[list[Destination]]:
        """Its phones, in groups of equal q; [] where none is registered."""
        groups = self._targets.of_extension(number, 0)
        if is_secure:
            groups = keep_secure(groups)
        account = self.accounts.get(number)
        party = Party(number, account.name.encode() if account is not None else b"")
        return [[self._describe(target, party) for target in group] for group in groups]

    def _describe(self, target: ProxyDestination, party: Party) -> Destination:
        flow = None if isinstance(target, NamedTarget) else target.flow
        lines = target.lines
        routes = tuple([line.partition(b":")[2].strip() for line in lines.splitlines() if line]) if lines else ()
        destination = Destination(self._line, target.uri, party, flow, routes)
        destination.is_phone = isinstance(target, Target) and not routes
        return destination


class ExtensionRouter:
    """The dial plan of an office without trunks: extensions, and nothing else."""

    __slots__ = ("_extensions",)

    def __init__(self, extensions: OfficeExtensions) -> None:
        self._extensions = extensions

    def route(self, dial: Dial, now: float) -> list[list[Destination]] | Refused:
        """Router."""
        if dial.is_elsewhere:
            return self._extensions.find_elsewhere(dial, dial.uri, now)
        if not self._extensions.has_extension(dial.dialled):
            return Refused(404, 1, "no such extension")
        is_secure = dial.uri[:5].lower() == b"sips:"
        return self._extensions.find_destinations(dial.dialled, is_secure) or Refused(480, 20, "phone not registered")

    def is_emergency(self, dial: Dial) -> bool:
        """Router. No trunk could carry it."""
        return False

    def follow(self, dial: Dial, target: bytes, now: float) -> list[list[Destination]] | Refused:
        """Router."""
        if not self._extensions.is_own_uri(target):
            return self._extensions.find_elsewhere(dial._replace(routes=()), target, now)
        return self.route(dial._replace(dialled=read_uri_user(target), uri=target, is_elsewhere=False), now)

    def follow_elsewhere(self, dial: Dial, target: bytes, now: float) -> list[list[Destination]] | Refused:
        """Router. Extensions cost nothing."""
        return self.follow(dial, target, now)


def keep_names(lines: bytes, names: tuple[bytes, ...]) -> bytes:
    """Of whole header lines those of these names."""
    return b"".join([line for line in lines.splitlines(keepends=True) if line.partition(b":")[0] in names])


def find_no_secret(_realm: bytes) -> None:
    """We prove nothing to phones."""


def follow_nothing(uri: bytes) -> bool:
    """No redirection is obeyed by the user agent itself."""
    return not uri and False
