# SPDX-License-Identifier: Apache-2.0
"""What a telephone is doing, whom with, and what sounds meanwhile: its state, its calls, and how one gives way to
another. Changed by the parts of the handset alone.
"""

from __future__ import annotations

from typing import Final

from appliance.audio import tones
from appliance.errors import MisuseError
from appliance.handset.phone_call import PhoneCall
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
from appliance.handset.tone_plan import decide_tone
from appliance.handset.voice import Voice
from appliance.sdp.direction import Direction
from appliance.ua.alarm import Alarm
from appliance.vocabulary.journal import Journal

BUSY_S: Final = 30.0
HOWL_S: Final = 60.0


class Line:
    """state: changed through `enter`; alarm: of the state, cleared with it; active, held, waiting: the call that is
    talked in or made, the one on hold, the one that rings; last_status: why there was no call, 0 for no line."""

    __slots__ = ("active", "alarm", "dialled", "held", "is_lifted", "journal", "last_status", "state", "voice",
                 "waiting")

    def __init__(self, voice: Voice, journal: Journal, alarm: Alarm) -> None:
        self.voice = voice
        self.journal = journal
        self.alarm = alarm
        self.dialled = ""
        self.last_status = 0
        self.is_lifted = False
        self.state = IDLE
        self.active: PhoneCall | None = None
        self.held: PhoneCall | None = None
        self.waiting: PhoneCall | None = None

    def enter(self, state: HandsetState) -> None:
        """Do something else from now on. Raises MisuseError where that cannot follow."""
        if state is self.state:
            return
        if state not in TRANSITIONS[self.state]:
            raise MisuseError(f"handset: {self.state.name} to {state.name}")
        self.state = state
        self.alarm.clear()
        self.voice.listen_keys(state in (DIAL_TONE, COLLECTING))
        self.voice.light(state in (CALLING, TALKING, HELD))
        self.voice.ring(state is RINGING)

    # one call and another

    def hold_active(self, now: float) -> None:
        """RFC 3264 8.4: it is sent nothing that anybody says."""
        call, self.active = self.active, None
        self.voice.stop_tone()
        self.voice.disconnect()
        self.held = call
        if call is not None:
            call.want(Direction.SENDONLY, now)

    def resume(self, call: PhoneCall, now: float) -> None:
        """Talk in one that was on hold."""
        if self.held is call:
            self.held = None
        self.active = call
        self.voice.stop_tone()
        self.enter(TALKING)
        call.want(Direction.SENDRECV, now)
        call.join(self.voice)

    def answer_waiting(self, now: float) -> None:
        """The receiver is lifted, or a flash."""
        call, self.waiting = self.waiting, None
        assert call is not None
        self.active = call
        self.enter(TALKING)
        self.voice.stop_tone()
        call.answer(now)
        call.join(self.voice)

    def drop_active(self, now: float) -> None:
        """Whatever became of it."""
        call, self.active = self.active, None
        self.voice.disconnect()
        if call is not None:
            call.hang_up(now)

    def forget(self, call: PhoneCall, status: int, now: float) -> None:
        """It has ended; status: why."""
        if call is self.active:
            self.active = None
            if call.is_emergency and self.state is CALLING:
                self.journal.record("handset_emergency_failed", number=call.peer, status=status)
            self.lose_active(status, now)
        elif call is self.held:
            self.held = None
            self._lose_other(now)
        elif call is self.waiting:
            self.waiting = None
            self._lose_other(now)

    def lose_active(self, status: int, now: float) -> None:
        """Nobody is there any more, or nobody was."""
        self.voice.disconnect()
        if self.state is CALLING:
            self.fail_with(status, now)
        elif self.is_lifted:
            self.fail(tones.BUSY, now)

    def _lose_other(self, now: float) -> None:
        if self.state is RINGING and self.held is None and self.waiting is None:
            self.enter(IDLE)
        elif self.state is TALKING and self.waiting is None:
            self.voice.stop_tone()
        elif self.state is HELD and self.held is None:
            self.fail(tones.BUSY, now)

    # no call

    def fail_with(self, status: int, now: float) -> None:
        """A call has failed with this status."""
        self.last_status = status
        self.fail(decide_tone(status), now)

    def fail(self, tone: tones.Tone, now: float) -> None:
        """No call, and the tone that says why."""
        self.enter(BUSY)
        self.voice.play(tone)
        self.alarm.set(now + BUSY_S, self._howl)

    def _howl(self, now: float) -> None:
        if self.held is not None or self.waiting is not None:
            self.alarm.set(now + BUSY_S, self._howl)    # they hear us, so nothing howls while they are there
            return
        self.enter(HOWLER)
        self.voice.play(tones.HOWLER)
        self.alarm.set(now + HOWL_S, self._give_up_howling)

    def _give_up_howling(self, _now: float) -> None:
        self.voice.stop_tone()
