# SPDX-License-Identifier: Apache-2.0
"""Changes of one session, both ways: re-INVITE (RFC 3261 section 14, RFC 6141) and UPDATE (RFC 3311), with the refusals
of RFC 6337 4.3 and the races of RFC 5407 3.1.4, 3.1.5 and 3.3.

One a dialog, made with the first change; it touches nothing but the session and the remote target.
"""

from enum import IntEnum
from typing import Final

from appliance.errors import MisuseError
from appliance.native.sip_scanner import Message
from appliance.sip.transaction.invite_server import InviteServer
from appliance.sip.transaction.server import ServerTransaction
from appliance.ua.acknowledgement import Acknowledgement
from appliance.ua.agent_core import AgentCore
from appliance.ua.change_host import ChangeHost
from appliance.ua.dialog_ending import Ending, decide_ending
from appliance.ua.offer_answer import Exchange
from appliance.ua.outgoing_request import OutgoingRequest
from appliance.ua.provisional_order import RELIABLE, ProvisionalOrder, read_rseq
from appliance.ua.session_body import SESSION_LINE, read_session

ACKS_KEPT: Final = 8
"""Copies of a 2xx come for 32 s; more changes than this in that time are not made."""
INVITE_METHODS: Final = frozenset({b"INVITE", b"ACK", b"BYE"})
FROM_CHANGE: Final = b"from-change"
"""RFC 4916 4.1"""
PROMPT_S: Final = 24.0
"""RFC 3311 5.2: UPDATE is answered promptly; 64*T1 less twice T2, so that the caller still gets it."""


class ChangeState(IntEnum):
    """IDLE; OFFERING: our re-INVITE or UPDATE is out; ANSWERING: the 2xx to our re-INVITE offers and waits for our ACK;
    PAUSING: after a 491; ASKED: theirs has come and waits for us."""

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


class SessionChange:
    """The change that is under way, if any."""

    __slots__ = ("_acks", "_core", "_early_answer", "_host", "_is_refresh", "_method", "_offer", "_order", "_pause",
                 "_prompt", "_request", "_sent", "_server", "state")

    def __init__(self, core: AgentCore, host: ChangeHost) -> None:
        self._core = core
        self._host = host
        self._pause = core.alarm()
        self._prompt = core.alarm()
        self._method = b"INVITE"
        self._offer = b""
        self._early_answer = b""
        self._is_refresh = False
        self._order: ProvisionalOrder | None = None
        self._sent: OutgoingRequest | None = None
        self._acks: dict[OutgoingRequest, Acknowledgement] = {}
        self._server: ServerTransaction | None = None
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

    @property
    def is_asked(self) -> bool:
        """Whether a change of theirs waits for us."""
        return self.state is ASKED

    @property
    def was_asked_by_update(self) -> bool:
        """Whether it came in an UPDATE."""
        return self.state is ASKED and self._request is not None and self._request.method == b"UPDATE"

    def adopt(self, host: ChangeHost) -> None:
        """The early dialog has become the call."""
        self._host = host

    # ours

    def start(self, offer: bytes, now: float, method: bytes = b"INVITE") -> None:
        """re-INVITE or UPDATE with this offer; b"" in a re-INVITE lets the other side offer."""
        self._offer, self._method, self._is_refresh = offer, method, False
        self._send(now)

    def refresh(self, session: bytes, now: float, method: bytes) -> None:
        """RFC 4028 7.4: an UPDATE without a session, or a re-INVITE with the one that stands."""
        self._offer, self._method, self._is_refresh = session, method, True
        self._send(now)

    def _send(self, now: float) -> None:
        host, core = self._host, self._core
        self._enter(OFFERING)
        draft = host.dialog.draft_request(self._method)
        draft.contact = core.profile.secure_contact if host.dialog.is_secure else core.profile.contact
        draft.lines = core.allow_line + host.dialog.identity
        if host.dialog.identity and host.peer_supports(FROM_CHANGE):
            draft.local = host.dialog.name_local()      # RFC 4916 4.4
        draft.supported = tuple([tag for tag in core.profile.supported if tag != RELIABLE])
        draft.body = self._offer
        if self._offer:
            host.exchange.send_offer(self._offer)
        self._early_answer = b""
        self._sent = OutgoingRequest(core, draft, self, host.dialog)
        host.draft_interval(self._sent)
        self._sent.send(now)

    def provisional_received(self, request: OutgoingRequest, response: Message, now: float) -> None:
        """RequestOwner. An answer may come early, but counts with the 2xx; what is reliable gets its PRACK though we
        have not asked for it (RFC 3262 4)."""
        rseq = read_rseq(response)
        if not rseq or request.draft.method != b"INVITE" or self._host.is_over:
            return
        if self._order is None:
            self._order = ProvisionalOrder()
        if self._order.admit(response, rseq):
            self._early_answer = self._early_answer or read_session(response)
            self._order.acknowledge(self._core, self._host.dialog, b"", _PRACK_OWNER, now)

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
            host.dialog.local = request.draft.local     # RFC 4916 4.4: from now on it knows us so
            host.learn_peer(response)
            host.read_interval(request, response, now)
            self._take_session(request, read_session(response) or self._early_answer, now)

    def _take_session(self, request: OutgoingRequest, session: bytes, now: float) -> None:
        if self._offer:
            self._acknowledge(request, b"", now)
            self._enter(IDLE)
            self._take_answer(session, now)
        elif session and self._method == b"INVITE":
            self._enter(ANSWERING)
            self._host.exchange.receive_offer(session)
            self._host.change_offered(session, now)
        else:
            self._acknowledge(request, b"", now)
            self._enter(IDLE)
            if not self._is_refresh:    # 13.2.1: it was asked to offer
                self._tell_failure(488, now)

    def _take_answer(self, session: bytes, now: float) -> None:
        host = self._host
        if not session:     # 13.2.1: a 2xx to an offer must answer it
            host.exchange.drop_offer()
            self._tell_failure(488, now)
            return
        is_new = session != host.exchange.remote
        host.exchange.receive_answer(session)
        if is_new or not self._is_refresh:
            host.change_answered(session, now)

    def _acknowledge(self, request: OutgoingRequest, session: bytes, now: float) -> None:
        if request.draft.method != b"INVITE":
            return
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
        if self._is_gone(status):
            host.lose_peer(status, now)
        else:
            self._tell_failure(status, now)

    def _is_gone(self, status: int) -> bool:
        if self._is_refresh:    # RFC 4028 10
            return status in (408, 481)
        return decide_ending(status, self._method, INVITE_METHODS) is not Ending.TRANSACTION

    def _tell_failure(self, status: int, now: float) -> None:
        if self._is_refresh:
            self._host.refresh_failed(status, now)
        else:
            self._host.change_failed(status, now)

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
        if self.state is ASKED:     # 14.2, RFC 6337 UAS-IsI, UAS-UsI: before the final response to the one before
            self._refuse_for_now(server, now)
            return
        # 14.2: ours is in progress; RFC 5407 3.1.5: the answer of the first exchange is still to come in an ACK
        if self.state in (OFFERING, ANSWERING) or host.exchange.state is not Exchange.IDLE:
            server.respond(491, now)
            return
        self._take_request(server, request, now)

    def receive_update(self, server: ServerTransaction, request: Message, now: float) -> None:
        """An UPDATE, in order (RFC 3311 5.2)."""
        has_offer = bool(read_session(request))
        if self.was_asked_by_update or (has_offer and self._is_theirs_open()):
            self._refuse_for_now(server, now)
        elif has_offer and self._is_ours_open():
            server.respond(491, now)
        elif has_offer:
            self._prompt.set(now + PROMPT_S, self._refuse_late)
            self._take_request(server, request, now)
        else:   # a new remote target, or a session refresh
            self._host.dialog.refresh_target(request)
            server.respond(200, now, self._write_lines(server, request, now))

    def _is_ours_open(self) -> bool:
        """RFC 6337 4.3 UAS-UcU, UAS-IcU."""
        is_open = self._host.exchange.state is not Exchange.IDLE and self._host.is_ours
        return self.state in (OFFERING, ANSWERING) or is_open

    def _is_theirs_open(self) -> bool:
        """RFC 6337 4.3 UAS-UsU, UAS-IsU."""
        if self.state in (OFFERING, ANSWERING):
            return False
        return self.state is ASKED or (self._host.exchange.state is not Exchange.IDLE and not self._host.is_ours)

    def _refuse_for_now(self, server: ServerTransaction, now: float) -> None:
        server.respond(500, now, b"Retry-After: %d\r\n" % int(self._core.random_fraction() * 11))

    def _take_request(self, server: ServerTransaction, request: Message, now: float) -> None:
        host = self._host
        host.dialog.refresh_target(request)     # 12.2.2
        host.learn_peer(request)
        self._enter(ASKED)
        self._server, self._request = server, request
        server.owner = self
        offer = read_session(request)
        if offer:
            is_refresh = offer == host.exchange.remote and request.header(b"Session-Expires") is not None
            host.exchange.receive_offer(offer)
            if is_refresh:      # RFC 4028 7.4: nothing has changed
                self.answer(host.exchange.local, now)
                return
        host.change_asked(offer, now)

    def answer(self, session: bytes, now: float) -> bool:
        """Our answer, or our offer where theirs had none; also the answer to the offer in the 2xx to ours. False where
        nothing waits for it any more: they have cancelled, or it is too late."""
        host = self._host
        if self.state is ANSWERING:
            host.exchange.send_answer(session)
            self._enter(IDLE)
            if self._sent is not None:
                self._acknowledge(self._sent, session, now)
            return True
        server, request = self._server, self._request
        if self.state is not ASKED or server is None or request is None:
            return False
        if host.exchange.state is Exchange.REMOTE_OFFER:
            host.exchange.send_answer(session)
        else:
            host.exchange.send_offer(session)
        self._close_asked()
        if request.method == b"INVITE":
            host.accept_invite(server, request, session, now)
        else:
            server.respond(200, now, self._write_lines(server, request, now) + SESSION_LINE, session)
        return True

    def _write_lines(self, server: ServerTransaction, request: Message, now: float) -> bytes:
        """Of a 2xx to UPDATE: Contact is a must (RFC 3311 table 1)."""
        core, host = self._core, self._host
        contact = core.profile.contact_uri(server.flow.listener, host.dialog.is_secure)
        return b"Contact: %s\r\n%s%s%s" % (contact, core.allow_line, core.supported_line,
                                           host.write_interval(request, now))

    def refuse(self, status: int, now: float, lines: bytes = b"") -> bool:
        """No; nothing has changed. What the 2xx to our re-INVITE offers cannot be refused: the call ends. False where
        nothing waits for it."""
        host, server = self._host, self._server
        if self.state is ANSWERING:
            host.break_off(status, now)
            return True
        if self.state is not ASKED or server is None:
            return False
        host.exchange.drop_offer()
        self._close_asked()
        server.respond(status, now, lines)
        return True

    def _refuse_late(self, now: float) -> None:
        if self.was_asked_by_update:
            self.refuse(504, now)       # RFC 3311 5.2
            self._host.change_lapsed(now)

    def cancel_received(self, cancel: Message, now: float) -> None:
        """9.2 for a re-INVITE: 487, and the call goes on."""
        if self.refuse(487, now):
            self._host.change_lapsed(now)

    def withdraw(self, now: float) -> None:
        """Our change is not wanted any more: CANCEL of a re-INVITE (9.1); an UPDATE has its answer soon anyway. Its
        host hears of the final response, which may be a 2xx all the same."""
        if self.state is OFFERING and self._method == b"INVITE" and self._sent is not None:
            self._sent.cancel(now)
        elif self.state is PAUSING:
            self._pause.clear()
            self._enter(IDLE)
            self._tell_failure(487, now)

    def _close_asked(self) -> None:
        self._server = self._request = None
        self._prompt.clear()
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


class _PrackOwner:
    """What a PRACK inside a re-INVITE is answered changes nothing: its dialog stands."""

    __slots__ = ()

    def provisional_received(self, request: OutgoingRequest, response: Message, now: float) -> None:
        pass

    def request_succeeded(self, request: OutgoingRequest, response: Message, now: float) -> None:
        pass

    def request_refused(self, request: OutgoingRequest, status: int, response: Message | None, now: float) -> None:
        pass


_PRACK_OWNER: Final = _PrackOwner()
