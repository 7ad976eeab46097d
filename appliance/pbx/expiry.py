# SPDX-License-Identifier: Apache-2.0
"""Expiry of soft state (bindings, subscriptions, publications) in buckets of half a second, each armed once in the
stack's one timer.

An item stands in exactly one bucket and leaves it when it is removed, so neither refreshing nor shortening leaves
anything behind in the timer. A refresh costs nothing: the item moves on when its old bucket is opened.
"""

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from appliance.sip.timers import Timers

BUCKET_S = 0.5


class Expiring(Protocol):
    """What ends by itself. deadline: monotonic end; bucket_begin: of the bucket it stands in, the calendar's own."""

    deadline: float
    bucket_begin: float


Item = TypeVar("Item", bound=Expiring)


class ExpiryBucket(Generic[Item]):
    """The items whose deadlines lie between `begin` and `deadline`; looked at when that has passed."""

    __slots__ = ("begin", "calendar", "deadline", "items")

    def __init__(self, calendar: "ExpiryCalendar[Item]", begin: float) -> None:
        self.calendar = calendar
        self.begin = begin
        self.deadline = begin + BUCKET_S
        self.items: dict[Item, None] = {}

    def due(self, now: float) -> None:
        """The timer's call."""
        self.calendar.open_bucket(self, now)


class ExpiryCalendar(Generic[Item]):
    """Calls `expire(item, now)` at most 0.55 s after `item.deadline`, never before."""

    __slots__ = ("_buckets", "_expire", "_timers")

    def __init__(self, timers: Timers, expire: Callable[[Item, float], None]) -> None:
        self._timers = timers
        self._expire = expire
        self._buckets: dict[float, ExpiryBucket[Item]] = {}

    def put(self, item: Item) -> None:
        """Enter an item by its deadline."""
        begin = item.deadline // BUCKET_S * BUCKET_S
        bucket = self._buckets.get(begin)
        if bucket is None:
            bucket = self._buckets[begin] = ExpiryBucket(self, begin)
            self._timers.arm(bucket, bucket.deadline)
        bucket.items[item] = None
        item.bucket_begin = begin

    def take(self, item: Item) -> None:
        """Strike an item out."""
        bucket = self._buckets.get(item.bucket_begin)
        if bucket is not None:
            bucket.items.pop(item, None)

    def move_earlier(self, item: Item) -> None:
        """The deadline of an entered item was moved before its bucket."""
        self.take(item)
        self.put(item)

    def open_bucket(self, bucket: ExpiryBucket[Item], now: float) -> None:
        """Expire what is due, move on what was refreshed since."""
        del self._buckets[bucket.begin]
        for item in bucket.items:
            if item.deadline > now:
                self.put(item)
            else:
                self._expire(item, now)
