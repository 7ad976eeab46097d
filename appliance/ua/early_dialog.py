# SPDX-License-Identifier: Apache-2.0
"""An early dialog of a call, RFC 3261 12.1 and 13.2.2.1, with its own offer/answer and its own changes of session
(RFC 3311). Both sides of it are told in fork (the caller's) and branch (the callee's).

When its call is answered in it, the call takes over dialog, exchange and change.
"""

from typing import Protocol

from appliance.errors import MisuseError
from appliance.native.sip_scanner import Message
from appliance.sip.transaction.server import ServerTransaction
from appliance.ua.call_events import CallEvents, CallHandle
from appliance.ua.dialog import Dialog
from appliance.ua.farewell import USAGE_METHODS
from appliance.ua.in_dialog_methods import InDialogListener, serve_inside
from appliance.ua.offer_answer import Exchange, OfferAnswer
from appliance.ua.outgoing_request import OutgoingRequest
from appliance.ua.session_change import SessionChange


class EarlyHost(InDialogListener, CallHandle, Protocol):
    """The call whose early dialog it is. owns_call_id: it sent the INVITE."""

    events: CallEvents
    owns_call_id: bool


class EarlyDialog:
    """call: whose it is; change: None until there is one; is_over: it has ended, or its call was answered elsewhere.

    Satisfies call_events.CallHandle, agent_core.DialogUsage, session_change.ChangeHost.
    """

    __slots__ = ("change", "dialog", "exchange", "is_over")

    def __init__(self, dialog: Dialog, exchange: OfferAnswer) -> None:
        self.dialog = dialog
        self.exchange = exchange
        self.change: SessionChange | None = None
        self.is_over = False

    @property
    def call(self) -> EarlyHost:
        """Whose it is."""
        raise NotImplementedError

    @property
    def fork(self) -> bytes:
        """Its To tag."""
        raise NotImplementedError

    @property
    def owns_call_id(self) -> bool:
        """ChangeHost."""
        return self.call.owns_call_id

    @property
    def is_ours(self) -> bool:
        """ChangeHost. Whether the INVITE is ours."""
        return self.call.owns_call_id

    @property
    def has_open_offer(self) -> bool:
        """Whether their offer waits for our answer, other than the one in the INVITE."""
        return self.change is not None and self.change.is_asked

    @property
    def was_asked_by_update(self) -> bool:
        """Whether the offer that waits for us came in an UPDATE, which is to be answered promptly (RFC 3311 5.2)."""
        return self.change is not None and self.change.was_asked_by_update

    def open_change(self) -> SessionChange:
        """Its changes of session."""
        if self.change is None:
            self.change = SessionChange(self.call.core, self)
        return self.change

    # what its user asks for

    def may_offer(self) -> bool:
        """RFC 3311 5.1, RFC 6337 4.3: whether an UPDATE with an offer may go out now."""
        raise NotImplementedError

    def change_session(self, offer: bytes, now: float, prefers_update: bool = False) -> bool:
        """UPDATE with this offer; a re-INVITE has to wait until the call stands."""
        if self.is_over or not offer or not self.may_offer() or not self.open_change().is_idle:
            return False
        self.open_change().start(offer, now, b"UPDATE")
        return True

    def answer_offer(self, session: bytes, now: float) -> bool:
        """Our answer to their offer; False where it is not open any more."""
        return self.change is not None and self.change.answer(session, now)

    def refuse_offer(self, status: int, now: float, lines: bytes = b"") -> bool:
        """No; False where their offer is not open any more."""
        return self.change is not None and self.change.refuse(status, now, lines)

    def hang_up(self, now: float, lines: bytes = b"", status: int = 603) -> None:
        """The whole call, unless the side knows how to end one early dialog."""
        self.call.hang_up(now, lines, status)

    # requests in the dialog

    def request_received(self, server: ServerTransaction, request: Message, now: float) -> None:
        """DialogUsage."""
        if request.method == b"UPDATE":
            self.open_change().receive_update(server, request, now)
        elif request.method == b"REFER":
            server.respond(403, now)    # nobody has answered who could be transferred
        elif request.method in USAGE_METHODS:
            server.respond(481, now)    # RFC 3262 3: nothing reliable is unacknowledged
        else:
            serve_inside(self.call, server, request, now)

    def ack_received(self, ack: Message, now: float) -> None:
        """DialogUsage. There is no 2xx in an early dialog."""

    # what the change of session says

    def peer_supports(self, tag: bytes) -> bool:
        """ChangeHost. Which phone of a fork it is that speaks, nobody has said for certain."""
        return False

    def learn_peer(self, message: Message) -> None:
        """ChangeHost. The call learns it from the 2xx or the INVITE."""

    def accept_invite(self, server: ServerTransaction, request: Message, session: bytes, now: float) -> None:
        """ChangeHost."""
        raise MisuseError("a re-INVITE in an early dialog")

    def write_interval(self, request: Message, now: float) -> bytes:
        """ChangeHost. RFC 4028 4: a session timer begins with the 2xx to the INVITE."""
        return b""

    def draft_interval(self, request: OutgoingRequest) -> None:
        """ChangeHost."""

    def read_interval(self, request: OutgoingRequest, response: Message, now: float) -> None:
        """ChangeHost."""

    def change_asked(self, offer: bytes, now: float) -> None:
        """ChangeHost."""
        self.call.events.offer_received(self, offer, now)

    def change_answered(self, answer: bytes, now: float) -> None:
        """ChangeHost."""
        self.call.events.answer_received(self, answer, now)
        self.exchange_moved(now)

    def change_offered(self, offer: bytes, now: float) -> None:
        """ChangeHost."""
        raise MisuseError("an offer in a 2xx to UPDATE")

    def change_failed(self, status: int, now: float) -> None:
        """ChangeHost."""
        self.call.events.change_refused(self, status, now)
        self.exchange_moved(now)

    def change_lapsed(self, now: float) -> None:
        """ChangeHost."""
        self.exchange_moved(now)

    def refresh_failed(self, status: int, now: float) -> None:
        """ChangeHost."""
        raise MisuseError("a session refresh in an early dialog")

    def lose_peer(self, status: int, now: float) -> None:
        """ChangeHost."""
        raise NotImplementedError

    def break_off(self, status: int, now: float) -> None:
        """ChangeHost."""
        raise MisuseError("an offer in a 2xx to UPDATE")

    def exchange_moved(self, now: float) -> None:
        """An exchange has come to its end: whatever waited for it may go on."""

    # the end

    def end(self, now: float) -> None:
        """It is over: what is pending is answered, its dialog left."""
        if self.is_over:
            return
        self.is_over = True
        if self.change is not None:
            self.change.abandon(now)
        self.call.core.leave_dialog(self.dialog, self)

    @property
    def is_between_exchanges(self) -> bool:
        """Whether one exchange is complete and none is open."""
        return self.exchange.is_agreed and self.exchange.state is Exchange.IDLE
