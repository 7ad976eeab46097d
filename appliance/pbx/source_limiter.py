# SPDX-License-Identifier: Apache-2.0
"""Fairness on the public side: what one stranger may ask for a second, so that he takes nothing from the others.

A token bucket for each source host of a public listener, bounded in number; requests outside dialogs only. Private
listeners have no limit. Time is a parameter.
"""

from collections import OrderedDict

REQUESTS_A_SECOND = 100.0
BURST = 200.0
SOURCES_MAX = 8192


class SourceLimiter:
    """Decides whether a source may ask now. rate: requests a second; burst: at once after a pause."""

    __slots__ = ("_buckets", "burst", "rate")

    def __init__(self, rate: float = REQUESTS_A_SECOND, burst: float = BURST) -> None:
        self.rate = rate
        self.burst = burst
        self._buckets: OrderedDict[bytes, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def may_ask(self, host: bytes, now: float) -> bool:
        """Take one token of this source; False when it has none left."""
        buckets = self._buckets
        tokens, filled_at = buckets.pop(host, (self.burst, now))
        tokens = min(self.burst, tokens + (now - filled_at) * self.rate)
        is_admitted = tokens >= 1.0
        buckets[host] = (tokens - 1.0 if is_admitted else tokens, now)
        if len(buckets) > SOURCES_MAX:
            buckets.popitem(last=False)  # the one that has been silent for longest: its bucket is full again anyway
        return is_admitted
