# SPDX-License-Identifier: Apache-2.0
"""What is heard where nothing came: the last 20 ms to and fro, ever softer, until it is silent after 80 ms.

Backwards first, since a jump would be heard as a click; what comes then is faded in over what was made up. Changed by
its two methods alone.
"""

from __future__ import annotations

from array import array

HISTORY_UNITS = 160                 # a few pitch periods of any voice
FADE_UNITS = 640
JOINT_UNITS = 24                    # 3 ms


class Concealment:
    """One stream of 16-bit samples at 8000 Hz."""

    __slots__ = ("_history", "_made_up")

    def __init__(self) -> None:
        self._history = array("h", bytes(2 * HISTORY_UNITS))
        self._made_up = 0           # samples since the last that came

    def hear(self, samples: array[int], left_out: array[int] | None = None) -> array[int]:
        """Samples that came, joined to what was heard before. left_out: those before them that are not to be heard."""
        before = left_out[:JOINT_UNITS] if left_out else self._continue(JOINT_UNITS) if self._made_up else array("h")
        joined = join_samples(before, samples)
        self._history = (self._history + joined)[-HISTORY_UNITS:]
        self._made_up = 0
        return joined

    def conceal(self, count: int) -> array[int]:
        """As many samples that are made up."""
        made_up = self._continue(count)
        self._made_up += count
        return made_up

    def _continue(self, count: int) -> array[int]:
        history, first = self._history, self._made_up
        if first >= FADE_UNITS:
            return array("h", bytes(2 * count))
        return array("h", (history[_fold(position)] * max(0, FADE_UNITS - position) // FADE_UNITS
                           for position in range(first, first + count)))


def _fold(position: int) -> int:
    """From the last sample of the history back to its first, forth, and back again."""
    last = HISTORY_UNITS - 1
    turn = (position + 1) % (2 * last)
    return last - turn if turn <= last else turn - last


def join_samples(before: array[int], after: array[int]) -> array[int]:
    """`after`, its beginning faded in while `before` fades out."""
    count = min(len(before), len(after))
    joint = array("h", ((before[index] * (count - index) + after[index] * index) // count for index in range(count)))
    return joint + after[count:]
