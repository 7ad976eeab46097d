# SPDX-License-Identifier: Apache-2.0
"""One call as a user agent keeps it, RFC 3261 sections 13 to 15: the states, and all that is the same whoever called.

How it is set up is told in outgoing_invite and incoming_invite. It leaves its dialog when it is over.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Final

from appliance.errors import MisuseError
from appliance.native.sip_scanner import Message
from appliance.sip.flow import Flow
from appliance.sip.status import status_line
from appliance.sip.transaction.invite_server import InviteServer
from appliance.sip.transaction.server import ServerTransaction
from appliance.ua.accepted_invite import AcceptedInvite
from appliance.ua.agent_core import AgentCore
from appliance.ua.call_events import CallEvents, Cause, Release
from appliance.ua.dialog import Dialog, DialogState
from appliance.ua.early_dialog import EarlyDialog
from appliance.ua.farewell import USAGE_METHODS, Farewell
from appliance.ua.in_dialog_methods import serve_inside
from appliance.ua.in_dialog_request import InDialogOwner, InDialogRequest
from appliance.ua.offer_answer import Exchange, OfferAnswer
from appliance.ua.outgoing_request import OutgoingRequest
from appliance.ua.peer_ability import PeerAbility
from appliance.ua.referral import Referral
from appliance.ua.replaces import Replaces
from appliance.ua.session_body import SESSION_LINE, read_session
from appliance.ua.session_change import SessionChange
from appliance.ua.session_timer import TIMER, SessionTimer, decide_interval, read_interval
from appliance.ua.transfer import Transfer, TransferEvents, find_desk


class UsageState(IntEnum):
    """CALLING: our INVITE is out; PROCEEDING: a provisional response has come; CANCELLING: we want out, the final
    response is awaited; ANSWERING: its 2xx offers and waits for our ACK; OFFERED: theirs waits for our answer;
    ACCEPTED: our 2xx waits for its ACK; LEAVING: so does our BYE; CONFIRMED; TERMINATED."""

    CALLING = 0
    PROCEEDING = 1
    CANCELLING = 2
    ANSWERING = 3
    OFFERED = 4
    ACCEPTED = 5
    LEAVING = 6
    CONFIRMED = 7
    TERMINATED = 8


CALLING, PROCEEDING, CANCELLING, ANSWERING, OFFERED, ACCEPTED, LEAVING, CONFIRMED, TERMINATED = UsageState
TRANSITIONS: Final = (
    frozenset({PROCEEDING, CANCELLING, ANSWERING, CONFIRMED, TERMINATED}),
    frozenset({CANCELLING, ANSWERING, CONFIRMED, TERMINATED}),
    frozenset({TERMINATED}),
    frozenset({CONFIRMED, TERMINATED}),
    frozenset({ACCEPTED, TERMINATED}),
    frozenset({CONFIRMED, LEAVING, TERMINATED}),
    frozenset({TERMINATED}),
    frozenset({TERMINATED}),
    frozenset[UsageState](),
)
"""What may follow each state, by its number."""
EXPIRED_LINE: Final = b'Reason: SIP;cause=408;text="session timer"\r\n'


class InviteUsage(PeerAbility):
    """dialog: the one that counts; exchange: its offer/answer; owns_call_id: we sent the first INVITE; change, timer:
    None until there is need of one; lapse: called once when their change is withdrawn or too late.

    Satisfies call_events.CallHandle, agent_core.DialogUsage, accepted_invite.AcceptedOwner, change_host.ChangeHost,
    session_timer.TimerHost.
    """

    __slots__ = ("_accepted", "change", "core", "dialog", "events", "exchange", "lapse", "owns_call_id", "state",
                 "timer")

    def __init__(self, core: AgentCore, dialog: Dialog, events: CallEvents, state: UsageState) -> None:
        super().__init__()
        self.core = core
        self.dialog = dialog
        self.events = events
        self.exchange = OfferAnswer()
        self.lapse: Callable[[float], None] | None = None
        self.owns_call_id = state is CALLING
        self.state = state
        self._accepted: dict[int, AcceptedInvite] = {}
        self.change: SessionChange | None = None
        self.timer: SessionTimer | None = None

    def enter(self, state: UsageState) -> None:
        """The one way to another state."""
        if state not in TRANSITIONS[self.state]:
            raise MisuseError(f"call: {self.state.name} to {state.name}")
        self.state = state

    @property
    def flow(self) -> Flow | None:
        """The way to the other side, None where nobody knows."""
        return self.dialog.flow

    @property
    def is_over(self) -> bool:
        """Whether BYE was said, or the call never came about."""
        return self.state in (LEAVING, TERMINATED)

    @property
    def is_early(self) -> bool:
        """Whether nobody has answered yet, and nobody has given up."""
        return self.state in (CALLING, PROCEEDING, OFFERED)

    @property
    def is_confirmed(self) -> bool:
        """Whether the call stands on both sides."""
        return self.state is CONFIRMED

    @property
    def is_idle(self) -> bool:
        """Whether the call stands and no change of its session is under way."""
        is_changing = self.change is not None and not self.change.is_idle
        return self.state is CONFIRMED and self.exchange.state is Exchange.IDLE and not is_changing

    @property
    def has_dialog(self) -> bool:
        """Whether requests can be sent inside the dialog now."""
        return not self.is_over and (self.state is OFFERED or self.dialog.state is DialogState.CONFIRMED)

    @property
    def is_answering(self) -> bool:
        """Whether the 2xx to our INVITE offers and waits for our answer in the ACK."""
        return self.state is ANSWERING

    @property
    def has_progress(self) -> bool:
        """Whether the other side has said anything."""
        return self.state is not CALLING

    # what its user asks for

    def hang_up(self, now: float, lines: bytes = b"", status: int = 603) -> None:
        """End it in the way its state wants; a second time means nothing."""
        if self.state is CONFIRMED:
            self.say_bye(now, lines, Release(Cause.WE_LEFT, 0))

    def change_session(self, offer: bytes, now: float, prefers_update: bool = False) -> bool:
        """re-INVITE (14.1) or UPDATE (RFC 3311); False where another exchange is open or the call does not stand."""
        if self.state is not CONFIRMED or self.exchange.state is not Exchange.IDLE:
            return False
        change = self.open_change()
        if not change.is_idle:
            return False
        is_update = prefers_update and bool(offer) and self.peer_allows(b"UPDATE")
        change.start(offer, now, b"UPDATE" if is_update else b"INVITE")
        return True

    def announce(self, now: float) -> None:
        """Let the other side know who is here by now, `dialog.identity` (RFC 5876 3.2), where it allows UPDATE: the
        session stays as it is."""
        change = self.open_change()
        if self.state is CONFIRMED and change.is_idle and self.exchange.state is Exchange.IDLE and self.peer_allows(
                b"UPDATE"):
            change.refresh(b"", now, b"UPDATE")

    @property
    def asking(self) -> EarlyDialog | None:
        """The early dialog, or the former one, whose offer waits for our answer."""
        return None

    @property
    def was_asked_by_update(self) -> bool:
        """Whether the offer that waits for us came in an UPDATE, which is to be answered promptly (RFC 3311 5.2)."""
        change = self.change if (asking := self.asking) is None else asking.change
        return change is not None and change.was_asked_by_update

    def answer_offer(self, session: bytes, now: float) -> bool:
        """Our part of a change of session."""
        asking = self.asking
        if asking is not None:
            return asking.answer_offer(session, now)
        return self.change is not None and self.change.answer(session, now)

    def refuse_offer(self, status: int, now: float, lines: bytes = b"") -> bool:
        """No change of session; status: 488 for a session we cannot take (14.2)."""
        asking = self.asking
        if asking is not None:
            return asking.refuse_offer(status, now, lines)
        return self.change is not None and self.change.refuse(status, now, lines)

    def open_change(self) -> SessionChange:
        """Its changes of session."""
        if self.change is None:
            self.change = SessionChange(self.core, self)
        return self.change

    def adopt(self, early: EarlyDialog) -> None:
        """The call was answered in this early dialog, and goes on in it."""
        self.dialog, self.exchange, self.change = early.dialog, early.exchange, early.change
        if self.change is not None:
            self.change.adopt(self)
        self.join()

    def send_inside(self, method: bytes, lines: bytes, content_type: bytes, body: bytes, owner: InDialogOwner,
                    now: float) -> InDialogRequest:
        """A request in the dialog that belongs to neither set-up nor session (INFO, MESSAGE, OPTIONS). lines: whole
        header lines. The owner hears 481 where there is no dialog."""
        draft = self.dialog.draft_request(method)
        draft.lines, draft.content_type, draft.body = lines, content_type, body
        request = InDialogRequest(self, draft, owner)
        request.send(now)
        return request

    def refer(self, target: bytes, replaces: Replaces | None, events: TransferEvents, now: float) -> Transfer:
        """Ask the other side to call `target` instead of us (RFC 5589), in place of the dialog `replaces` there."""
        return find_desk(self).ask(target, replaces, events, now)

    # the end

    def say_bye(self, now: float, lines: bytes, release: Release) -> None:
        """Leave a dialog that stands: over for us as soon as BYE is on its way (15.1.1)."""
        if self.change is not None:
            self.change.abandon(now)    # what it owes, an ACK or a 487, goes before the BYE
        Farewell(self.core, self.dialog).send(now, lines)
        self.finish(now, release)

    def finish(self, now: float, release: Release) -> None:
        """Over, without a word to the other side."""
        was_over = self.is_over
        self.enter(TERMINATED)
        if self.change is not None:
            self.change.abandon(now)
            self.change = None
        self.lapse = None
        if self.timer is not None:
            self.timer.stop()
            self.timer = None
        for accepted in self._accepted.values():
            accepted.abandon()
        self._accepted.clear()
        self.core.leave_dialog(self.dialog, self)
        if not was_over:
            self.events.released(self, release, now)

    def lose_peer(self, status: int, now: float) -> None:
        """12.2.1.2, RFC 5057: a request in the dialog met 481, 408 or the like; BYE in case they still hear us."""
        self.say_bye(now, b"", Release(Cause.LOST, status))

    def break_off(self, status: int, now: float) -> None:
        """ChangeHost. The offer in a 2xx to our INVITE cannot be refused: ACK, then BYE (13.2.2.4)."""
        self.say_bye(now, b"", Release(Cause.WE_LEFT, status))

    # requests in the dialog

    def request_received(self, server: ServerTransaction, request: Message, now: float) -> None:
        """DialogUsage: BYE, a re-INVITE or an UPDATE."""
        if request.method == b"BYE":
            server.respond(200, now)
            self.bye_received(request, now)
        elif isinstance(server, InviteServer):
            self.invite_received(server, request, now)
        elif request.method == b"UPDATE" and not self.is_over:
            self.open_change().receive_update(server, request, now)
        elif request.method in USAGE_METHODS:
            server.respond(481, now)    # RFC 3262 3: nothing reliable is unacknowledged
        else:
            serve_inside(self, server, request, now)

    def request_left_over(self, server: ServerTransaction, request: Message, now: float) -> None:
        """in_dialog_methods.InDialogListener."""
        self.events.request_received(self, server, request, now)

    def transfer_asked(self, referral: Referral, now: float) -> None:
        """referral.ReferralHost."""
        self.events.transfer_asked(self, referral, now)


    def bye_received(self, bye: Message, now: float) -> None:
        """15.1.2; answered already."""
        self.finish(now, Release(Cause.PEER_LEFT, 200, bye))

    def invite_received(self, server: InviteServer, request: Message, now: float) -> None:
        """14.2."""
        if self.state in (CONFIRMED, ACCEPTED, ANSWERING):
            self.open_change().receive_invite(server, request, now)
        else:
            server.respond(481, now)    # RFC 5407 3.2.2

    def ack_received(self, ack: Message, now: float) -> None:
        """DialogUsage: the ACK of a 2xx of ours; copies and strays have nothing to say."""
        accepted = self._accepted.pop(ack.cseq, None)
        if accepted is not None:
            accepted.receive_ack(ack, now)

    # 2xx of ours

    def accept_invite(self, server: ServerTransaction, request: Message, session: bytes, now: float) -> None:
        """200 with this session, repeated until the ACK comes (13.3.1.4)."""
        core, dialog = self.core, self.dialog
        profile = core.profile
        contact = profile.contact_uri(server.flow.listener, dialog.is_secure)
        lines = b"Contact: %s\r\n%s%s%s" % (contact, core.allow_line, core.supported_line, dialog.identity)
        if self.timer is not None or TIMER in profile.supported:
            lines += self.write_interval(request, now)
        if session:
            lines += SESSION_LINE
        octets = request.reply(status_line(200), dialog.local_tag, lines, session, has_record_route=True)
        repeated = self._accepted.get(request.cseq)
        if repeated is not None:    # a peer that does not count: one ACK is good for both
            repeated.abandon()
        accepted = self._accepted[request.cseq] = AcceptedInvite(core, server, request.cseq, octets, self)
        accepted.has_offer = self.exchange.state is Exchange.LOCAL_OFFER
        accepted.send(now)

    def accepted_acknowledged(self, accepted: AcceptedInvite, ack: Message, now: float) -> None:
        """AcceptedOwner. The ACK carries the answer where our 2xx had the offer (13.2.1)."""
        if not accepted.has_offer or self.is_over:
            return
        answer = read_session(ack)
        if answer:
            self.exchange.receive_answer(answer)
            self.events.answer_received(self, answer, now)
        else:
            self.say_bye(now, b"", Release(Cause.BROKEN, 400, ack))

    def accepted_unacknowledged(self, accepted: AcceptedInvite, now: float) -> None:
        """AcceptedOwner. 13.3.1.4: without an ACK for 64*T1 the dialog stands, but is ended with BYE."""
        self.say_bye(now, b"", Release(Cause.LOST, 408))

    # the session timer, RFC 4028

    def write_interval(self, request: Message, now: float) -> bytes:
        """ChangeHost. 9: of a 2xx to an INVITE or UPDATE; with it the interval begins."""
        profile = self.core.profile
        interval = decide_interval(request, profile) if TIMER in profile.supported else None
        if interval is not None:
            self._open_timer().answer(request, interval, now)
            return interval.lines
        if self.timer is not None:
            self.timer.stop()   # 7.2: turned off in mid dialog
        return b""

    def draft_interval(self, request: OutgoingRequest) -> None:
        """ChangeHost."""
        if self.timer is not None:
            self.timer.write_request(request.draft)

    def read_interval(self, request: OutgoingRequest, response: Message, now: float) -> None:
        """ChangeHost. 7.2; what a UAC has asked of a UAS that knows no timer it does alone."""
        profile = self.core.profile
        if TIMER not in profile.supported:
            return
        draft = request.draft
        seconds, is_ours = read_interval(response, draft.session_expires_s if profile.session_expires_s else 0)
        if seconds:
            timer = self._open_timer()
            timer.learn_minimum(draft.min_se_s)
            timer.start(seconds, is_ours, now)
        elif self.timer is not None:
            self.timer.stop()

    def _open_timer(self) -> SessionTimer:
        if self.timer is None:
            self.timer = SessionTimer(self.core, self)
        return self.timer

    def refresh_session(self, now: float) -> None:
        """TimerHost. 7.4: UPDATE without a session to a peer that allows it, else a re-INVITE with the same session."""
        change, exchange, timer = self.open_change(), self.exchange, self._open_timer()
        if self.state is not CONFIRMED or not change.is_idle or exchange.state is not Exchange.IDLE:
            timer.postpone(now)
        elif self.peer_allows(b"UPDATE") and not timer.prefers_invite:
            change.refresh(b"", now, b"UPDATE")
        else:
            change.refresh(exchange.local, now, b"INVITE")

    def refresh_failed(self, status: int, now: float) -> None:
        """ChangeHost. 10."""
        timer = self._open_timer()
        if status in (405, 501):
            timer.prefers_invite = True
        if timer.seconds:
            timer.retry(now)

    def expire_session(self, now: float) -> None:
        """TimerHost. 10: BYE slightly before the session expires."""
        self.say_bye(now, EXPIRED_LINE, Release(Cause.EXPIRED, 408))

    # what the change of session says

    @property
    def is_ours(self) -> bool:
        """ChangeHost. Whether the exchange that is open hangs on an INVITE of ours."""
        return self.state is ANSWERING

    def change_asked(self, offer: bytes, now: float) -> None:
        """ChangeHost."""
        if offer:
            self.events.offer_received(self, offer, now)
        else:
            self.events.offer_wanted(self, now)

    def change_lapsed(self, now: float) -> None:
        """ChangeHost. Its user learns it when it answers, if nobody has asked for it."""
        lapse, self.lapse = self.lapse, None
        if lapse is not None:
            lapse(now)

    def withdraw_change(self, now: float) -> None:
        """Our change of session is not wanted any more; what became of it is told as ever."""
        if self.change is not None:
            self.change.withdraw(now)

    def change_answered(self, answer: bytes, now: float) -> None:
        """ChangeHost."""
        self.events.answer_received(self, answer, now)

    def change_offered(self, offer: bytes, now: float) -> None:
        """ChangeHost."""
        self.events.offer_received(self, offer, now)

    def change_failed(self, status: int, now: float) -> None:
        """ChangeHost."""
        self.events.change_refused(self, status, now)

    def join(self) -> None:
        """Its dialog's INVITE, ACK and BYE are ours from now on."""
        self.core.join_dialog(self.dialog, self, USAGE_METHODS).rest = self
