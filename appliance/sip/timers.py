# SPDX-License-Identifier: Apache-2.0
"""One timer for the whole stack: deadlines in buckets of 50 ms, on whatever clock the caller passes as `now`.

Anything with a `deadline` (monotonic seconds, 0.0 = dropped) and a `due(now)` can be armed. Moving a deadline later
costs nothing: the entry is looked at when its old bucket passes, and armed again. A timer is up to 50 ms late, never
early.
"""

from heapq import heappop, heappush
from typing import Protocol

BUCKETS_PER_SECOND = 20


class Deadline(Protocol):
    """What can be armed."""

    deadline: float

    def due(self, now: float) -> None:
        """Called once when `deadline` has passed."""


class Timers:
    """The buckets; `run(now)` fires what is due, `next_deadline()` says when to come back."""

    __slots__ = ("_buckets", "_ticks")

    def __init__(self) -> None:
        self._buckets: dict[int, list[Deadline | None]] = {}
        self._ticks: list[int] = []

    def arm(self, item: Deadline, deadline: float) -> list[Deadline | None]:
        """Have `item.due` called once `item.deadline` has passed; set `item.deadline` before or after, as you like.
        The bucket whose last entry it is: who has dropped it may take it out, leaving None in its place."""
        tick = int(deadline * BUCKETS_PER_SECOND) + 1
        try:
            bucket = self._buckets[tick]
        except KeyError:
            bucket = self._buckets[tick] = []
            heappush(self._ticks, tick)
        bucket.append(item)
        return bucket

    def run(self, now: float) -> None:
        """Fire everything due; an item moved later is armed again, one whose deadline is 0.0 is forgotten."""
        limit = int(now * BUCKETS_PER_SECOND)
        ticks = self._ticks
        while ticks and ticks[0] <= limit:
            bucket = self._buckets.pop(heappop(ticks))
            for item in bucket:
                if item is None or not (deadline := item.deadline):
                    continue
                if deadline > now:
                    self.arm(item, deadline)
                else:
                    item.due(now)
            bucket.clear()

    def next_deadline(self) -> float | None:
        """The time of the next bucket, None when nothing is armed."""
        return self._ticks[0] / BUCKETS_PER_SECOND if self._ticks else None
