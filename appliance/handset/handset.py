# SPDX-License-Identifier: Apache-2.0
"""A telephone: what lifting, hanging up, a flash and digits do, and what calls make it do.

At most three calls: the one that is talked in, one on hold, one that waits. Changed by hands (`lift`, `hang_up`,
`flash`, `press`, `dial`), by its calls, and by the time.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from appliance.audio import tones
from appliance.errors import MisuseError
from appliance.handset.account import Account
from appliance.handset.aim import IMPOSSIBLE, find_aim
from appliance.handset.call_opening import CallOpening
from appliance.handset.departure import Departure
from appliance.handset.digit_collection import DigitCollection
from appliance.handset.mailbox import Mailbox
from appliance.handset.phone_call import PhoneCall
from appliance.handset.plan import HandsetPlan
from appliance.handset.replaced_call import find_replaced_call
from appliance.handset.states import (
    BUSY,
    CALLING,
    COLLECTING,
    DIAL_TONE,
    HELD,
    HOWLER,
    IDLE,
    RINGING,
    TALKING,
    TRANSITIONS,
    HandsetState,
)
from appliance.handset.taken_transfer import TakenTransfer, decide_transfer
from appliance.handset.tone_plan import decide_tone
from appliance.handset.voice import Voice
from appliance.native.sip_scanner import Message
from appliance.numbering import dialling
from appliance.sdp.direction import Direction
from appliance.sip.flow import Flow
from appliance.ua.inspection import Refusal
from appliance.ua.referral import ENDED, Referral
from appliance.ua.request_draft import RequestDraft
from appliance.ua.user_agent import UserAgent
from appliance.vocabulary.journal import Journal

BUSY_S: Final = 30.0
HOWL_S: Final = 60.0
EMERGENCY_PATIENCE_S: Final = 5.0
"""Without a word from the server the caller must hear that this line is dead, and look for another telephone."""


class Handset:
    """active, held, waiting: its calls; state: changed through `_enter`; satisfies AgentEvents and CallOwner."""

    def __init__(self, plan: HandsetPlan, account: Account, voice: Voice, journal: Journal) -> None:
        self._plan = plan
        self._account = account
        self._voice = voice
        self._journal = journal
        self._agent = UserAgent(account.core, self, plan.callers)
        self._opening = CallOpening(plan, account.core, voice, journal)
        self._alarm = account.core.alarm()
        self._patience = account.core.alarm()
        self._digits = DigitCollection(self, plan.digit_map, account.core.alarm())
        self.mailbox = Mailbox(account, self._agent, journal, self._show_messages)
        self._departures: list[Departure] = []
        self._transfer: TakenTransfer | None = None
        self._has_ringback = False
        self.dialled = ""
        self.last_status = 0
        self.is_lifted = False
        self.state = IDLE
        self.active: PhoneCall | None = None
        self.held: PhoneCall | None = None
        self.waiting: PhoneCall | None = None
        account.core.stack.serve(self._agent)

    def _enter(self, state: HandsetState) -> None:
        if state is self.state:
            return
        if state not in TRANSITIONS[self.state]:
            raise MisuseError(f"handset: {self.state.name} to {state.name}")
        self.state = state
        self._alarm.clear()
        if state is not COLLECTING:
            self._digits.drop()
        self._voice.listen_keys(state in (DIAL_TONE, COLLECTING))
        self._voice.light(state in (CALLING, TALKING, HELD))
        if state is not RINGING:
            self._voice.ring(False)

    # hands

    def lift(self, now: float) -> None:
        """The receiver is lifted."""
        if self.is_lifted:
            return
        self.is_lifted = True
        if self.state is RINGING:
            self._take_ringing(now)
        elif self._plan.hotline and not self._plan.hotline_delay_s:
            self._call(self._plan.hotline, now)
        else:
            self._give_dial_tone(now)

    def hang_up(self, now: float) -> None:
        """It is back. Two calls are joined; one on hold rings back, one that waits goes on ringing."""
        if not self.is_lifted:
            return
        self.is_lifted = False
        self._patience.clear()
        self._voice.stop_tone()
        self._voice.disconnect()
        active, self.active, held = self.active, None, self.held
        if self._transfer is not None:
            self._transfer.leave(now)
            self._transfer = None
        if active is not None and held is not None and not active.is_emergency:     # RFC 6881 10: nobody joins those
            self.held = None
            self._departures.append(Departure(self, held, active))
            self._departures[-1].start(now)
        elif active is not None:
            active.hang_up(now)
        if self.held is not None or self.waiting is not None:
            self._enter(RINGING)
            self._voice.ring(True)
        else:
            self._enter(IDLE)

    def flash(self, now: float) -> None:
        """A short press of the hook: to the other call and back, or a second dial tone (RFC 3264 8.4 for the hold)."""
        if self.active is not None and self.active.is_emergency:
            return      # RFC 6881 10: neither held nor left by a slip of the finger
        if self._transfer is not None and self.state is CALLING:
            self._drop_transfer(487, now)
        elif self.state is TALKING and self.waiting is not None and self.held is None:
            self._hold_active(now)
            self._answer_waiting(now)
        elif self.state is TALKING and self.held is not None:
            other = self.held
            self._hold_active(now)
            self._resume(other, now)
        elif self.state is TALKING:
            self._hold_active(now)
            self._give_dial_tone(now, tones.SECOND_DIAL)
        elif self.is_lifted and self.held is not None:
            self._drop_active(now)
            self._resume(self.held, now)

    def press(self, key: str, now: float) -> None:
        """A key, of whatever kind of dial. In a call it goes to the other side."""
        if self.state is TALKING:
            self._voice.press(key)
        elif self.state in (DIAL_TONE, COLLECTING):
            self._voice.stop_tone()
            self._enter(COLLECTING)
            self._digits.press(key, now)
            if self.state is COLLECTING:
                self.dialled = self._digits.digits

    def dial(self, target: str, now: float) -> bool:
        """A whole number or address at once; lifts the receiver. False where it is otherwise engaged."""
        if not self.is_lifted and self.state is IDLE:
            self.is_lifted = True
        elif self.state not in (DIAL_TONE, COLLECTING):
            return False
        self._call(target, now)
        return True

    @property
    def is_quiet(self) -> bool:
        """Whether nobody would miss it: those who are being joined would, a receiver that was forgotten would not."""
        return self.state in (IDLE, HOWLER) and not self._departures

    def stop(self, now: float) -> None:
        """The process ends."""
        for call in filter(None, (self.active, self.held, self.waiting)):
            call.hang_up(now, 480)
        if self._transfer is not None:
            self._transfer.leave(now)
        for departure in tuple(self._departures):
            departure.give_up(now)
        self.mailbox.stop(now)
        self._account.stop(now)

    # dialling

    def _give_dial_tone(self, now: float, tone: tones.Tone | None = None) -> None:
        self._enter(DIAL_TONE)
        self.dialled = ""
        self._voice.play(tone or (tones.STUTTER_DIAL if self.mailbox.waiting.is_waiting else tones.DIAL))
        if self._plan.hotline and self.held is None:
            self._alarm.set(now + self._plan.hotline_delay_s, partial(self._call, self._plan.hotline))
        else:
            self._alarm.set(now + dialling.FIRST_DIGIT_S, self._give_up_dialling)

    def _give_up_dialling(self, now: float) -> None:
        """Nothing was dialled."""
        if self.held is not None:
            self._voice.stop_tone()
            self._enter(HELD)
        else:
            self._fail(tones.CONGESTION, now)

    def number_complete(self, number: str, now: float) -> None:
        """NumberTaker."""
        self._call(number, now)

    def number_impossible(self, now: float) -> None:
        """NumberTaker."""
        self.dialled = self._digits.digits
        self._fail_with(IMPOSSIBLE, now)

    def _fail_with(self, status: int, now: float) -> None:
        self.last_status = status
        self._fail(decide_tone(status), now)

    def _show_messages(self) -> None:
        self._voice.remind(self.mailbox.waiting.is_waiting)

    def _fail(self, tone: tones.Tone, now: float) -> None:
        """No call, and the tone that says why."""
        self._enter(BUSY)
        self._voice.play(tone)
        self._alarm.set(now + BUSY_S, self._howl)

    def _howl(self, now: float) -> None:
        if self.held is not None or self.waiting is not None:
            self._alarm.set(now + BUSY_S, self._howl)   # they hear us, so nothing howls while they are there
            return
        self._enter(HOWLER)
        self._voice.play(tones.HOWLER)
        self._alarm.set(now + HOWL_S, self._give_up_howling)

    def _give_up_howling(self, _now: float) -> None:
        self._voice.stop_tone()

    # calls out

    def _call(self, target: str, now: float) -> None:
        self.dialled = target
        aim = find_aim(target, self._account, self._plan.country)
        self._enter(CALLING)
        self._voice.stop_tone()
        if aim.status:
            self._fail_with(aim.status, now)
            return
        call = self._opening.open(self) if aim.uri else None
        if call is None:
            self._lose_line(target, aim.is_urgent, now)
            return
        call.peer, call.is_emergency = target, aim.is_urgent
        draft = self._draft_call(call, aim.uri)
        if aim.is_direct:
            draft.set_routes(())
        if aim.is_urgent:
            self._patience.set(now + EMERGENCY_PATIENCE_S, self._give_up_emergency)
        call.begin(self._agent, draft, now)

    def _draft_call(self, call: PhoneCall, uri: bytes) -> RequestDraft:
        call.target = uri
        self.active = call
        self._has_ringback = False
        return self._agent.draft_call(uri, call.session.write_offer(Direction.SENDRECV))

    def _lose_line(self, target: str, is_urgent: bool, now: float) -> None:
        """Nobody can be called: said in a tone like no other, and where somebody may read it."""
        self.last_status = 0
        self._journal.record("handset_emergency_failed" if is_urgent else "handset_no_line", number=target)
        self._fail(tones.NO_LINE, now)

    def _give_up_emergency(self, now: float) -> None:
        if self.state is CALLING and self.active is not None and self.active.is_unheard:
            call, self.active = self.active, None
            call.hang_up(now)
            self._lose_line(call.peer, True, now)

    # calls in

    def screen_call(self, request: Message, flow: Flow, now: float) -> PhoneCall | Refusal:
        """AgentEvents. One may wait; for a third, and while anything but talk goes on, we are busy."""
        replaced = find_replaced_call(request, self._account.core.dialogs, self._account.is_server(flow))
        if isinstance(replaced, Refusal):
            return replaced
        if replaced is not None and (replaced not in (self.active, self.held) or self._transfer is not None):
            return Refusal(603)
        if replaced is None and not self._may_be_called():
            return Refusal(486)
        call = self._opening.open(self)
        if call is None:
            return Refusal(500)
        call.replaced = replaced
        return call

    def decide_availability(self, request: Message, now: float) -> int:
        """AgentEvents."""
        return 200 if self._may_be_called() else 486

    def _may_be_called(self) -> bool:
        if self.state is IDLE:
            return True
        return (self.state is TALKING and self.waiting is None and self.held is None and self.active is not None
                and not self.active.is_emergency)

    def call_offered(self, call: PhoneCall, now: float) -> None:
        """CallOwner."""
        if call.replaced is not None:
            self._take_place(call, call.replaced, now)
            return
        self.waiting = call
        call.alert(now)
        if self.state is IDLE:
            self._enter(RINGING)
            self._voice.ring(True)
        else:
            self._voice.play(tones.CALL_WAITING, is_over=True)

    def _take_place(self, call: PhoneCall, replaced: PhoneCall, now: float) -> None:
        """RFC 3891 3: answered at once, and the other is ended."""
        if replaced is self.held:
            self.held = call
            call.answer(now)
            call.want(Direction.SENDONLY, now)
        else:
            self.active = call
            self._patience.clear()
            self._voice.stop_tone()
            self._voice.disconnect()
            self._enter(TALKING)
            call.answer(now)
            call.join(self._voice)
        replaced.hang_up(now)

    def _take_ringing(self, now: float) -> None:
        """The receiver is lifted while it rings: who was left on hold first, then who calls."""
        if self.held is not None:
            self._resume(self.held, now)
        elif self.waiting is not None:
            self._answer_waiting(now)

    def _answer_waiting(self, now: float) -> None:
        call, self.waiting = self.waiting, None
        assert call is not None
        self.active = call
        self._enter(TALKING)
        self._voice.stop_tone()
        call.answer(now)
        call.join(self._voice)

    # what calls say

    def call_progressed(self, call: PhoneCall, status: int, now: float) -> None:
        """CallOwner. What the other network has to say is heard once it says it; until then it rings (RFC 3960 3.2)."""
        if call is not self.active or self.state is not CALLING:
            return
        self._patience.clear()
        if self._transfer is not None:
            self._transfer.progressed(status, now)
        if call.session.agreed is not None:
            call.join(self._voice)
        if not self._has_ringback:
            self._has_ringback = True
            self._voice.play(tones.RINGBACK, is_yielding=True)

    def call_answered(self, call: PhoneCall, now: float) -> None:
        """CallOwner."""
        if call is not self.active:
            return
        self._patience.clear()
        if self.state is CALLING:
            if self._transfer is not None:
                self._transfer.answered(now)
            self._enter(TALKING)
            self._voice.stop_tone()
        call.join(self._voice)

    def call_changed(self, call: PhoneCall, now: float) -> None:
        """CallOwner."""
        if call is self.active and self.state is TALKING:
            call.join(self._voice)

    def call_ended(self, call: PhoneCall, status: int, now: float) -> None:
        """CallOwner."""
        transfer = self._transfer
        if transfer is not None and call is transfer.former and transfer.is_done:
            self._transfer = None
        if call is self.active and transfer is not None and not transfer.is_done:
            self._drop_transfer(status, now)
        elif call is self.active:
            self.active = None
            if call.is_emergency and self.state is CALLING:
                self._journal.record("handset_emergency_failed", number=call.peer, status=status)
            self._lose_active(status, now)
        elif call is self.held:
            self.held = None
            self._lose_other(now)
        elif call is self.waiting:
            self.waiting = None
            self._lose_other(now)
        for departure in tuple(self._departures):
            departure.call_ended(call, now)

    def _lose_active(self, status: int, now: float) -> None:
        self._patience.clear()
        self._voice.disconnect()
        if self.state is CALLING:
            self._fail_with(status, now)
        elif self.is_lifted:
            self._fail(tones.BUSY, now)

    def _lose_other(self, now: float) -> None:
        if self.state is RINGING and self.held is None and self.waiting is None:
            self._enter(IDLE)
        elif self.state is TALKING and self.waiting is None:
            self._voice.stop_tone()
        elif self.state is HELD and self.held is None:
            self._fail(tones.BUSY, now)

    # transfers: of this telephone by the other side

    def transfer_asked(self, call: PhoneCall, referral: Referral, now: float) -> None:
        """CallOwner. Of the call that is talked in; one at a time."""
        flow = call.flow
        is_from_server = flow is not None and self._account.is_server(flow)
        status = decide_transfer(call, referral, is_from_server, self._plan.country)
        is_free = call is self.active and self.state is TALKING and self._transfer is None
        other = self._opening.open(self) if status == 0 and is_free else None
        if other is None:
            referral.refuse(status or 603, now)
            return
        referral.accept(now)
        if referral.state is ENDED:     # too late for an answer: its sender has given up
            other.port.close()
            return
        self._transfer = TakenTransfer(referral, call, other, self._account.core.alarm())
        self._voice.stop_tone()
        self._voice.disconnect()
        self._enter(CALLING)
        draft = self._draft_call(other, self._transfer.aim(self._account))
        self._transfer.fill(draft)
        other.begin(self._agent, draft, now)

    def _drop_transfer(self, status: int, now: float) -> None:
        """It did not come about: back to who asked for it, where they are still there."""
        transfer, self._transfer = self._transfer, None
        assert transfer is not None
        transfer.failed(status, now)
        self.active = None
        transfer.call.hang_up(now)
        if transfer.former.has_ended:
            self._lose_active(status, now)
        else:
            self._voice.disconnect()
            self._resume(transfer.former, now)

    # departures

    def departure_ended(self, departure: Departure, left: PhoneCall | None, now: float) -> None:
        """Both have each other, or `left` is still ours and rings back."""
        self._departures.remove(departure)
        if left is None or left.has_ended:
            return
        if self.state is IDLE:
            self.held = left
            self._enter(RINGING)
            self._voice.ring(True)
        else:
            left.hang_up(now)

    # pieces

    def _hold_active(self, now: float) -> None:
        call, self.active = self.active, None
        self._voice.stop_tone()
        self._voice.disconnect()
        self.held = call
        if call is not None:
            call.want(Direction.SENDONLY, now)

    def _resume(self, call: PhoneCall, now: float) -> None:
        if self.held is call:
            self.held = None
        self.active = call
        self._voice.stop_tone()
        self._enter(TALKING)
        call.want(Direction.SENDRECV, now)
        call.join(self._voice)

    def _drop_active(self, now: float) -> None:
        call, self.active = self.active, None
        self._patience.clear()
        self._digits.drop()
        self._voice.disconnect()
        if call is not None:
            call.hang_up(now)
