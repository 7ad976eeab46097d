# SPDX-License-Identifier: Apache-2.0
"""One deadline of one holder on the stack's timer: set, moved, cleared. Only its holder changes it."""

from collections.abc import Callable

from appliance.sip.timers import Timers

Ring = Callable[[float], None]


class _Shot:
    """What is armed. A dropped one goes from its bucket at once, since that of a session timer comes a quarter of an
    hour after its call; one that was moved later is in another by then, holds nobody, and is forgotten there."""

    __slots__ = ("_bucket", "_place", "deadline", "ring")

    def __init__(self, timers: Timers, deadline: float, ring: Ring) -> None:
        self.deadline = deadline
        self.ring: Ring | None = ring
        self._bucket = timers.arm(self, deadline)
        self._place = len(self._bucket) - 1

    def drop(self) -> None:
        """It will not ring."""
        self.deadline = 0.0
        self.ring = None
        bucket, place = self._bucket, self._place
        if place < len(bucket) and bucket[place] is self:
            bucket[place] = None

    def due(self, now: float) -> None:
        ring, self.ring = self.ring, None
        self.deadline = 0.0
        if ring is not None:
            ring(now)


class Alarm:
    """Rings once at its time unless set again or cleared before."""

    __slots__ = ("_shot", "_timers")

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self._shot: _Shot | None = None

    def set(self, deadline: float, ring: Ring) -> None:
        """Ring at this monotonic time (seconds) and at no earlier one that was set before."""
        shot = self._shot
        if shot is not None:
            if 0.0 < shot.deadline <= deadline:     # moved later: where it is armed it is looked at
                shot.deadline = deadline
                shot.ring = ring
                return
            shot.drop()
        self._shot = _Shot(self._timers, deadline, ring)

    def clear(self) -> None:
        """Ring no more."""
        shot = self._shot
        if shot is not None:
            shot.drop()
            self._shot = None

    @property
    def is_set(self) -> bool:
        """Whether it is going to ring."""
        return self._shot is not None and self._shot.deadline > 0.0
