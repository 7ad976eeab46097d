# SPDX-License-Identifier: Apache-2.0
"""A call that we make, up to our ACK: RFC 3261 13.2 and 9.1 with forks (13.2.2.4) and the races of RFC 5407 3.1.

It knows every early dialog of its INVITE; the first 2xx is the call, any other is acknowledged and ended.
"""

from appliance.errors import MisuseError
from appliance.native.sip_scanner import Message
from appliance.sip.flow import Flow
from appliance.ua.acknowledgement import Acknowledgement
from appliance.ua.agent_core import AgentCore
from appliance.ua.call_events import Alert, CallEvents, Cause, Release
from appliance.ua.dialog import Dialog
from appliance.ua.farewell import Farewell
from appliance.ua.invite_usage import (
    ANSWERING,
    CALLING,
    CANCELLING,
    CONFIRMED,
    PROCEEDING,
    TERMINATED,
    InviteUsage,
)
from appliance.ua.offer_answer import LOCAL_OFFER, OfferAnswer
from appliance.ua.outgoing_request import OutgoingRequest
from appliance.ua.request_draft import RequestDraft
from appliance.ua.session_body import read_session

FORK_LIMIT = 64
"""Early dialogs of one call; provisional responses of further forks are not looked at."""


class Fork:
    """One branch that has answered: its dialog, its offer/answer, the ACK of its 2xx."""

    __slots__ = ("ack", "dialog", "exchange")

    def __init__(self, dialog: Dialog, offer: bytes) -> None:
        self.dialog = dialog
        self.exchange = OfferAnswer()
        self.ack: Acknowledgement | None = None
        if offer:
            self.exchange.send_offer(offer)

    def take_session(self, response: Message) -> bytes:
        """13.2.1: the first session is the answer, later ones to the same INVITE are not looked at."""
        session = read_session(response)
        if not session or self.exchange.state is not LOCAL_OFFER:
            return b""
        self.exchange.receive_answer(session)
        return session


class OutgoingInvite(InviteUsage):
    """`dialog` is that of the INVITE itself, without a remote tag, until a 2xx decides."""

    __slots__ = ("_forks", "_invite", "_winner")

    def __init__(self, core: AgentCore, draft: RequestDraft, events: CallEvents) -> None:
        super().__init__(core, Dialog(draft.call_id, draft.local, draft.remote), events, CALLING)
        self.dialog.is_on_flow = draft.flow is not None
        self._invite = OutgoingRequest(core, draft, self)
        self._forks: dict[bytes, Fork] = {}
        self._winner: Fork | None = None

    def start(self, now: float) -> None:
        """The INVITE goes out."""
        self._invite.send(now)

    @property
    def flow(self) -> Flow | None:
        """Where the INVITE has gone, None while that is being found."""
        return self._invite.flow

    @property
    def has_progress(self) -> bool:
        """Whether anything has come back, be it a 100."""
        return self.state is not CALLING

    # what its user asks for

    def hang_up(self, now: float, lines: bytes = b"") -> None:
        """CANCEL as soon as it may go (9.1: not before a provisional response); BYE once there is a dialog."""
        if self.state in (CALLING, PROCEEDING):
            self.enter(CANCELLING)
            self._invite.cancel(now, lines)
        elif self.state is ANSWERING:
            self._acknowledge(self._take_winner(), b"", now)
            self.say_bye(now, lines, Release(Cause.WE_LEFT, 0))
        else:
            super().hang_up(now, lines)

    def answer_offer(self, session: bytes, now: float) -> None:
        """The answer to the offer in the 200 goes with the ACK (13.2.2.4)."""
        if self.state is not ANSWERING:
            super().answer_offer(session, now)
            return
        self.exchange.send_answer(session)
        self._acknowledge(self._take_winner(), session, now)
        self.enter(CONFIRMED)
        self.events.confirmed(self, now)

    # what comes

    def provisional_received(self, request: OutgoingRequest, response: Message, now: float) -> None:
        """RequestOwner. 13.2.2.1: with a To tag it makes an early dialog."""
        if self.state is CANCELLING:
            return
        if self.state is CALLING:
            self.enter(PROCEEDING)
        if self.state is not PROCEEDING or response.status == 100:
            return
        session = b""
        if response.to_tag and (response.to_tag in self._forks or len(self._forks) < FORK_LIMIT):
            session = self._find_fork(response).take_session(response)
        self.events.alerted(self, Alert(response.status, session, response.to_tag, False, response), now)

    def request_succeeded(self, request: OutgoingRequest, response: Message, now: float) -> None:
        """RequestOwner. 13.2.2.4: each copy gets its ACK."""
        fork = self._find_fork(response)
        if fork.ack is not None:
            fork.ack.send()
        elif fork is self._winner:
            return  # its ACK waits for our answer
        elif self._winner is None and self.state in (CALLING, PROCEEDING):
            fork.dialog.confirm(response)
            self._take_call(fork, response, now)
        else:   # cancelled too late (9.1), or another fork was first
            fork.dialog.confirm(response)
            self._acknowledge(fork, b"", now)
            Farewell(self.core, fork.dialog).send(now)
            if self.state is CANCELLING:
                self.finish(now, Release(Cause.CANCELLED, 487, response))

    def request_refused(self, request: OutgoingRequest, status: int, response: Message | None, now: float) -> None:
        """RequestOwner. 13.2.2.2, 13.2.2.3: all early dialogs are over."""
        if self.state is TERMINATED:
            return
        cause = Cause.CANCELLED if self.state is CANCELLING else Cause.REFUSED
        if response is None and cause is Cause.REFUSED:
            cause = Cause.LOST
        self._forks.clear()
        self.finish(now, Release(cause, status, response))

    def bye_received(self, bye: Message, now: float) -> None:
        """15.1.2; a 2xx that still waits for its ACK gets it first."""
        if self.state is ANSWERING:
            self._acknowledge(self._take_winner(), b"", now)
        super().bye_received(bye, now)

    # the pieces

    def _find_fork(self, response: Message) -> Fork:
        fork = self._forks.get(response.to_tag)
        if fork is None:
            draft = self._invite.draft
            fork = self._forks[response.to_tag] = Fork(Dialog.of_caller(draft, response), draft.body)
            fork.dialog.flow, fork.dialog.is_on_flow = self._invite.flow, self.dialog.is_on_flow
        return fork

    def _take_call(self, fork: Fork, response: Message, now: float) -> None:
        """This fork is the call."""
        self._winner = fork
        self.dialog, self.exchange = fork.dialog, fork.exchange
        self.join()
        answer, offer = fork.take_session(response), read_session(response)
        if self._invite.draft.body:
            self._acknowledge(fork, b"", now)
            self._confirm(answer, now)
        elif offer:     # 13.2.1: none in the INVITE, so it is in the 2xx
            self.exchange.receive_offer(offer)
            self.enter(ANSWERING)
            self.events.offer_received(self, offer, now)
        else:
            self._acknowledge(fork, b"", now)
            self.say_bye(now, b"", Release(Cause.BROKEN, 400, response))

    def _confirm(self, answer: bytes, now: float) -> None:
        if not self.exchange.is_agreed:     # 13.2.1: neither a provisional response nor the 2xx had an answer
            self.exchange.drop_offer()
            self.say_bye(now, b"", Release(Cause.BROKEN, 400))
            return
        self.enter(CONFIRMED)
        if answer or len(self._forks) > 1:  # with forks the last early answer may have been another's
            self.events.answer_received(self, self.exchange.remote, now)
        if self.state is CONFIRMED:     # its user may have hung up over the answer
            self.events.confirmed(self, now)

    def _acknowledge(self, fork: Fork, session: bytes, now: float) -> None:
        fork.ack = Acknowledgement(self.core, fork.dialog, self._invite, session, now)
        fork.ack.send()

    def _take_winner(self) -> Fork:
        if self._winner is None:
            raise MisuseError("no fork has won")
        return self._winner
