# SPDX-License-Identifier: Apache-2.0
"""One branch of an INVITE of ours that has answered: RFC 3261 13.2.2.1 and 13.2.2.4, RFC 3262 4, RFC 3311 5.1.

Its call, an OutgoingInvite, makes it out of the first response with a new To tag.
"""

from typing import Final, Protocol

from appliance.native.sip_scanner import Message
from appliance.sip.transaction.server import ServerTransaction
from appliance.ua.call_events import Alert, Cause, Release
from appliance.ua.dialog import Dialog
from appliance.ua.dialog_ending import Ending, decide_ending
from appliance.ua.early_dialog import EarlyDialog, EarlyHost
from appliance.ua.offer_answer import IDLE, LOCAL_OFFER, OfferAnswer
from appliance.ua.outgoing_request import OutgoingRequest
from appliance.ua.provisional_order import ProvisionalOrder, read_rseq
from appliance.ua.session_body import read_session

PRACK_METHODS: Final = frozenset({b"INVITE", b"ACK", b"BYE", b"PRACK"})


class ForkHost(EarlyHost, Protocol):
    """The call that it is a branch of."""

    @property
    def has_offered(self) -> bool:
        """Whether the INVITE carried our offer."""

    def lose_fork(self, fork: "Fork", release: Release, now: float) -> None:
        """This early dialog is over before its time."""


class Fork(EarlyDialog):
    """has_left: it said BYE; _preview: the answer that was not sent reliably. Satisfies outgoing_request.RequestOwner
    for its PRACKs."""

    __slots__ = ("_call", "_is_settled", "_message", "_order", "_owes_answer", "_preview", "has_left")

    def __init__(self, call: ForkHost, dialog: Dialog, offer: bytes) -> None:
        super().__init__(dialog, OfferAnswer())
        self._call = call
        self._order: ProvisionalOrder | None = None
        self._message: Message | None = None
        self._is_settled = False
        self._preview = b""
        self._owes_answer = False
        self.has_left = False
        if offer:
            self.exchange.send_offer(offer)

    @property
    def call(self) -> ForkHost:
        """Whose branch it is."""
        return self._call

    @property
    def fork(self) -> bytes:
        """The To tag by which an Alert names it."""
        return self.dialog.remote_tag

    @property
    def message(self) -> Message | None:
        """Its last provisional response above 100."""
        return self._message

    @property
    def has_open_offer(self) -> bool:
        """Whether their offer waits for our answer."""
        return self._owes_answer or super().has_open_offer

    # what comes

    def receive_provisional(self, response: Message, now: float) -> None:
        """101 to 199: told to the user unless it is a copy of a reliable one, or too early (RFC 3262 4)."""
        rseq = read_rseq(response)
        if rseq and not self._open_order().admit(response, rseq):
            return
        self._message = response
        offer = self._take_offer(response) if rseq else b""
        answer = b"" if offer else self.take_session(response, rseq > 0)
        if rseq and not offer:
            self._acknowledge(b"", now)
        events, call = self._call.events, self._call
        events.alerted(call, Alert(response.status, answer, response.to_tag, rseq > 0, response), now)
        if offer and not self.is_over:
            events.offer_received(self, offer, now)

    def take_session(self, response: Message, is_reliable: bool) -> bytes:
        """The answer in a response. 13.2.1: the first one counts, later ones to the same INVITE are not looked at; one
        that was not sent reliably closes nothing yet (RFC 6337 3.1.1). Networks that play something first and connect
        afterwards say two things in one dialog: what was sent reliably is then where the voice is."""
        session = read_session(response)
        if not session or self._is_settled:
            return b""
        exchange = self.exchange
        if is_reliable:
            self._is_settled = True
        if exchange.state is LOCAL_OFFER:
            exchange.receive_answer(session)
        elif is_reliable and self._preview and exchange.may_correct(self._preview) and session != self._preview:
            exchange.correct_answer(session)
        else:
            return b""
        self._preview = b"" if is_reliable else session
        return session

    def _take_offer(self, response: Message) -> bytes:
        """RFC 3262 5: to an INVITE without a session the first reliable response offers."""
        exchange = self.exchange
        if exchange.state is not IDLE or exchange.is_agreed or self._call.has_offered:
            return b""
        offer = read_session(response)
        if offer:
            exchange.receive_offer(offer)
            self._owes_answer = True
        return offer

    def request_received(self, server: ServerTransaction, request: Message, now: float) -> None:
        """DialogUsage. 15: nobody may say BYE to an early dialog who did not call; where it comes, a 2xx was lost."""
        if request.method == b"BYE":
            server.respond(200, now)
            self.has_left = True
            self._call.lose_fork(self, Release(Cause.PEER_LEFT, 200, request), now)
        elif request.method == b"INVITE":
            server.respond(491, now)    # 14.2: ours is in progress
        else:
            super().request_received(server, request, now)

    # what its user asks for

    def may_offer(self) -> bool:
        """RFC 3311 5.1, RFC 6337 4.3 UAC-IU: after a reliable answer, when its PRACK has had a 2xx; to peers that know
        UPDATE."""
        if not self._is_settled or self._owes_answer or not self.is_between_exchanges:
            return False
        if self._order is not None and self._order.is_acknowledging:
            return False
        return self._message is not None and b"UPDATE" in self._message.values(b"Allow")

    def answer_offer(self, session: bytes, now: float) -> bool:
        """RFC 3262 5: the answer to the offer in a reliable response goes with its PRACK."""
        if not self._owes_answer:
            return super().answer_offer(session, now)
        self._owes_answer = False
        self._is_settled = True
        self.exchange.send_answer(session)
        self._acknowledge(session, now)
        return True

    def refuse_offer(self, status: int, now: float, lines: bytes = b"") -> bool:
        """An offer in a response cannot be refused; whoever cannot take it goes."""
        if not self._owes_answer:
            return super().refuse_offer(status, now, lines)
        self._owes_answer = False
        self.exchange.drop_offer()
        self._call.lose_fork(self, Release(Cause.WE_LEFT, status), now)
        return True

    # PRACK

    def _open_order(self) -> ProvisionalOrder:
        if self._order is None:
            self._order = ProvisionalOrder()
        return self._order

    def _acknowledge(self, session: bytes, now: float) -> None:
        self._open_order().acknowledge(self._call.core, self.dialog, session, self, now)

    def provisional_received(self, request: OutgoingRequest, response: Message, now: float) -> None:
        """RequestOwner."""

    def request_succeeded(self, request: OutgoingRequest, response: Message, now: float) -> None:
        """RequestOwner."""
        self._open_order().close()

    def request_refused(self, request: OutgoingRequest, status: int, response: Message | None, now: float) -> None:
        """RequestOwner. RFC 5057 5: some refusals say that the dialog is gone; any other leaves it to the callee."""
        self._open_order().close()
        if not self.is_over and decide_ending(status, b"PRACK", PRACK_METHODS) is not Ending.TRANSACTION:
            self.lose_peer(status, now)

    def win(self) -> None:
        """Its 2xx was the first: what it says of itself stands there now."""
        self.is_over = False
        self._message = None

    def lose_peer(self, status: int, now: float) -> None:
        """ChangeHost. This early dialog is gone."""
        self._call.lose_fork(self, Release(Cause.LOST, status), now)
