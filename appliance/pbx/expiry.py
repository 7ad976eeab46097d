# SPDX-License-Identifier: Apache-2.0
"""Expiry of bindings in buckets of half a second, each armed once in the stack's one timer.

A binding stands in exactly one bucket and leaves it when it is removed, so neither refreshing nor shortening leaves
anything behind in the timer. A refresh costs nothing: the binding moves on when its old bucket is opened.
"""

from collections.abc import Callable

from appliance.pbx.binding import Binding
from appliance.sip.timers import Timers

BUCKET_S = 0.5


class ExpiryBucket:
    """The bindings whose deadlines lie between `begin` and `deadline`; looked at when that has passed."""

    __slots__ = ("begin", "bindings", "calendar", "deadline")

    def __init__(self, calendar: "ExpiryCalendar", begin: float) -> None:
        self.calendar = calendar
        self.begin = begin
        self.deadline = begin + BUCKET_S
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
        begin = binding.deadline // BUCKET_S * BUCKET_S
        bucket = self._buckets.get(begin)
        if bucket is None:
            bucket = self._buckets[begin] = ExpiryBucket(self, begin)
            self._timers.arm(bucket, bucket.deadline)
        bucket.bindings[binding] = None
        binding.bucket_begin = begin

    def take(self, binding: Binding) -> None:
        """Strike a binding out."""
        bucket = self._buckets.get(binding.bucket_begin)
        if bucket is not None:
            bucket.bindings.pop(binding, None)

    def move_earlier(self, binding: Binding) -> None:
        """The deadline of an entered binding was moved before its bucket."""
        self.take(binding)
        self.put(binding)

    def open_bucket(self, bucket: ExpiryBucket, now: float) -> None:
        """Expire what is due, move on what was refreshed since."""
        del self._buckets[bucket.begin]
        for binding in bucket.bindings:
            if binding.deadline > now:
                self.put(binding)
            else:
                self._expire(binding, now)
