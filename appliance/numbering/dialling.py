# SPDX-License-Identifier: Apache-2.0
"""Digits as they are pressed, until they are a number: longest match, "#" ends, silence ends (RFC 3435 2.1.5).

One for each time the receiver is lifted; the element that has the keypad feeds it, with the clock.
"""

from enum import IntEnum
from typing import Final

from appliance.errors import MisuseError
from appliance.numbering.digit_map import DigitMap, Match

INTER_DIGIT_S: Final = 4.0
FIRST_DIGIT_S: Final = 15.0
DIGITS_LIMIT: Final = 32
END: Final = "#"


class DiallingState(IntEnum):
    """WAITING: no digit yet; COLLECTING; COMPLETE: `digits` is the number; FAILED: there is none that begins so, or it
    stopped short of one."""

    WAITING = 0
    COLLECTING = 1
    COMPLETE = 2
    FAILED = 3


WAITING, COLLECTING, COMPLETE, FAILED = DiallingState
TRANSITIONS: Final = (
    frozenset({COLLECTING, COMPLETE, FAILED}),
    frozenset({COMPLETE, FAILED}),
    frozenset[DiallingState](),
    frozenset[DiallingState](),
)
"""What may follow each state, by its number."""


class Dialling:
    """digits: so far; deadline: when `pass_deadline` is due, on the caller's clock, None once it is over."""

    __slots__ = ("_inter_digit_s", "_map", "_states", "deadline", "digits", "state")

    def __init__(self, digit_map: DigitMap, now: float, inter_digit_s: float = INTER_DIGIT_S,
                 first_digit_s: float = FIRST_DIGIT_S) -> None:
        self._map = digit_map
        self._states = digit_map.start
        self._inter_digit_s = inter_digit_s
        self.state = WAITING
        self.digits = ""
        self.deadline: float | None = now + first_digit_s

    def press(self, digit: str, now: float) -> DiallingState:
        """One key. "#" ends, except where the map has a number that goes on with it; what comes too late is ignored."""
        if len(digit) != 1:
            raise MisuseError("one key at a time")
        if self.state >= COMPLETE:
            return self.state
        states = self._map.press(self._states, digit.upper())
        if digit == END and not states:
            return self._enter(COMPLETE if self.digits else FAILED)
        self.digits += digit
        self._states = states
        match = self._map.judge(states)
        if match is Match.NONE or (match is not Match.WHOLE and len(self.digits) >= DIGITS_LIMIT):
            return self._enter(FAILED)
        if match is Match.WHOLE:
            return self._enter(COMPLETE)
        self.deadline = now + self._inter_digit_s
        return self._enter(COLLECTING) if self.state is WAITING else self.state

    def pass_deadline(self, now: float) -> DiallingState:
        """The time at `deadline` has come; before that, nothing happens."""
        if self.deadline is None or now < self.deadline:
            return self.state
        return self._enter(COMPLETE if self._map.judge(self._states) is Match.OPEN else FAILED)

    def _enter(self, state: DiallingState) -> DiallingState:
        if state not in TRANSITIONS[self.state]:
            raise MisuseError(f"dialling: {self.state.name} to {state.name}")
        self.state = state
        if state >= COMPLETE:
            self.deadline = None
        return state
