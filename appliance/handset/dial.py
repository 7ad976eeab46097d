# SPDX-License-Identifier: Apache-2.0
"""From dial tone to a number: keys of whatever kind of dial, the hotline, and whoever lifts and does nothing.

Changed by keys and by the time.
"""

from __future__ import annotations

from functools import partial

from appliance.audio import tones
from appliance.handset.aim import IMPOSSIBLE
from appliance.handset.call_placement import CallPlacement
from appliance.handset.digit_collection import DigitCollection
from appliance.handset.line import Line
from appliance.handset.plan import HandsetPlan
from appliance.handset.states import COLLECTING, DIAL_TONE, HELD
from appliance.numbering import dialling


class Dial:
    """Of one line. Satisfies NumberTaker."""

    __slots__ = ("_digits", "_line", "_placement", "_plan")

    def __init__(self, line: Line, placement: CallPlacement, plan: HandsetPlan) -> None:
        self._line = line
        self._placement = placement
        self._plan = plan
        self._digits = DigitCollection(self, plan.digit_map, line.alarm)

    def lift(self, tone: tones.Tone, now: float) -> None:
        """The receiver is lifted: the hotline at once where it does not wait, else dial tone."""
        if self._plan.hotline and not self._plan.hotline_delay_s:
            self._placement.call(self._plan.hotline, now)
        else:
            self.give_tone(tone, now)

    def give_tone(self, tone: tones.Tone, now: float) -> None:
        """A number can be dialled."""
        line = self._line
        line.enter(DIAL_TONE)
        line.dialled = ""
        line.voice.play(tone)
        if self._plan.hotline and line.held is None:
            line.alarm.set(now + self._plan.hotline_delay_s, partial(self._placement.call, self._plan.hotline))
        else:
            line.alarm.set(now + dialling.FIRST_DIGIT_S, self._give_up)

    def _give_up(self, now: float) -> None:
        """Nothing was dialled."""
        if self._line.held is not None:
            self._line.voice.stop_tone()
            self._line.enter(HELD)
        else:
            self._line.fail(tones.CONGESTION, now)

    def press(self, key: str, now: float) -> None:
        """A key, while a number is awaited."""
        line = self._line
        line.voice.stop_tone()
        if line.state is DIAL_TONE:
            line.enter(COLLECTING)
            self._digits.drop()
        self._digits.press(key, now)
        if line.state is COLLECTING:
            line.dialled = self._digits.digits

    def number_complete(self, number: str, now: float) -> None:
        """NumberTaker."""
        self._placement.call(number, now)

    def number_impossible(self, now: float) -> None:
        """NumberTaker."""
        self._line.dialled = self._digits.digits
        self._line.fail_with(IMPOSSIBLE, now)
