# SPDX-License-Identifier: Apache-2.0
"""What the hook switch means: lifted, hung up, flash, the digits of a dial, told apart by how long the line is open.

Edges come with their times; what only time can tell comes from `pass_deadline`. Changed by these two alone.
"""

from enum import Enum
from typing import Final, NamedTuple

BOUNCE_S: Final = 0.008             # contacts settle within a few milliseconds
BREAK_S: Final = (0.02, 0.095)
"""Of a dial of 10 or 20 pulses a second, 10 % off, that is open for 50 to 75 % of each: 23 to 83 ms, and a worn one."""
LEAST_MAKE_S: Final = 0.005         # shorter it is a bounce: 22 pulses a second are closed for 11 ms each
LATE_BREAK_S: Final = 0.15          # behind a first pulse; by then it can be nothing else
DIGIT_END_S: Final = 0.25           # longer than the longest make between pulses, shorter than between digits


class Motion(Enum):
    """What a hand has done."""

    LIFTED = "lifted"
    HUNG_UP = "hung up"
    FLASH = "flash"
    DIGIT = "digit"


class HookEvent(NamedTuple):
    """digit: of DIGIT, else ""."""

    motion: Motion
    digit: str = ""


class HookReader:
    """flash_s: how long a flash lasts at least and at most; whoever is down longer has hung up, shorter is nothing.
    deadline: when `pass_deadline` is due, None while nothing is open."""

    __slots__ = ("_broken_at", "_changed_at", "_flash_s", "_has_counted", "_has_pulse", "_is_lifted", "_pulses",
                 "_seen_lifted", "deadline")

    def __init__(self, flash_s: tuple[float, float] = (0.3, 0.9), has_pulse: bool = False) -> None:
        self._flash_s = flash_s
        self._has_pulse = has_pulse
        self._is_lifted = False         # as told
        self._seen_lifted = False       # as the contact stands
        self._changed_at = 0.0
        self._pulses = 0
        self._broken_at = -1.0          # when the last break began, below 0 where it is over for good
        self._has_counted = False       # whether it was a pulse
        self.deadline: float | None = None

    @property
    def is_lifted(self) -> bool:
        """As told: a flash or a pulse does not change it."""
        return self._is_lifted

    def change(self, is_lifted: bool, now: float) -> list[HookEvent]:
        """An edge; now: when it was, in order."""
        events = self.pass_deadline(now)
        if is_lifted == self._seen_lifted:
            return events
        spent_s, self._seen_lifted = now - self._changed_at, is_lifted
        if self._is_lifted and not is_lifted and spent_s < LEAST_MAKE_S and self._broken_at >= 0:
            self._go_on_breaking()
            return events
        open_s, self._changed_at = spent_s, now
        if is_lifted and self._is_lifted:
            events += self._end_break(open_s, now)
        elif is_lifted:
            self.deadline = now + BOUNCE_S
        elif self._is_lifted:
            self.deadline = now + self._flash_s[1]
        else:
            self.deadline = None        # it bounced
        return events

    def _go_on_breaking(self) -> None:
        """The line was closed for no longer than contacts bounce: the break has not ended."""
        self._pulses -= self._has_counted
        self._changed_at = self._broken_at
        self.deadline = self._changed_at + self._flash_s[1]

    def _end_break(self, open_s: float, now: float) -> list[HookEvent]:
        """The line is closed again after so long."""
        self.deadline = now + DIGIT_END_S if self._pulses else None
        self._broken_at, self._has_counted = now - open_s, False
        if self._has_pulse and BREAK_S[0] <= open_s <= (LATE_BREAK_S if self._pulses else BREAK_S[1]):
            self._pulses += 1
            self._has_counted = True
            self.deadline = now + DIGIT_END_S
        elif open_s >= self._flash_s[0]:
            self._broken_at = -1.0
            return [*self._end_digit(), HookEvent(Motion.FLASH)]
        return []

    def _end_digit(self) -> list[HookEvent]:
        pulses, self._pulses = self._pulses, 0
        self.deadline = None
        return [HookEvent(Motion.DIGIT, str(pulses % 10))] if 1 <= pulses <= 10 else []

    def pass_deadline(self, now: float) -> list[HookEvent]:
        """The time at `deadline` has come; before that, nothing happens."""
        if self.deadline is None or now < self.deadline:
            return []
        self.deadline = None
        if self._seen_lifted and self._is_lifted:
            return self._end_digit()
        if self._seen_lifted:
            self._is_lifted = True
            return [HookEvent(Motion.LIFTED)]
        if self._is_lifted:
            self._is_lifted = False
            self._pulses = 0
            return [HookEvent(Motion.HUNG_UP)]
        return []
