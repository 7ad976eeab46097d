# SPDX-License-Identifier: Apache-2.0
"""A REGISTER client that never gives up: RFC 3261 10.2, with 423, Retry-After and the address it is seen at (RFC 3581).

One binding of one AOR; it changes its own state and the profile's mapped address.
"""

from enum import IntEnum
from ipaddress import ip_address
from typing import Final, Protocol

from appliance.errors import MisuseError, PeerError
from appliance.native.sip_scanner import Message, ScanError, find_parameter, split_address
from appliance.sip.flow import Flow
from appliance.sip.uri import SipUri
from appliance.ua.agent_core import AgentCore
from appliance.ua.outgoing_request import OutgoingRequest
from appliance.ua.retrying import decide_delay, read_retry_after

LAST_RETRY_S: Final = 60.0
RETRY_AFTER_LIMIT_S: Final = 3600
"""A server may ask us to stay away for an hour, not for ever."""


class RegistrationState(IntEnum):
    """ASKING: a REGISTER is out; HELD: the binding stands; WAITING: until the next try after a failure; CLOSING: to be
    removed once the REGISTER that is out has its answer (10.2: never two at a time); REMOVING; ENDED."""

    IDLE = 0
    ASKING = 1
    HELD = 2
    WAITING = 3
    CLOSING = 4
    REMOVING = 5
    ENDED = 6


IDLE, ASKING, HELD, WAITING, CLOSING, REMOVING, ENDED = RegistrationState
TRANSITIONS: Final = (
    frozenset({ASKING, ENDED}),
    frozenset({HELD, WAITING, CLOSING}),
    frozenset({ASKING, REMOVING}),
    frozenset({ASKING, REMOVING, ENDED}),
    frozenset({REMOVING, ENDED}),
    frozenset({ENDED}),
    frozenset({ASKING}),
)
"""What may follow each state, by its number."""


class RegistrationFailure(IntEnum):
    """Why the last REGISTER failed, as far as people can do something about it. NONE: it did not."""

    NONE = 0
    UNRESOLVED = 1
    """Nobody could say where the registrar is: the DNS, or no transport of ours."""
    UNREACHABLE = 2
    """The connection failed, see `words`."""
    SILENT = 3
    WRONG_CREDENTIALS = 4
    """What it had asked for it refused."""
    NO_CREDENTIALS = 5
    """It asks for what we do not have: another realm, an algorithm that we do not know."""
    FORBIDDEN = 6
    UNKNOWN = 7
    """404: it knows no such number."""
    INTERVAL = 8
    """423 with an interval that we would not ask for."""
    SERVER = 9
    """5xx: the registrar is in trouble."""
    REFUSED = 10


_FAILURES: Final = {403: RegistrationFailure.FORBIDDEN, 404: RegistrationFailure.UNKNOWN,
                    408: RegistrationFailure.SILENT, 423: RegistrationFailure.INTERVAL}


def decide_failure(request: OutgoingRequest, status: int, response: Message | None) -> RegistrationFailure:
    """What a refused REGISTER means."""
    if response is None:
        if request.client is None:
            return RegistrationFailure.UNRESOLVED
        return RegistrationFailure.SILENT if status == 408 else RegistrationFailure.UNREACHABLE
    if status in (401, 407):
        return (RegistrationFailure.WRONG_CREDENTIALS if request.has_wrong_credentials
                else RegistrationFailure.NO_CREDENTIALS)
    if 500 <= status < 600:
        return RegistrationFailure.SERVER
    return _FAILURES.get(status, RegistrationFailure.REFUSED)


class RegistrationEvents(Protocol):
    """Who wants to know."""

    def registration_granted(self, registration: "Registration", expires_s: int, now: float) -> None:
        """The binding stands, for the first time or again."""

    def registration_failed(self, registration: "Registration", status: int, retry_s: float, now: float) -> None:
        """Refused with this status (408, 503: nobody answered); tried again after retry_s."""

    def registration_ended(self, registration: "Registration", now: float) -> None:
        """Removed as we wished, or given up while leaving."""


class Registration:
    """registrar: a URI without user part (10.2); parameters: of our Contact, from the first ";"; expires_s: what we ask
    for; service_route: what the registrar wants our requests to go by (RFC 3608); does_map: register under the address
    that a NAT gives us; flow: to the registrar, of the last REGISTER; failure, words: why that failed, words: in those
    of whoever refused, "" where there are none."""

    __slots__ = ("_alarm", "_call_id", "_core", "_cseq", "_events", "_failures", "_granted", "_registrar", "_request",
                 "_stale", "_tag", "does_map", "expires_s", "failure", "flow", "parameters", "service_route", "state",
                 "words")

    def __init__(self, core: AgentCore, registrar: bytes, events: RegistrationEvents, expires_s: int = 3600) -> None:
        if b"@" in registrar:
            raise MisuseError("a registrar's URI has no user part (10.2)")
        self._core = core
        self._registrar = registrar
        self._events = events
        self._alarm = core.alarm()
        self._call_id = core.new_call_id()      # 10.2: the same for all, CSeq counting on
        self._tag = core.stack.new_tag()
        self._cseq = 0
        self._failures = 0
        self._request: OutgoingRequest | None = None
        self._stale: list[bytes] = []
        self._granted = b""         # the Contact that is bound
        self.expires_s = expires_s
        self.parameters = b""
        self.service_route: list[bytes] = []
        self.does_map = True
        self.flow: Flow | None = None
        self.failure = RegistrationFailure.NONE
        self.words = ""
        self.state = IDLE

    def _enter(self, state: RegistrationState) -> None:
        if state not in TRANSITIONS[self.state]:
            raise MisuseError(f"registration: {self.state.name} to {state.name}")
        self.state = state

    # what its element asks for

    def start(self, now: float) -> None:
        """Register, and stay registered."""
        self._enter(ASKING)
        self._send(self.expires_s, now)

    def refresh(self, now: float) -> None:
        """Do not wait: the network has changed."""
        if self.state in (HELD, WAITING):
            self._alarm.clear()
            self._enter(ASKING)
            self._send(self.expires_s, now)

    def readdress(self, now: float) -> None:
        """Our listener has moved: register from there at once, and take the binding of before away. What is under way
        left from an address at which its answer may never come: it is not waited for, as 10.2.4 would have it."""
        if self._granted:
            self._stale = [self._granted]
        if self.state is ASKING and self._request is not None:
            self._cseq = max(self._cseq, self._request.draft.cseq)
            self._send(self.expires_s, now)
        else:
            self.refresh(now)

    def stop(self, now: float) -> None:
        """Remove the binding (10.2.2)."""
        self._alarm.clear()
        if self.state is ASKING:
            self._enter(CLOSING)
            if self._request is not None:
                self._request.stop_trying()
        elif self.state in (HELD, WAITING):
            self._remove(now)
        elif self.state is IDLE:
            self._end(now)

    def _remove(self, now: float) -> None:
        self._enter(REMOVING)
        self._send(0, now)

    def _send(self, expires_s: int, now: float) -> None:
        core = self._core
        draft = core.draft_request(b"REGISTER", self._registrar)
        draft.local = core.profile.from_value(self._tag)
        draft.remote = b"<%s>" % core.profile.aor   # 10.2: To is the AOR
        draft.call_id = self._call_id
        draft.cseq = self._cseq + 1
        draft.expires_s = expires_s
        draft.contact = self._write_contact
        self._request = OutgoingRequest(core, draft, self)
        self._request.send(now)

    def _write_contact(self, flow: Flow) -> bytes:
        stale = [b"%s;expires=0" % uri for uri in self._stale]
        return b", ".join([self._core.profile.contact(flow) + self.parameters, *stale])

    # what the registrar says

    def provisional_received(self, request: OutgoingRequest, response: Message, now: float) -> None:
        """RequestOwner."""

    def request_succeeded(self, request: OutgoingRequest, response: Message, now: float) -> None:
        """RequestOwner."""
        if request is not self._request:
            return
        self._cseq = request.draft.cseq
        if self.state is REMOVING:
            self._end(now)
            return
        self.expires_s = max(self.expires_s, request.draft.expires_s)   # what a 423 has taught us
        self.service_route = response.values(b"Service-Route")
        self._stale = []
        self._failures = 0
        self._note_outcome(request, 200, response)
        if self.state is CLOSING:
            self._remove(now)
            return
        granted_s = self._read_granted(request, response)
        if granted_s <= 0:
            self._retry(500, 0, now)    # a 200 that binds nothing is none
            return
        self._enter(HELD)
        self._granted = self._core.profile.contact(request.flow) if request.flow is not None else b""
        # 10.2.4: well before the end; at a random moment, so that a thousand phones do not come at once
        self._alarm.set(now + granted_s * (0.5 + 0.4 * self._core.random_fraction()), self.refresh)
        has_moved = self.does_map and request.flow is not None and self._learn_address(request.flow, response)
        self._events.registration_granted(self, granted_s, now)
        if has_moved:
            self.refresh(now)

    def request_refused(self, request: OutgoingRequest, status: int, response: Message | None, now: float) -> None:
        """RequestOwner."""
        if request is not self._request:
            return
        self._cseq = request.draft.cseq
        self._note_outcome(request, status, response)
        if self.state is REMOVING or (self.state is CLOSING and response is None):
            self._end(now)  # nobody is there to hear that we leave
        elif self.state is CLOSING:
            self._remove(now)
        else:
            self._retry(status, min(read_retry_after(response), RETRY_AFTER_LIMIT_S), now)

    def _note_outcome(self, request: OutgoingRequest, status: int, response: Message | None) -> None:
        flow = self.flow = request.flow
        if status == 200:
            self.failure, self.words = RegistrationFailure.NONE, ""
            return
        self.failure = decide_failure(request, status, response)
        if response is not None:
            self.words = response.reason_phrase.decode("utf-8", "replace")
        elif flow is not None and self.failure is RegistrationFailure.UNREACHABLE:
            self.words = flow.failure
        else:
            self.words = ""

    def _retry(self, status: int, retry_after_s: int, now: float) -> None:
        self._enter(WAITING)
        retry_s = max(decide_delay(self._failures, LAST_RETRY_S, self._core.random_fraction()), retry_after_s)
        self._failures += 1
        self._alarm.set(now + retry_s, self.refresh)
        self._events.registration_failed(self, status, retry_s, now)

    def _end(self, now: float) -> None:
        self._enter(ENDED)
        self._events.registration_ended(self, now)

    def _read_granted(self, request: OutgoingRequest, response: Message) -> int:
        """10.2.4: expires of our own Contact, else Expires, else what we asked for (10.3 step 8 wants it there)."""
        flow = request.flow
        ours = _read_uri(self._core.profile.contact(flow)) if flow is not None else None
        for value in response.values(b"Contact"):
            if ours is not None and _read_uri(value) == ours:
                written = find_parameter(split_address(value)[2], b"expires") or b""
                if written.isdigit():
                    return int(written[:9])
        return response.expires if response.expires >= 0 else request.draft.expires_s

    def _learn_address(self, flow: Flow, response: Message) -> bool:
        """Whether the registrar sees us under another address than our Contact says (RFC 3581 4)."""
        listener = flow.listener
        if listener.is_reliable:
            return False    # a connection's port is no address to be called at
        if response.source_host != flow.host:
            return False    # only where it was asked does anybody know whence
        host = (find_parameter(response.via_params, b"received") or listener.host).strip(b"[]")
        port = find_parameter(response.via_params, b"rport") or b""
        if not _is_address(host, listener.family) or not 0 < _read_port(port) < 65536:
            return False    # 18.2.1: received is an address, RFC 3581 3: rport is a port
        seen = b"[%s]:%d" % (host, _read_port(port)) if b":" in host else b"%s:%d" % (host, _read_port(port))
        profile = self._core.profile
        if seen == profile.mapped.get(listener.name, listener.hostport):
            return False
        self._stale = [profile.contact(flow)]
        profile.mapped[listener.name] = seen
        return True


def _read_port(digits: bytes) -> int:
    return int(digits) if digits.isdigit() and len(digits) <= 5 else 0


def _is_address(host: bytes, family: int) -> bool:
    """Whether somebody can be called at this numeric address."""
    try:
        address = ip_address(host.decode("ascii", "replace"))
    except ValueError:
        return False
    return address.version == family and not (address.is_multicast or address.is_unspecified)


def _read_uri(value: bytes) -> SipUri | None:
    try:
        return SipUri.parse(split_address(value)[1])
    except (PeerError, ScanError):
        return None
