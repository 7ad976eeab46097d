# SPDX-License-Identifier: Apache-2.0
"""A line: the network that a leg is on, the office or one trunk. It knows how requests are written there and which
header lines may leave it; the call engine knows nothing of numbers, carriers and registrations.

The elements satisfy these Protocols; the call engine only asks.
"""

from typing import NamedTuple, Protocol

from appliance.call.party import Party
from appliance.native.sip_scanner import Message
from appliance.sip.flow import Flow
from appliance.ua.agent_core import AgentCore
from appliance.ua.request_draft import RequestDraft


class Dial(NamedTuple):
    """Somebody wants a call. dialled: the user part of the Request-URI unescaped, or the digits of a tel URI; origin:
    the line it comes from; caller: who; extension: whose rights it has, b"" for nobody's; request: the INVITE, None
    for a call that is transferred or forwarded; uri: the whole Request-URI; referred_by: the value of Referred-By for
    phones of the office (RFC 3892), b"" for none; is_elsewhere: uri is of another domain, and `dialled` its user@host;
    routes: Route values that the caller wants it to take there (RFC 3261 16.4)."""

    dialled: bytes
    uri: bytes
    origin: "Line"
    caller: Party
    extension: bytes
    request: Message | None = None
    referred_by: bytes = b""
    is_elsewhere: bool = False
    routes: tuple[bytes, ...] = ()


class Refused(NamedTuple):
    """No call. status: what the caller gets; q850: cause of the Reason header, 0 for none (RFC 3326); reason: in words,
    for the record; lines: further header lines."""

    status: int
    q850: int = 0
    reason: str = ""
    lines: bytes = b""


class Destination:
    """One place to try. uri: the Request-URI; flow: exactly there, None to be located by the line; routes: Route values
    (Path of a binding, outbound proxy); flows: where it was located, in the order to try, all of one address of ours;
    later: the same at other addresses of ours, for when nobody answers there; callee: who is there; is_phone: of ours,
    reached on `flow` also inside the dialog; is_emergency: nothing may stand in its way; is_reachable: False where it
    is tried against the odds; is_outside: a stranger has named it, so only public listeners may lead there."""

    __slots__ = ("callee", "flow", "flows", "is_emergency", "is_outside", "is_phone", "is_reachable", "later", "line",
                 "routes", "uri")

    def __init__(self, line: "Line", uri: bytes, callee: Party, flow: Flow | None = None,
                 routes: tuple[bytes, ...] = ()) -> None:
        self.line = line
        self.uri = uri
        self.callee = callee
        self.flow = flow
        self.routes = routes
        self.flows: tuple[Flow, ...] = ()
        self.later: tuple[tuple[Flow, ...], ...] = ()
        self.is_phone = False
        self.is_emergency = False
        self.is_outside = False
        self.is_reachable = True

    @property
    def is_named(self) -> bool:
        """Whether its servers are to be found before it can be rung; a trunk finds its own."""
        return self.flow is None and not self.flows and not self.line.is_trunk

    @property
    def first_flow(self) -> Flow | None:
        """Where its INVITE goes first as far as is known, None while only its line can tell."""
        return self.flows[0] if self.flows else self.flow

    def locate_at(self, flows: tuple[Flow, ...], later: tuple[tuple[Flow, ...], ...]) -> "Destination":
        """The same place, at these addresses."""
        located = Destination(self.line, self.uri, self.callee, None, self.routes)
        located.flows, located.later = flows, later
        return located


class Line(Protocol):
    """The office's phones, or a trunk. name: "office" or the trunk's; is_trunk: failover goes on after a time-out or a
    5xx only, REFER is never sent there, 3xx from there are not followed; dscp: of media that we send there; sends_hold:
    False: nobody there is to hear that the other side holds."""

    name: str
    core: AgentCore
    is_trunk: bool
    dscp: int

    @property
    def sends_hold(self) -> bool:
        """See above."""

    def draft_invite(self, destination: Destination, dial: Dial, offer: bytes) -> RequestDraft:
        """The INVITE to a destination of this line: From, To, identity and privacy lines as they are written there.
        Header lines of the caller's INVITE that may pass, `dial.request`'s, are chosen here (an allow-list)."""

    @property
    def retry_500_s(self) -> float:
        """After a 500 the same INVITE is sent once more after so many seconds; 0.0 for never."""

    def take_turn(self, now: float) -> float:
        """An INVITE is to go out there: how long it has to wait for its turn, 0.0 for not at all. The turn is taken."""

    def fit_session(self, session: bytes) -> bytes:
        """An offer or answer with only what may be said there; deterministic, and media lines keep their places."""

    def pass_lines(self, message: Message, origin: "Line") -> bytes:
        """Of a request or response that came on another line: the header lines that may go out on this one."""

    def admit_lines(self, message: Message) -> bytes:
        """Of a request or response that came on this line: the header lines that phones of the office may get."""

    def media_host(self, flow: Flow | None) -> str:
        """The address that we write into session descriptions of a leg whose signalling takes this flow, None: not
        known yet; IPv6 without brackets."""

    def bind_host(self, flow: Flow | None) -> str:
        """The address of ours that such media have; another one than `media_host` behind a NAT of ours."""

    def may_begin(self, now: float) -> bool:
        """Whether the line takes another call now (channels)."""

    def may_fail_over(self, status: int) -> bool:
        """Whether the next destination is tried after this final response of a leg here."""

    def note_refusal(self, status: int, response: Message | None, now: float) -> None:
        """An INVITE was refused with this status; None: by nobody's answer."""

    def note_answer(self) -> None:
        """An INVITE was answered there."""

    def note_silence(self, now: float) -> None:
        """Nothing is heard any more from a leg here: the way there may have changed."""

    def call_begins(self) -> None:
        """A leg on this line was begun; `call_ends` will be called once for it."""

    def call_ends(self) -> None:
        """That leg is over."""


class Router(Protocol):
    """Where calls go: the dial plan."""

    def route(self, dial: Dial, now: float) -> list[list[Destination]] | Refused:
        """Groups of destinations, each rung together, one group after the other has failed; never empty."""

    def is_emergency(self, dial: Dial) -> bool:
        """Whether it is a call for help, which no limit of ours refuses."""

    def follow(self, dial: Dial, target: bytes, now: float) -> list[list[Destination]] | Refused:
        """The same for a URI that the phone of `dial.extension` redirects or transfers to, under its rights."""

    def follow_elsewhere(self, dial: Dial, target: bytes, now: float) -> list[list[Destination]] | Refused:
        """The same for a URI that somebody of another domain redirects the caller to: other domains under the caller's
        rights (RFC 3261 8.1.3.4), numbers of ours under nobody's."""
