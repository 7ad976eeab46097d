# SPDX-License-Identifier: Apache-2.0
"""The wall clock as an offset to the monotonic one, and whether somebody has set it.

Everything inside runs on monotonic seconds; wall time is for people and for what outlives a boot.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic, time

STEP_S = 1.0        # NTP slews by less than this between two looks; more is a clock that was set


class WallClock:
    """Wall time from monotonic time. Changed by `detect_step` alone."""

    __slots__ = ("_monotonic", "_offset", "_wall")

    def __init__(self, wall: Callable[[], float] = time, monotonic_clock: Callable[[], float] = monotonic) -> None:
        self._wall = wall
        self._monotonic = monotonic_clock
        self._offset = self.offset()

    def now(self) -> float:
        """Seconds since 1970."""
        return self._wall()

    def offset(self) -> float:
        """Wall time minus monotonic time at this moment, seconds."""
        return self._wall() - self._monotonic()

    def detect_step(self) -> float:
        """By how many seconds the wall clock was set since the last call, 0.0 where it only drifted; signed."""
        offset = self.offset()
        step_s = offset - self._offset
        self._offset = offset
        return step_s if abs(step_s) >= STEP_S else 0.0

    def render(self, at: float) -> str:
        """A monotonic time as RFC 3339 in UTC with milliseconds."""
        return render_wall(at + self.offset())


def render_wall(wall_s: float) -> str:
    """Seconds since 1970 as RFC 3339 in UTC with milliseconds: 2026-01-31T23:59:59.999Z."""
    return datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
