# SPDX-License-Identifier: Apache-2.0
"""How much waits in the earpiece's buffer: what it holds beyond its aim is delay that nobody needs, what it lacks is
the next gap. Looked at frame by frame, over half a second: a thread that is late once changes nothing.
"""

from __future__ import annotations

from typing import Final

FRAME: Final = 80
AHEAD_FRAMES: Final = 3             # behind a frame that was written: what a late thread may cost without a gap
WINDOW_FRAMES: Final = 50


class EarpieceLevel:
    """Changed by `decide_frames` alone, and begun anew by whoever fills the buffer."""

    __slots__ = ("_least", "_looks", "_most", "_surplus")

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """The buffer was filled afresh."""
        self._looks = self._most = self._surplus = 0
        self._least = 1 << 30

    def decide_frames(self, waiting: int) -> int:
        """How many frames to write now: 1, but 0 to shorten a delay, 2 where the card takes them faster than its
        microphone gives. waiting: samples before that; a device that never has any keeps no buffer."""
        if self._surplus:
            self._surplus -= 1
            if waiting >= AHEAD_FRAMES * FRAME:
                return 0
        self._looks += 1
        self._least = min(self._least, waiting)
        self._most = max(self._most, waiting)
        if self._looks < WINDOW_FRAMES:
            return 1
        surplus, most = self._least // FRAME - AHEAD_FRAMES + 1, self._most
        self.begin()
        if surplus > 0:
            self._surplus = surplus - 1
            return 0
        return 2 if 0 < most <= FRAME else 1
