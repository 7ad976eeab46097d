# SPDX-License-Identifier: Apache-2.0
"""One deadline of one holder on the stack's timer: set, moved, cleared. Only its holder changes it."""

from collections.abc import Callable

from appliance.sip.timers import Timers

Ring = Callable[[float], None]


class _Shot:
    """What is armed; a dropped one stays in its bucket with deadline 0.0 and is forgotten there."""

    __slots__ = ("_ring", "deadline")

    def __init__(self, deadline: float, ring: Ring) -> None:
        self.deadline = deadline
        self._ring = ring

    def due(self, now: float) -> None:
        self.deadline = 0.0
        self._ring(now)


class Alarm:
    """Rings once at its time unless set again or cleared before."""

    __slots__ = ("_shot", "_timers")

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self._shot: _Shot | None = None

    def set(self, deadline: float, ring: Ring) -> None:
        """Ring at this monotonic time (seconds) and at no earlier one that was set before."""
        self.clear()
        self._shot = _Shot(deadline, ring)
        self._timers.arm(self._shot, deadline)

    def clear(self) -> None:
        """Ring no more."""
        if self._shot is not None:
            self._shot.deadline = 0.0
            self._shot = None

    @property
    def is_set(self) -> bool:
        """Whether it is going to ring."""
        return self._shot is not None and self._shot.deadline > 0.0
