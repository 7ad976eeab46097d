# SPDX-License-Identifier: Apache-2.0
"""One deadline of one holder on the stack's timer: set, moved, cleared. Only its holder changes it."""

from collections.abc import Callable

from appliance.sip.timers import Timers

Ring = Callable[[float], None]


class _Shot:
    """What is armed; a dropped one stays in its bucket with deadline 0.0 and is forgotten there. It holds nobody then:
    the bucket of a session timer comes a quarter of an hour after its call."""

    __slots__ = ("deadline", "ring")

    def __init__(self, deadline: float, ring: Ring) -> None:
        self.deadline = deadline
        self.ring: Ring | None = ring

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
        if shot is not None and 0.0 < shot.deadline <= deadline:    # moved later: where it is armed it is looked at
            shot.deadline = deadline
            shot.ring = ring
            return
        self.clear()
        shot = self._shot = _Shot(deadline, ring)
        self._timers.arm(shot, deadline)

    def clear(self) -> None:
        """Ring no more."""
        shot = self._shot
        if shot is not None:
            shot.deadline = 0.0
            shot.ring = None
            self._shot = None

    @property
    def is_set(self) -> bool:
        """Whether it is going to ring."""
        return self._shot is not None and self._shot.deadline > 0.0
