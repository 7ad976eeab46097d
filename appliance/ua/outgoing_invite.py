# SPDX-License-Identifier: Apache-2.0
"""A call that we make, up to our ACK: RFC 3261 13.2 and 9.1 with forks (13.2.2.4) and the races of RFC 5407 3.1.

It knows every early dialog of its INVITE (fork); the first 2xx is the call, any other is acknowledged and ended.
"""

from appliance.errors import MisuseError
from appliance.native.sip_scanner import Message
from appliance.sip.flow import Flow
from appliance.sip.locating.search import Verdict
from appliance.ua.acknowledgement import Acknowledgement
from appliance.ua.agent_core import AgentCore
from appliance.ua.call_events import Alert, CallEvents, Cause, Release
from appliance.ua.dialog import Dialog
from appliance.ua.farewell import USAGE_METHODS, Farewell
from appliance.ua.fork import Fork
from appliance.ua.invite_usage import (
    ANSWERING,
    CALLING,
    CANCELLING,
    CONFIRMED,
    PROCEEDING,
    TERMINATED,
    InviteUsage,
)
from appliance.ua.offer_answer import REMOTE_OFFER
from appliance.ua.outgoing_request import ENDED, OutgoingRequest
from appliance.ua.request_draft import RequestDraft
from appliance.ua.session_body import read_session
from appliance.ua.session_timer import TIMER

FORK_LIMIT = 64
"""Early dialogs of one call; provisional responses of further forks are not looked at."""




class OutgoingInvite(InviteUsage):
    """`dialog` is that of the INVITE itself, without a remote tag, until a 2xx decides."""

    __slots__ = ("_acks", "_ending", "_forks", "_invite", "_winner")

    def __init__(self, core: AgentCore, draft: RequestDraft, events: CallEvents) -> None:
        super().__init__(core, Dialog(draft.call_id, draft.local, draft.remote), events, CALLING)
        self.dialog.is_on_flow = draft.flow is not None
        self._invite = OutgoingRequest(core, draft, self)
        self._forks: dict[bytes, Fork] = {}
        self._acks: dict[bytes, Acknowledgement] = {}       # by the To tag of the 2xx
        self._winner: Fork | None = None
        self._ending: Release | None = None

    def start(self, now: float) -> None:
        """The INVITE goes out."""
        draft, profile = self._invite.draft, self.core.profile
        if profile.session_expires_s and TIMER in draft.supported:     # RFC 4028 7.1: who refreshes is left open
            draft.session_expires_s = max(profile.session_expires_s, profile.min_se_s)
        self._invite.send(now)

    @property
    def flow(self) -> Flow | None:
        """Where the INVITE has gone, None while that is being found."""
        return self._invite.flow

    @property
    def verdict(self) -> Verdict:
        """Of the last search for its servers."""
        return self._invite.verdict

    @property
    def answer_message(self) -> Message | None:
        """The 2xx that made the call."""
        return None if self._winner is None else self.peer_message

    @property
    def has_offered(self) -> bool:
        """Whether the INVITE carried our offer."""
        return bool(self._invite.draft.body)

    @property
    def early_dialogs(self) -> list[Dialog]:
        """Those that are open, the first one first."""
        return [fork.dialog for fork in self._forks.values() if not fork.is_over]

    @property
    def asking(self) -> Fork | None:
        """The early dialog, or the former one, whose offer waits for our answer."""
        forks = self._forks.values() if self._winner is None else (self._winner,)
        return next((fork for fork in forks if fork.has_open_offer and not fork.is_over), None)

    # what its user asks for

    def hang_up(self, now: float, lines: bytes = b"", status: int = 603) -> None:
        """CANCEL as soon as it may go (9.1: not before a provisional response); BYE once there is a dialog."""
        if self.state in (CALLING, PROCEEDING):
            self.enter(CANCELLING)
            self._end_forks(now)
            if self._invite.state is ENDED:     # a fork that had said BYE has sent its 2xx: there is nothing to cancel
                self.finish(now, self._ending or Release(Cause.CANCELLED, 487))
            else:
                self._invite.cancel(now, lines)
        elif self.state is ANSWERING:
            self._acknowledge(self._take_winner(), b"", now)
            self.say_bye(now, lines, Release(Cause.WE_LEFT, 0))
        else:
            super().hang_up(now, lines)

    def answer_offer(self, session: bytes, now: float) -> bool:
        """The answer to the offer in the 200 goes with the ACK (13.2.2.4)."""
        if self.state is not ANSWERING:
            return super().answer_offer(session, now)
        self.exchange.send_answer(session)
        self._acknowledge(self._take_winner(), session, now)
        self.enter(CONFIRMED)
        self.events.confirmed(self, now)
        return True

    def refuse_offer(self, status: int, now: float, lines: bytes = b"") -> bool:
        """The offer in the 200 cannot be refused: ACK, then BYE (13.2.2.4)."""
        if self.state is not ANSWERING:
            return super().refuse_offer(status, now, lines)
        self._acknowledge(self._take_winner(), b"", now)
        self.say_bye(now, lines, Release(Cause.WE_LEFT, status))
        return True

    def change_session(self, offer: bytes, now: float, prefers_update: bool = False) -> bool:
        """CallHandle. Before the answer it is an UPDATE in the only early dialog."""
        if self.state is not PROCEEDING:
            return super().change_session(offer, now, prefers_update)
        forks = [fork for fork in self._forks.values() if not fork.is_over]
        return len(forks) == 1 and forks[0].change_session(offer, now)

    # what comes

    def provisional_received(self, request: OutgoingRequest, response: Message, now: float) -> None:
        """RequestOwner. 13.2.2.1: with a To tag it makes an early dialog."""
        if self.state is CANCELLING:
            return
        if self.state is CALLING:
            self.enter(PROCEEDING)
        if self.state is not PROCEEDING or response.status == 100:
            return
        self.meet_peer(response)
        if response.to_tag and (response.to_tag in self._forks or len(self._forks) < FORK_LIMIT):
            self._find_fork(response, True).receive_provisional(response, now)
        else:
            self.events.alerted(self, Alert(response.status, b"", response.to_tag, False, response), now)

    def request_succeeded(self, request: OutgoingRequest, response: Message, now: float) -> None:
        """RequestOwner. 13.2.2.4: each copy gets its ACK."""
        ack = self._acks.get(response.to_tag)
        if ack is not None:
            ack.send()
            return
        fork = self._find_fork(response, False)
        if fork is self._winner:
            return  # its ACK waits for our answer
        elif self._winner is None and self.state in (CALLING, PROCEEDING) and not fork.has_left:
            fork.dialog.confirm(response)
            self._take_call(fork, response, now)
        elif fork.has_left:
            self._acknowledge(fork, b"", now)
            if self.state is CANCELLING:
                self.finish(now, self._ending or Release(Cause.CANCELLED, 487, response))
        else:   # cancelled too late (9.1), or another fork was first
            fork.dialog.confirm(response)
            self._acknowledge(fork, b"", now)
            Farewell(self.core, fork.dialog).send(now)
            if self.state is CANCELLING:
                self.finish(now, self._ending or Release(Cause.CANCELLED, 487, response))

    def request_refused(self, request: OutgoingRequest, status: int, response: Message | None, now: float) -> None:
        """RequestOwner. 13.2.2.2, 13.2.2.3: all early dialogs are over."""
        if self.state is TERMINATED:
            return
        cause = Cause.CANCELLED if self.state is CANCELLING else Cause.REFUSED
        if response is None and cause is Cause.REFUSED:
            cause = Cause.LOST
        self._end_forks(now)
        self._forks.clear()
        self.finish(now, self._ending or Release(cause, status, response))

    def bye_received(self, bye: Message, now: float) -> None:
        """15.1.2; a 2xx that still waits for its ACK gets it first."""
        if self.state is ANSWERING:
            self._acknowledge(self._take_winner(), b"", now)
        super().bye_received(bye, now)

    def lose_fork(self, fork: Fork, release: Release, now: float) -> None:
        """An early dialog is over before its time. With the last one, nobody is left who could be waited for."""
        fork.end(now)
        if self.state is PROCEEDING and all(other.is_over for other in self._forks.values()):
            self._ending = release
            self.hang_up(now)

    def finish(self, now: float, release: Release) -> None:
        """Over. Copies of a 2xx get their ACKs for another 32 s, and need no early dialog for that."""
        super().finish(now, release)
        self._forks.clear()
        self._winner = None

    # the pieces

    def _find_fork(self, response: Message, is_early: bool) -> Fork:
        fork = self._forks.get(response.to_tag)
        if fork is None:
            draft = self._invite.draft
            fork = self._forks[response.to_tag] = Fork(self, Dialog.of_caller(draft, response, self.dialog.local_tag),
                                                       draft.body)
            fork.dialog.flow, fork.dialog.is_on_flow = self._invite.flow, self.dialog.is_on_flow
            if is_early:
                self.core.join_dialog(fork.dialog, fork, USAGE_METHODS).rest = fork
        return fork

    def _end_forks(self, now: float) -> None:
        for fork in self._forks.values():
            fork.end(now)

    def _take_call(self, fork: Fork, response: Message, now: float) -> None:
        """This fork is the call."""
        self._winner = fork
        fork.win()
        self.meet_peer(response)
        for other in self._forks.values():
            if other is not fork:
                other.end(now)
        self.adopt(fork)
        self.read_interval(self._invite, response, now)
        if self.has_offered:
            answer = fork.take_session(response, True)
            self._acknowledge(fork, b"", now)
            self._confirm(answer, now)
        elif self.exchange.is_agreed or self.exchange.state is REMOTE_OFFER:    # RFC 3262 5: a reliable 1xx had it
            self._acknowledge(fork, b"", now)
            self.enter(CONFIRMED)
            self.events.confirmed(self, now)
        else:
            self._take_late_offer(fork, response, now)

    def _take_late_offer(self, fork: Fork, response: Message, now: float) -> None:
        """13.2.1: no offer in the INVITE, so it is in the 2xx."""
        offer = read_session(response)
        if offer:
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
        ack = self._acks[fork.fork] = Acknowledgement(self.core, fork.dialog, self._invite, session, now)
        ack.send()
        if self.state is TERMINATED:
            self._forks.clear()

    def _take_winner(self) -> Fork:
        if self._winner is None:
            raise MisuseError("no fork has won")
        return self._winner
