# SPDX-License-Identifier: Apache-2.0
"""A telephone: what lifting, hanging up, a flash and digits do, and what calls make it do.

At most three calls: the one that is talked in, one on hold, one that waits. Changed by hands (`lift`, `hang_up`,
`flash`, `press`, `dial`), by its calls, and by the time; its parts change the `line` that they share.
"""

from __future__ import annotations

from appliance.audio import tones
from appliance.handset.account import Account
from appliance.handset.call_opening import CallOpening
from appliance.handset.call_placement import CallPlacement
from appliance.handset.call_reception import CallReception
from appliance.handset.dial import Dial
from appliance.handset.line import Line
from appliance.handset.mailbox import Mailbox
from appliance.handset.phone_call import PhoneCall
from appliance.handset.plan import HandsetPlan
from appliance.handset.states import CALLING, COLLECTING, DIAL_TONE, HOWLER, IDLE, RINGING, TALKING
from appliance.handset.transferee import Transferee
from appliance.handset.transferor import Transferor
from appliance.handset.voice import Voice
from appliance.native.sip_scanner import Message
from appliance.sip.flow import Flow
from appliance.ua.inspection import Refusal
from appliance.ua.referral import Referral
from appliance.ua.user_agent import UserAgent
from appliance.vocabulary.journal import Journal


class Handset:
    """line: its state and its calls; mailbox: messages that wait. Satisfies AgentEvents and CallOwner."""

    def __init__(self, plan: HandsetPlan, account: Account, voice: Voice, journal: Journal) -> None:
        core, country = account.core, plan.country
        self._account = account
        agent = UserAgent(core, self, plan.callers)
        self.line = Line(voice, journal, core.alarm())
        self.mailbox = Mailbox(account, agent, journal, self._show_messages)
        opening = CallOpening(self, self.line, plan, core)
        self._placement = CallPlacement(self.line, opening, agent, account, country)
        self._dial = Dial(self.line, self._placement, plan)
        self._transferor = Transferor(self.line)
        self._transferee = Transferee(self.line, opening, self._placement, account, country)
        self._reception = CallReception(self.line, opening, account, self._transferee)
        core.stack.serve(agent)

    @property
    def is_quiet(self) -> bool:
        """Whether nobody would miss it: those who are being joined would, a receiver that was forgotten would not."""
        return self.line.state in (IDLE, HOWLER) and not self._transferor.is_busy

    def stop(self, now: float) -> None:
        """The process ends."""
        for call in filter(None, (self.line.active, self.line.held, self.line.waiting)):
            call.hang_up(now, 480)
        self._transferee.leave(now)
        self._transferor.give_up(now)
        self.mailbox.stop(now)
        self._account.stop(now)

    # hands

    def lift(self, now: float) -> None:
        """The receiver is lifted. Where it rings, who was left on hold comes first, then who calls."""
        line = self.line
        if line.is_lifted:
            return
        line.is_lifted = True
        if line.state is not RINGING:
            self._dial.lift(tones.STUTTER_DIAL if self.mailbox.waiting.is_waiting else tones.DIAL, now)
        elif line.held is not None:
            line.resume(line.held, now)
        elif line.waiting is not None:
            line.answer_waiting(now)

    def hang_up(self, now: float) -> None:
        """It is back. Two calls are joined; one on hold rings back, one that waits goes on ringing."""
        line = self.line
        if not line.is_lifted:
            return
        line.is_lifted = False
        line.voice.stop_tone()
        line.voice.disconnect()
        active, line.active, held = line.active, None, line.held
        self._transferee.leave(now)
        if active is not None and held is not None and not active.is_emergency:     # RFC 6881 10: nobody joins those
            line.held = None
            self._transferor.join(held, active, now)
        elif active is not None:
            active.hang_up(now)
        line.enter(IDLE if line.held is None and line.waiting is None else RINGING)

    def flash(self, now: float) -> None:
        """A short press of the hook: to the other call and back, or a second dial tone (RFC 3264 8.4 for the hold)."""
        line = self.line
        if line.active is not None and line.active.is_emergency:
            return      # RFC 6881 10: neither held nor left by a slip of the finger
        if self._transferee.is_pending and line.state is CALLING:
            self._transferee.drop(487, now)
        elif line.state is TALKING and line.waiting is not None and line.held is None:
            line.hold_active(now)
            line.answer_waiting(now)
        elif line.state is TALKING and line.held is not None:
            other = line.held
            line.hold_active(now)
            line.resume(other, now)
        elif line.state is TALKING:
            line.hold_active(now)
            self._dial.give_tone(tones.SECOND_DIAL, now)
        elif line.is_lifted and line.held is not None:
            line.drop_active(now)
            line.resume(line.held, now)

    def press(self, key: str, now: float) -> None:
        """A key, of whatever kind of dial. In a call it goes to the other side."""
        if self.line.state is TALKING:
            self.line.voice.press(key)
        elif self.line.state in (DIAL_TONE, COLLECTING):
            self._dial.press(key, now)

    def dial(self, target: str, now: float) -> bool:
        """A whole number or address at once; lifts the receiver. False where it is otherwise engaged."""
        line = self.line
        if not line.is_lifted and line.state is IDLE:
            line.is_lifted = True
        elif line.state not in (DIAL_TONE, COLLECTING):
            return False
        self._placement.call(target, now)
        return True

    def _show_messages(self) -> None:
        self.line.voice.remind(self.mailbox.waiting.is_waiting)

    # AgentEvents

    def screen_call(self, request: Message, flow: Flow, now: float) -> PhoneCall | Refusal:
        """AgentEvents."""
        return self._reception.screen(request, flow)

    def decide_availability(self, request: Message, now: float) -> int:
        """AgentEvents."""
        return 200 if self._reception.may_be_called else 486

    # CallOwner

    def call_offered(self, call: PhoneCall, now: float) -> None:
        """CallOwner."""
        self._reception.offered(call, now)

    def call_progressed(self, call: PhoneCall, status: int, now: float) -> None:
        """CallOwner."""
        if call is self.line.active and self.line.state is CALLING:
            self._transferee.progressed(status, now)
            self._placement.progressed(call)

    def call_answered(self, call: PhoneCall, now: float) -> None:
        """CallOwner."""
        if call is self.line.active:
            self._transferee.answered(now)
            self._placement.answered(call)

    def call_changed(self, call: PhoneCall, now: float) -> None:
        """CallOwner."""
        if call is self.line.active and self.line.state is TALKING:
            call.join(self.line.voice)

    def call_ended(self, call: PhoneCall, status: int, now: float) -> None:
        """CallOwner."""
        self._transferee.forget(call)
        if call is self.line.active and self._transferee.is_pending:
            self._transferee.drop(status, now)
        else:
            self.line.forget(call, status, now)
        self._transferor.forget(call, now)

    def transfer_asked(self, call: PhoneCall, referral: Referral, now: float) -> None:
        """CallOwner."""
        self._transferee.asked(call, referral, now)
