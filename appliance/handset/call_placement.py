# SPDX-License-Identifier: Apache-2.0
"""Calls that a telephone makes: the INVITE for what was dialled, ringback, and a line that is dead.

Changed by who dials, and by what the network says of the call.
"""

from __future__ import annotations

from typing import Final

from appliance.audio import tones
from appliance.handset.account import Account
from appliance.handset.aim import find_aim
from appliance.handset.call_opening import CallOpening
from appliance.handset.line import Line
from appliance.handset.phone_call import PhoneCall
from appliance.handset.states import CALLING, TALKING
from appliance.sdp.direction import Direction
from appliance.ua.request_draft import RequestDraft
from appliance.ua.user_agent import UserAgent

EMERGENCY_PATIENCE_S: Final = 5.0
"""Without a word from the server the caller must hear that this line is dead, and look for another telephone."""


class CallPlacement:
    """Of one line."""

    __slots__ = ("_account", "_agent", "_country", "_has_ringback", "_line", "_opening")

    def __init__(self, line: Line, opening: CallOpening, agent: UserAgent, account: Account, country: str) -> None:
        self._line = line
        self._opening = opening
        self._agent = agent
        self._account = account
        self._country = country
        self._has_ringback = False

    def call(self, target: str, now: float) -> None:
        """A number or an address."""
        line = self._line
        line.dialled = target
        aim = find_aim(target, self._account, self._country)
        line.enter(CALLING)
        line.voice.stop_tone()
        if aim.status:
            line.fail_with(aim.status, now)
            return
        call = self._opening.open() if aim.uri else None
        if call is None:
            self._lose_line(target, aim.is_urgent, now)
            return
        call.peer, call.is_emergency = target, aim.is_urgent
        draft = self.draft(call, aim.uri)
        if aim.is_direct:
            draft.set_routes(())
        if aim.is_urgent:
            line.alarm.set(now + EMERGENCY_PATIENCE_S, self._give_up_emergency)
        self.begin(call, draft, now)

    def draft(self, call: PhoneCall, uri: bytes) -> RequestDraft:
        """The INVITE of a call that is the line's from now on."""
        call.target = uri
        self._line.active = call
        self._has_ringback = False
        return self._agent.draft_call(uri, call.session.write_offer(Direction.SENDRECV))

    def begin(self, call: PhoneCall, draft: RequestDraft, now: float) -> None:
        """Send it."""
        call.begin(self._agent, draft, now)

    def _lose_line(self, target: str, is_urgent: bool, now: float) -> None:
        """Nobody can be called: said in a tone like no other, and where somebody may read it."""
        self._line.last_status = 0
        self._line.journal.record("handset_emergency_failed" if is_urgent else "handset_no_line", number=target)
        self._line.fail(tones.NO_LINE, now)

    def _give_up_emergency(self, now: float) -> None:
        call = self._line.active
        if call is not None and call.is_unheard:
            self._line.active = None
            call.hang_up(now)
            self._lose_line(call.peer, True, now)

    def progressed(self, call: PhoneCall) -> None:
        """What the other network has to say is heard once it says it; until then it rings (RFC 3960 3.2)."""
        self._line.alarm.clear()        # somebody is there
        if call.session.agreed is not None:
            call.join(self._line.voice)
        if not self._has_ringback:
            self._has_ringback = True
            self._line.voice.play(tones.RINGBACK, is_yielding=True)

    def answered(self, call: PhoneCall) -> None:
        """Both sides know that it stands, or it is a call that has come in."""
        if self._line.state is CALLING:
            self._line.enter(TALKING)
            self._line.voice.stop_tone()
        call.join(self._line.voice)
