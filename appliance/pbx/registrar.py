# SPDX-License-Identifier: Apache-2.0
"""The registrar, RFC 3261 section 10.3, with Path (RFC 3327) and the registrar's part of RFC 5626.

It keeps no state: bindings are the location service's. A phone that refreshes what it has takes a short way.
"""

from collections.abc import Container
from math import ceil
from typing import Final, Protocol

from appliance.errors import PeerError
from appliance.native.sip_scanner import Message
from appliance.pbx.account import Account
from appliance.pbx.authentication import Challenge
from appliance.pbx.binding import Binding
from appliance.pbx.location import BINDINGS_MAX, Location, Outcome
from appliance.pbx.register_reading import ExpiryPolicy, has_direct_source, read_registration
from appliance.pbx.registration import Registration
from appliance.pbx.registration_lines import build_extension_lines, print_date
from appliance.sip.flow import TLS, Flow
from appliance.sip.grammar import unescape
from appliance.sip.uri import SipUri

SUPPORTED: Final = frozenset({b"path", b"outbound"})
REMEMBERED = 1024                   # Request-URIs and domain parts of To that were found to be ours
WALL_CLOCK_SANE_S = 1_735_689_600   # 2025: before that the box does not know the time, and says none


class Responder(Protocol):
    """The part of a server transaction that is used here."""

    def respond(self, status: int, now: float, lines: bytes = b"") -> None:
        """Build and send a response."""


class Stack(Protocol):
    """The part of sip.stack.SipStack that is used here."""

    def open_server(self, message: Message, flow: Flow, now: float) -> Responder:
        """The server transaction of a request."""

    def reply_stateless(self, message: Message, flow: Flow, status: int, lines: bytes = b"") -> None:
        """Answer and forget."""


class Authentication(Protocol):
    """pbx.authentication.Authentication as far as it is used here."""

    def judge(self, message: Message, flow: Flow, now: float, is_proxy: bool) -> Account | Challenge:
        """Who sent this, or what to ask for."""


class Registrar:
    """Answers REGISTER.

    domains: what we are responsible for, as lower-case host[:port]; policy: seconds that are granted.
    """

    __slots__ = ("_authentication", "_counters", "_date_line", "_date_s", "_domains", "_journal", "_location",
                 "_own_tos", "_own_uris", "_policy", "_stack")

    def __init__(self, stack: Stack, location: Location, authentication: Authentication, domains: Container[bytes],
                 policy: ExpiryPolicy) -> None:
        self._stack = stack
        self._location = location
        self._authentication = authentication
        self._counters = location.counters
        self._journal = location.journal
        self._date_s = 0
        self._date_line = b""
        self._domains = domains
        self._policy = policy
        self._own_uris: set[bytes] = set()
        self._own_tos: set[bytes] = set()

    def handle_register(self, message: Message, flow: Flow, now: float) -> None:
        """Answer one REGISTER that belongs to no transaction (10.3); what it asks is done wholly or not at all."""
        if message.uri not in self._own_uris and not self._admit_uri(message, flow):                # step 1
            return
        if message.has_require and not self._admit_require(message, flow):                          # step 2
            return
        account = self._authentication.judge(message, flow, now, False)                             # step 3
        if isinstance(account, Challenge):
            self._stack.reply_stateless(message, flow, account.status, account.lines)
            return
        server = self._stack.open_server(message, flow, now)
        try:
            lines = self._serve(message, flow, account.extension, now)
        except PeerError as error:
            self._refuse(message, flow, error)
            server.respond(error.status_hint, now, self._refusal_lines(error, flow))
        else:
            self._counters["registrations_accepted"] += 1
            server.respond(200, now, lines)                                                         # step 8

    # steps 1 and 2: nothing is known of the sender, so nothing is kept

    def _admit_uri(self, message: Message, flow: Flow) -> bool:
        """Step 1, and 10.2: a Request-URI that names one of our domains and no user."""
        error = self._judge_uri(message, flow)
        if error is None:
            remember(self._own_uris, message.uri)
            return True
        self._refuse(message, flow, error)
        self._stack.reply_stateless(message, flow, error.status_hint, self._refusal_lines(error, flow))
        return False

    def _judge_uri(self, message: Message, flow: Flow) -> PeerError | None:
        scheme = message.uri_scheme
        if scheme not in (b"sip", b"sips"):
            return PeerError("Request-URI scheme", 416, message.uri, "RFC 3261 8.2.2.1")
        if scheme == b"sips" and flow.listener.transport != TLS:
            return PeerError("sips without TLS", 416, message.uri, "RFC 3261 26.2.2")
        try:
            uri = SipUri.parse(message.uri)
        except PeerError as error:
            return error
        if uri.user is not None:
            return PeerError("Request-URI of a REGISTER with a user", 400, message.uri, "RFC 3261 10.2")
        if message.uri_hostport not in self._domains:
            return PeerError("not our domain", 403, message.uri, "RFC 3261 10.3 step 1")
        return None

    def _admit_require(self, message: Message, flow: Flow) -> bool:
        """Step 2, as any UAS does it (8.2.2.3)."""
        unsupported = [tag for tag in message.values(b"Require") if tag.lower() not in SUPPORTED]
        if not unsupported:
            return True
        self._refuse(message, flow, PeerError("unsupported extension", 420, unsupported[0], "RFC 3261 8.2.2.3"))
        self._stack.reply_stateless(message, flow, 420, b"Unsupported: %b\r\n" % b", ".join(unsupported))
        return False

    # steps 4 to 8: what the authenticated user asks

    def _serve(self, message: Message, flow: Flow, extension: bytes, now: float) -> bytes:
        """Do what is asked; the lines of the 200. PeerError for any other answer."""
        user = message.to_user
        if user != extension and unescape(user) != extension:                                       # step 4
            raise PeerError("To is another user's address", 403, message.to_uri, "RFC 3261 10.3 step 4")
        if message.to_uri.partition(b"@")[2] not in self._own_tos:                                  # step 5
            self._check_to(message)
        location = self._location
        bindings = location.bindings_of(extension)
        lines = message.headers(b"Contact")
        if len(lines) == 1:
            for binding in bindings:
                if binding.value == lines[0]:
                    granted_s = self._grant_refresh(binding, message, flow)
                    if granted_s:
                        location.renew(binding, message, granted_s, now)
                        return self._build_lines(bindings, now)
                    break
        if not lines:                                                                               # step 6: a query
            return self._build_lines(bindings, now)
        extra_lines = self._change(message, flow, extension, lines, now)
        return extra_lines + self._build_lines(location.bindings_of(extension), now)

    def _check_to(self, message: Message) -> None:
        """Step 5: an address of one of our domains. PeerError 404, 400, 416."""
        uri = SipUri.parse(message.to_uri)
        if uri.hostport not in self._domains:
            raise PeerError("To is not in our domain", 404, message.to_uri, "RFC 3261 10.3 step 5")
        remember(self._own_tos, message.to_uri.partition(b"@")[2])

    def _grant_refresh(self, binding: Binding, message: Message, flow: Flow) -> int:
        """Seconds for a REGISTER that repeats a binding's Contact and changes nothing; 0: it must go the long way."""
        if binding.arrival is not flow or binding.reg_id or binding.is_direct != has_direct_source(message, flow):
            return 0
        if binding.path or message.header(b"Path") is not None:
            return 0
        if message.call_id == binding.call_id:
            if message.cseq <= binding.cseq:
                return 0
        elif (message.header(b"User-Agent") or b"") != binding.user_agent:
            return 0
        requested_s = binding.requested_s
        if requested_s < 0:
            requested_s = message.expires
            if requested_s < 0:
                requested_s = self._policy.default_s
        return self._policy.grant(requested_s)

    def _change(self, message: Message, flow: Flow, aor: bytes, lines: list[bytes], now: float) -> bytes:
        """Steps 6 and 7; lines of the 200 beside the Contacts."""
        if any(value == b"*" for value in message.values(b"Contact")):
            if lines != [b"*"] or message.expires != 0:
                raise PeerError("* with other Contacts or without Expires: 0", 400, lines[0], "RFC 3261 10.3 step 6")
            registration = Registration(aor, message.call_id, message.cseq, flow)
            outcome = self._location.remove_all(registration, now)
        else:
            registration = read_registration(message, flow, aor, self._policy)
            self._check_schemes(message, registration)
            outcome = self._location.update(registration, now)
        if outcome is Outcome.OUT_OF_ORDER:
            raise PeerError("CSeq is not higher than the one before", 400, b"%d" % message.cseq, "RFC 3261 10.3 step 7")
        if outcome is Outcome.REPEATED:
            raise PeerError("two Contacts mean the same binding", 400, lines[0], "RFC 3261 10.3 step 7")
        if outcome is Outcome.FULL:
            raise PeerError("too many bindings", 403, b"%d" % BINDINGS_MAX)
        return build_extension_lines(message, registration)

    @staticmethod
    def _check_schemes(message: Message, registration: Registration) -> None:
        """10.2.1: an address that is sips may only be bound to Contacts that are as well secured."""
        if message.to_uri[:5].lower() != b"sips:":
            return
        for requested in registration.contacts:
            if requested.granted_s and requested.uri[:4].lower() == b"sip:":
                raise PeerError("a sip Contact for a sips address", 400, requested.uri, "RFC 3261 10.2.1")

    # answers

    def _build_lines(self, bindings: list[Binding], now: float) -> bytes:
        """Step 8: Date, and every binding with the seconds it has left."""
        date_line = self._date_line if int(now + self._location.wall_offset) == self._date_s else self._print_date(now)
        if len(bindings) == 1:
            return b"%b%b%d\r\n" % (date_line, bindings[0].line_head, round_left(bindings[0], now))
        contacts = [b"%b%d\r\n" % (binding.line_head, round_left(binding, now)) for binding in bindings]
        return date_line + b"".join(contacts)

    def _print_date(self, now: float) -> bytes:
        wall_s = self._date_s = int(now + self._location.wall_offset)
        self._date_line = print_date(wall_s) if wall_s >= WALL_CLOCK_SANE_S else b""
        return self._date_line

    def _refuse(self, message: Message, flow: Flow, error: PeerError) -> None:
        """Count and note a refusal; the journal bounds how often."""
        self._counters["registrations_refused"] += 1
        self._journal.record("registration_refused", status=error.status_hint, reason=str(error), to=message.to_uri,
                             source=flow.hostport, excerpt=error.excerpt)

    def _refusal_lines(self, error: PeerError, flow: Flow) -> bytes:
        """What a refusal says beside its status: why (20.43), and for 423 how much it must be (20.23)."""
        warning = b"Warning: 399 %b \"%b\"\r\n" % (flow.listener.hostport, str(error).encode("ascii", "replace"))
        if error.status_hint == 423:
            return b"Min-Expires: %d\r\n" % self._policy.min_s + warning
        return warning


def round_left(binding: Binding, now: float) -> int:
    """Whole seconds that a binding has left: never more than were granted, which a sum of fractions may exceed."""
    return max(min(ceil(binding.deadline - now), binding.granted_s), 0)


def remember(known: set[bytes], octets: bytes) -> None:
    """Keep what was found good; a flood of spellings empties the memory instead of growing it."""
    if len(known) >= REMEMBERED:
        known.clear()
    known.add(octets)
