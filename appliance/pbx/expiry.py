# SPDX-License-Identifier: Apache-2.0
"""Expiry of bindings in buckets of half a second, each armed once in the stack's one timer.

A binding stands in exactly one bucket and leaves it when it is removed, so neither refreshing nor shortening leaves
anything behind in the timer. A refresh costs nothing: the binding moves on when its old bucket is opened.
"""

from collections.abc import Callable

from appliance.pbx.binding import Binding
from appliance.sip.timers import Timers

BUCKETS_PER_SECOND = 2


class ExpiryBucket:
    """The bindings to be looked at when `deadline` has passed."""

    __slots__ = ("bindings", "calendar", "deadline")

    def __init__(self, calendar: "ExpiryCalendar", deadline: float) -> None:
        self.calendar = calendar
        self.deadline = deadline
        self.bindings: dict[Binding, None] = {}

    def due(self, now: float) -> None:
        """The timer's call."""
        self.calendar.open_bucket(self, now)


class ExpiryCalendar:
    """Calls `expire(binding, now)` at most 0.55 s after `binding.deadline`, never before."""

    __slots__ = ("_buckets", "_expire", "_timers")

    def __init__(self, timers: Timers, expire: Callable[[Binding, float], None]) -> None:
        self._timers = timers
        self._expire = expire
        self._buckets: dict[float, ExpiryBucket] = {}

    def put(self, binding: Binding) -> None:
        """Enter a binding by its deadline."""
        wake = (int(binding.deadline * BUCKETS_PER_SECOND) + 1) / BUCKETS_PER_SECOND
        bucket = self._buckets.get(wake)
        if bucket is None:
            bucket = self._buckets[wake] = ExpiryBucket(self, wake)
            self._timers.arm(bucket, wake)
        bucket.bindings[binding] = None
        binding.wake = wake

    def take(self, binding: Binding) -> None:
        """Strike a binding out."""
        bucket = self._buckets.get(binding.wake)
        if bucket is not None:
            bucket.bindings.pop(binding, None)

    def move_earlier(self, binding: Binding) -> None:
        """The deadline of an entered binding was moved before its bucket."""
        self.take(binding)
        self.put(binding)

    def open_bucket(self, bucket: ExpiryBucket, now: float) -> None:
        """Expire what is due, move on what was refreshed since."""
        del self._buckets[bucket.deadline]
        for binding in bucket.bindings:
            if binding.deadline > now:
                self.put(binding)
            else:
                self._expire(binding, now)
