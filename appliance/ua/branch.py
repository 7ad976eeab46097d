# SPDX-License-Identifier: Apache-2.0
"""One early dialog of an INVITE that has come: RFC 3261 13.3.1.1, RFC 3262 3 and 5, RFC 3311 5.2, RFC 6337 3.

A back-to-back user agent has several in one INVITE, each under its own To tag. Its call, an IncomingInvite, makes it
when something is said in it that needs more than a plain provisional response.
"""

from typing import Protocol

from appliance.errors import MisuseError
from appliance.native.sip_scanner import Message
from appliance.sip.transaction.invite_server import InviteServer
from appliance.sip.transaction.server import ServerTransaction
from appliance.ua.call_events import Cause, Release
from appliance.ua.dialog import Dialog
from appliance.ua.early_dialog import EarlyDialog, EarlyHost
from appliance.ua.offer_answer import IDLE, LOCAL_OFFER, REMOTE_OFFER, OfferAnswer
from appliance.ua.reliable_provisional import Provisional, ReliableProvisionals
from appliance.ua.session_body import SESSION_LINE, read_session


class BranchHost(EarlyHost, Protocol):
    """The call that it is an early dialog of. request: the INVITE; server: its transaction; retry_after: a header line
    with a random time."""

    request: Message
    server: InviteServer

    @property
    def is_early(self) -> bool:
        """Whether there is no final response yet."""

    @property
    def retry_after(self) -> bytes:
        """14.2, RFC 3311 5.2."""

    def peer_allows(self, method: bytes) -> bool:
        """Whether the caller has said that it serves this method."""

    def request_received(self, server: ServerTransaction, request: Message, now: float) -> None:
        """BYE and INVITE concern the whole call."""

    def write_provisional(self, status: int, dialog: Dialog, lines: bytes, session: bytes) -> bytes:
        """A provisional response in this dialog."""

    def send_provisional(self, status: int, octets: bytes, now: float) -> None:
        """Send it, now and every minute."""

    def provisional_unacknowledged(self, now: float) -> None:
        """No PRACK has come in time."""

    def continue_answer(self, now: float) -> None:
        """An answer that has waited may go out now."""

    def give_up(self, release: Release, now: float) -> None:
        """Nobody is there to be answered."""


class Branch(EarlyDialog):
    """number: by which its user knows it. Satisfies reliable_provisional.ProvisionalOwner."""

    __slots__ = ("_call", "_prack", "_preview", "_reliables", "number")

    def __init__(self, call: BranchHost, number: int, dialog: Dialog, exchange: OfferAnswer) -> None:
        super().__init__(dialog, exchange)
        self._call = call
        self._preview = b""
        self._prack: ServerTransaction | None = None
        self._reliables: ReliableProvisionals | None = None
        self.number = number

    @property
    def call(self) -> BranchHost:
        """Whose early dialog it is."""
        return self._call

    @property
    def fork(self) -> bytes:
        """Its To tag."""
        return self.dialog.local_tag

    @property
    def has_open_offer(self) -> bool:
        """Whether their offer, other than the one in the INVITE, waits for our answer."""
        return self._prack is not None or super().has_open_offer

    @property
    def _awaits_first_answer(self) -> bool:
        """Whether the offer in the INVITE has not been answered reliably yet."""
        return self.exchange.state is REMOTE_OFFER and not self.exchange.is_agreed

    # provisional responses

    def alert(self, status: int, session: bytes, is_reliable: bool, now: float) -> None:
        """A provisional response above 100 in this dialog."""
        if is_reliable:
            if self._reliables is None:
                call = self._call
                self._reliables = ReliableProvisionals(call.core, call.server, call.request.cseq, self)
            self._reliables.send(Provisional(status, session), now)
            return
        if session:
            session = self._preview_session(session)
        self._call.send_provisional(status, self._write(status, b"", session), now)

    def may_be_reliable(self, session: bytes) -> bool:
        """RFC 3262 5: to an INVITE without an offer the first reliable response has to make one."""
        return bool(session) or self.exchange.is_agreed or self.exchange.state is not IDLE

    def _preview_session(self, session: bytes) -> bytes:
        """RFC 6337 3.1.1: an answer that is not sent reliably is a preview of the real one, and the same."""
        if self._awaits_first_answer:
            self._preview = self._preview or session
            return self._preview
        if self.exchange.state is IDLE and not self.exchange.is_agreed:
            raise MisuseError("an offer in a provisional response that is not reliable (13.2.1)")
        return b""      # RFC 6337 3.1.1: not once the exchange has been completed

    def write_reliable(self, provisional: Provisional, rseq: int) -> tuple[bytes, bool]:
        """ProvisionalOwner. RFC 3262 5: an answer in it is the answer, and to an INVITE without a session an offer."""
        session, exchange = provisional.session, self.exchange
        if self.is_over or not self._call.is_early or not self.may_be_reliable(session):
            return b"", False
        if session and self._awaits_first_answer:
            session = self._preview or session
            exchange.send_answer(session)
        elif session and exchange.state is IDLE and not exchange.is_agreed:
            exchange.send_offer(session)
        else:
            session = b""
        return self._write(provisional.status, b"Require: 100rel\r\nRSeq: %d\r\n" % rseq, session), bool(session)

    def _write(self, status: int, lines: bytes, session: bytes) -> bytes:
        return self._call.write_provisional(status, self.dialog, lines, session)

    def provisional_unacknowledged(self, now: float) -> None:
        """ProvisionalOwner."""
        self._call.provisional_unacknowledged(now)

    # the answer of the call

    @property
    def may_be_accepted(self) -> bool:
        """RFC 3262 3 and 5: no 2xx while a session in a provisional response is unacknowledged, nor (RFC 6337 4) while
        an exchange is open."""
        if self._reliables is not None and self._reliables.has_session:
            return False
        return self._prack is None and (self.exchange.state is IDLE or self._awaits_first_answer)

    def prepare_answer(self) -> None:
        """The final response is decided: no further reliable provisional responses (RFC 3262 3)."""
        if self._reliables is not None:
            self._reliables.drop_waiting()

    def accept(self, session: bytes) -> bytes:
        """The session of the 2xx; b"" where there has been an exchange (RFC 6337 3.1)."""
        if self._reliables is not None:
            self._reliables.silence()
        if self.exchange.is_agreed:
            return b""
        if self.exchange.state is REMOTE_OFFER:
            session = self._preview or session
            self.exchange.send_answer(session)
        else:
            self.exchange.send_offer(session)
        return session

    # requests in the dialog

    def request_received(self, server: ServerTransaction, request: Message, now: float) -> None:
        """DialogUsage."""
        if request.method == b"PRACK":
            self.receive_prack(server, request, now)
        elif request.method in (b"BYE", b"INVITE"):
            self._call.request_received(server, request, now)
        else:
            super().request_received(server, request, now)

    def receive_prack(self, server: ServerTransaction, prack: Message, now: float) -> None:
        """RFC 3262 3, 5."""
        reliables = self._reliables
        if reliables is None or not reliables.matches(prack):
            server.respond(481, now)
            return
        session = read_session(prack)
        if reliables.has_session and self.exchange.state is LOCAL_OFFER:
            self._take_answer(server, reliables, session, now)
        elif session:
            reliables.acknowledge()
            self._take_offer(server, session, now)
        else:
            reliables.acknowledge()
            server.respond(200, now)
        self._go_on(now)

    def _take_answer(self, server: ServerTransaction, reliables: ReliableProvisionals, answer: bytes,
                     now: float) -> None:
        if not answer:      # 5: it must be there
            server.respond(400, now)
            return
        reliables.acknowledge()
        self.exchange.receive_answer(answer)
        server.respond(200, now)
        self._call.events.answer_received(self, answer, now)

    def _take_offer(self, server: ServerTransaction, offer: bytes, now: float) -> None:
        """5: an offer in a PRACK is answered in its 2xx."""
        if not self.is_between_exchanges or (self.change is not None and not self.change.is_idle):
            server.respond(500, now, self._call.retry_after)    # RFC 6337 4.3 UAS-IsU
            return
        self._prack = server
        self.exchange.receive_offer(offer)
        self._call.events.offer_received(self, offer, now)

    def _go_on(self, now: float) -> None:
        if self._prack is None and self._reliables is not None:
            self._reliables.send_next(now)
        self._call.continue_answer(now)

    def exchange_moved(self, now: float) -> None:
        """EarlyDialog."""
        self._go_on(now)

    # what its user asks for

    def may_offer(self) -> bool:
        """RFC 3311 5.1, RFC 6337 4.3 UAC-IU: once a whole exchange has been acknowledged, and the caller knows
        UPDATE."""
        if self._prack is not None or not self.is_between_exchanges or not self._call.peer_allows(b"UPDATE"):
            return False
        return self._reliables is None or not self._reliables.has_session

    def answer_offer(self, session: bytes, now: float) -> bool:
        """The answer to an offer in a PRACK or an UPDATE."""
        prack = self._prack
        is_answered = True
        if prack is not None:
            self._prack = None
            self.exchange.send_answer(session)
            prack.respond(200, now, SESSION_LINE, session)
        else:
            is_answered = super().answer_offer(session, now)
        self._go_on(now)
        return is_answered

    def refuse_offer(self, status: int, now: float, lines: bytes = b"") -> bool:
        """The provisional response counts as acknowledged all the same."""
        prack = self._prack
        is_refused = True
        if prack is not None:
            self._prack = None
            self.exchange.drop_offer()
            prack.respond(status, now, lines)
        else:
            is_refused = super().refuse_offer(status, now, lines)
        self._go_on(now)
        return is_refused

    # the end

    def let_go(self) -> None:
        """Its call is over."""
        if self._reliables is not None:
            self._reliables.silence()
            self._reliables = None

    def end(self, now: float) -> None:
        """EarlyDialog."""
        self.let_go()
        if self._prack is not None:
            self._prack.respond(487, now)
            self._prack = None
        super().end(now)

    def lose_peer(self, status: int, now: float) -> None:
        """ChangeHost. The caller knows nothing of this dialog: nobody is there to be answered."""
        self._call.give_up(Release(Cause.LOST, 504), now)
