# SPDX-License-Identifier: Apache-2.0
"""Calls that come to a telephone: whether one may ring, whose place it takes, and how it is told.

Keeps nothing; the line has the calls.
"""

from __future__ import annotations

from appliance.audio import tones
from appliance.handset.account import Account
from appliance.handset.call_opening import CallOpening
from appliance.handset.line import Line
from appliance.handset.phone_call import PhoneCall
from appliance.handset.replaced_call import find_replaced_call
from appliance.handset.states import IDLE, RINGING, TALKING
from appliance.handset.transferee import Transferee
from appliance.native.sip_scanner import Message
from appliance.sdp.direction import Direction
from appliance.sip.flow import Flow
from appliance.ua.inspection import Refusal


class CallReception:
    """Of one line."""

    __slots__ = ("_account", "_line", "_opening", "_transferee")

    def __init__(self, line: Line, opening: CallOpening, account: Account, transferee: Transferee) -> None:
        self._line = line
        self._opening = opening
        self._account = account
        self._transferee = transferee

    def screen(self, request: Message, flow: Flow) -> PhoneCall | Refusal:
        """One may wait; for a third, and while anything but talk goes on, we are busy."""
        line = self._line
        replaced = find_replaced_call(request, self._account.core.dialogs, self._account.is_server(flow))
        if isinstance(replaced, Refusal):
            return replaced
        if replaced is not None and (replaced not in (line.active, line.held) or self._transferee.is_pending):
            return Refusal(603)
        if replaced is None and not self.may_be_called:
            return Refusal(486)
        call = self._opening.open()
        if call is None:
            return Refusal(500)
        call.replaced = replaced
        return call

    @property
    def may_be_called(self) -> bool:
        """Whether a call would ring now."""
        line = self._line
        if line.state is IDLE:
            return True
        return (line.state is TALKING and line.waiting is None and line.held is None and line.active is not None
                and not line.active.is_emergency)

    def offered(self, call: PhoneCall, now: float) -> None:
        """It could be answered: it rings, or is heard to wait."""
        if call.replaced is not None:
            self._take_place(call, call.replaced, now)
            return
        line = self._line
        line.waiting = call
        call.alert(now)
        if line.state is IDLE:
            line.enter(RINGING)
        else:
            line.voice.play(tones.CALL_WAITING, is_over=True)

    def _take_place(self, call: PhoneCall, replaced: PhoneCall, now: float) -> None:
        """RFC 3891 3: answered at once, and the other is ended."""
        line = self._line
        if replaced is line.held:
            line.held = call
            call.answer(now)
            call.want(Direction.SENDONLY, now)
        else:
            line.active = call
            line.voice.stop_tone()
            line.voice.disconnect()
            line.enter(TALKING)
            call.answer(now)
            call.join(line.voice)
        replaced.hang_up(now)
