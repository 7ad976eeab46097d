# SPDX-License-Identifier: Apache-2.0
"""re-INVITE, both ways: RFC 3261 section 14 with its 491 and 500, RFC 5407 3.1.4, 3.1.5 and 3.3.1, RFC 6141.

One a call; it lives inside the confirmed dialog and changes nothing but the session and the remote target.
"""

from enum import IntEnum
from typing import Final, Protocol

from appliance.errors import MisuseError
from appliance.native.sip_scanner import Message
from appliance.sip.transaction.invite_server import InviteServer
from appliance.sip.transaction.server import ServerTransaction
from appliance.ua.acknowledgement import Acknowledgement
from appliance.ua.agent_core import AgentCore
from appliance.ua.dialog import Dialog
from appliance.ua.dialog_ending import Ending, decide_ending
from appliance.ua.offer_answer import Exchange, OfferAnswer
from appliance.ua.outgoing_request import OutgoingRequest
from appliance.ua.session_body import read_session

ACKS_KEPT: Final = 8
"""Copies of a 2xx come for 32 s; more changes than this in that time are not made."""
INVITE_METHODS: Final = frozenset({b"INVITE", b"ACK", b"BYE"})


class ChangeState(IntEnum):
    """IDLE; OFFERING: our re-INVITE is out; ANSWERING: its 2xx offers and waits for our ACK; PAUSING: after a 491;
    ASKED: theirs has come and waits for us."""

    IDLE = 0
    OFFERING = 1
    ANSWERING = 2
    PAUSING = 3
    ASKED = 4


IDLE, OFFERING, ANSWERING, PAUSING, ASKED = ChangeState
TRANSITIONS: Final = (
    frozenset({OFFERING, ASKED}),
    frozenset({IDLE, ANSWERING, PAUSING}),
    frozenset({IDLE}),
    frozenset({OFFERING, ASKED, IDLE}),
    frozenset({IDLE, PAUSING}),
)
"""What may follow each state, by its number."""


class ChangeHost(Protocol):
    """The call whose session it is. owns_call_id: it sent the first INVITE (14.1)."""

    dialog: Dialog
    exchange: OfferAnswer
    owns_call_id: bool

    @property
    def is_over(self) -> bool:
        """Whether the call has ended."""

    def accept_invite(self, server: ServerTransaction, request: Message, session: bytes, now: float) -> None:
        """Answer 200 with this session and repeat it until the ACK comes."""

    def change_asked(self, offer: bytes, now: float) -> None:
        """They want another session; b"" where we are to offer."""

    def change_answered(self, answer: bytes, now: float) -> None:
        """Their answer to our re-INVITE."""

    def change_offered(self, offer: bytes, now: float) -> None:
        """Their offer in the 2xx to our re-INVITE without one."""

    def change_failed(self, status: int, now: float) -> None:
        """Our re-INVITE is refused for good."""

    def lose_peer(self, status: int, now: float) -> None:
        """The other side is gone (12.2.1.2)."""


class SessionChange:
    """The re-INVITE that is under way, if any."""

    __slots__ = ("_acks", "_core", "_host", "_offer", "_pause", "_request", "_sent", "_server", "state")

    def __init__(self, core: AgentCore, host: ChangeHost) -> None:
        self._core = core
        self._host = host
        self._pause = core.alarm()
        self._offer = b""
        self._sent: OutgoingRequest | None = None
        self._acks: dict[OutgoingRequest, Acknowledgement] = {}
        self._server: InviteServer | None = None
        self._request: Message | None = None
        self.state = IDLE

    def _enter(self, state: ChangeState) -> None:
        if state not in TRANSITIONS[self.state]:
            raise MisuseError(f"session change: {self.state.name} to {state.name}")
        self.state = state

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return self.state is IDLE

    # ours

    def start(self, offer: bytes, now: float) -> None:
        """re-INVITE with this offer; b"" lets the other side offer."""
        self._offer = offer
        self._send(now)

    def _send(self, now: float) -> None:
        host, core = self._host, self._core
        self._enter(OFFERING)
        draft = host.dialog.draft_request(b"INVITE")
        draft.contact = core.profile.secure_contact if host.dialog.is_secure else core.profile.contact
        draft.lines = core.allow_line
        draft.supported = list(core.profile.supported)
        draft.body = self._offer
        if self._offer:
            host.exchange.send_offer(self._offer)
        self._sent = OutgoingRequest(core, draft, self, host.dialog)
        self._sent.send(now)

    def provisional_received(self, request: OutgoingRequest, response: Message, now: float) -> None:
        """RequestOwner. An answer may come early, but counts with the 2xx."""

    def request_succeeded(self, request: OutgoingRequest, response: Message, now: float) -> None:
        """RequestOwner. Every copy is acknowledged, also when the call has ended meanwhile (RFC 5407 3.2.3)."""
        host = self._host
        ack = self._acks.get(request)
        if ack is not None:
            ack.send()
        elif host.is_over:
            self._acknowledge(request, b"", now)
        elif request is self._sent and self.state is OFFERING:
            host.dialog.refresh_target(response)    # 12.2.1.2
            self._take_session(request, read_session(response), now)

    def _take_session(self, request: OutgoingRequest, session: bytes, now: float) -> None:
        host = self._host
        if self._offer:
            self._acknowledge(request, b"", now)
            self._enter(IDLE)
            if session:
                host.exchange.receive_answer(session)
                host.change_answered(session, now)
            else:   # 13.2.1: a 2xx to an offer must answer it
                host.exchange.drop_offer()
                host.change_failed(488, now)
        elif session:
            self._enter(ANSWERING)
            host.exchange.receive_offer(session)
            host.change_offered(session, now)
        else:
            self._acknowledge(request, b"", now)
            self._enter(IDLE)

    def _acknowledge(self, request: OutgoingRequest, session: bytes, now: float) -> None:
        if len(self._acks) >= ACKS_KEPT:
            del self._acks[next(iter(self._acks))]
        ack = self._acks[request] = Acknowledgement(self._core, self._host.dialog, request, session, now)
        ack.send()

    def request_refused(self, request: OutgoingRequest, status: int, response: Message | None, now: float) -> None:
        """RequestOwner. 14.1: the session stays as it was."""
        host = self._host
        if host.is_over:
            return
        if self._offer:
            host.exchange.drop_offer()
        if status == 491:
            self._enter(PAUSING)
            self._pause.set(now + self._decide_pause(), self._resume)
            return
        self._enter(IDLE)
        if decide_ending(status, b"INVITE", INVITE_METHODS) is Ending.TRANSACTION:
            host.change_failed(status, now)
        else:
            host.lose_peer(status, now)

    def _decide_pause(self) -> float:
        """14.1: 2.1 to 4 s for who owns the Call-ID, up to 2 s for the other, in steps of 10 ms."""
        fraction = self._core.random_fraction()
        return (210 + int(fraction * 191)) / 100.0 if self._host.owns_call_id else int(fraction * 201) / 100.0

    def _resume(self, now: float) -> None:
        if self._host.is_over:
            return
        if self.state is PAUSING and self._host.exchange.state is Exchange.IDLE:
            self._send(now)
        else:   # their change came in between: ours waits for its end
            self._pause.set(now + self._decide_pause(), self._resume)

    # theirs

    def receive_invite(self, server: InviteServer, request: Message, now: float) -> None:
        """A re-INVITE, in order."""
        host = self._host
        if self.state is ASKED:     # 14.2: before the final response to the one before
            server.respond(500, now, b"Retry-After: %d\r\n" % int(self._core.random_fraction() * 11))
            return
        # 14.2: ours is in progress; RFC 5407 3.1.5: the answer of the first exchange is still to come in an ACK
        if self.state in (OFFERING, ANSWERING) or host.exchange.state is not Exchange.IDLE:
            server.respond(491, now)
            return
        host.dialog.refresh_target(request)     # 12.2.2
        self._enter(ASKED)
        self._server, self._request = server, request
        server.owner = self
        offer = read_session(request)
        if offer:
            host.exchange.receive_offer(offer)
        host.change_asked(offer, now)

    def answer(self, session: bytes, now: float) -> None:
        """Our answer, or our offer where theirs had none; also the answer to the offer in the 2xx to ours."""
        host = self._host
        if self.state is ANSWERING:
            host.exchange.send_answer(session)
            self._enter(IDLE)
            if self._sent is not None:
                self._acknowledge(self._sent, session, now)
            return
        server, request = self._server, self._request
        if self.state is not ASKED or server is None or request is None:
            raise MisuseError("an answer to a change that nobody asked for")
        if host.exchange.state is Exchange.REMOTE_OFFER:
            host.exchange.send_answer(session)
        else:
            host.exchange.send_offer(session)
        self._close_asked()
        host.accept_invite(server, request, session, now)

    def refuse(self, status: int, now: float, lines: bytes = b"") -> None:
        """No; nothing has changed."""
        server = self._server
        if self.state is not ASKED or server is None:
            raise MisuseError("a refusal of a change that nobody asked for")
        self._host.exchange.drop_offer()
        self._close_asked()
        server.respond(status, now, lines)

    def cancel_received(self, cancel: Message, now: float) -> None:
        """9.2 for a re-INVITE: 487, and the call goes on."""
        if self.state is ASKED:
            self.refuse(487, now)

    def _close_asked(self) -> None:
        self._server = self._request = None
        self._enter(PAUSING if self._pause.is_set else IDLE)

    def abandon(self, now: float) -> None:
        """The call is over: what is pending from them gets 487 (15.1.2), a 2xx of theirs its ACK."""
        self._pause.clear()
        if self.state is ANSWERING:
            self._host.exchange.drop_offer()
            self._enter(IDLE)
            if self._sent is not None:
                self._acknowledge(self._sent, b"", now)
        if self.state is ASKED:
            self.refuse(487, now)
        if self._sent is not None:
            self._sent.stop_trying()
