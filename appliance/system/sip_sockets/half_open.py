# SPDX-License-Identifier: Apache-2.0
"""Connections that owe us the rest of something, in the order in which they began: who is first is overdue first."""

from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class HalfOpen(Generic[Item]):
    """Begin times in order; `begin` must be called with a `now` that never goes back."""

    __slots__ = ("_began", "_limit_s")

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._began: dict[Item, float] = {}

    def __len__(self) -> int:
        return len(self._began)

    def __contains__(self, item: Item) -> bool:
        return item in self._began

    def begin(self, item: Item, now: float) -> None:
        """Its time runs from now on; the time of one that has begun already is left as it is."""
        self._began.setdefault(item, now)

    def end(self, item: Item) -> None:
        """It owes us nothing any more; nothing happens when it never began."""
        self._began.pop(item, None)

    def oldest(self) -> Item | None:
        """Who began first, None when nobody has."""
        return next(iter(self._began), None)

    def overdue(self, now: float) -> list[Item]:
        """All whose time is up, oldest first; they stay until `end`."""
        late = []
        for item, began in self._began.items():
            if now - began < self._limit_s:
                break
            late.append(item)
        return late


class HalfOpenBySource(HalfOpen[Item]):
    """The same, and who of each source; source_of: what counts as one source."""

    __slots__ = ("_by_source", "_source_of")

    def __init__(self, limit_s: float, source_of: Callable[[Item], bytes]) -> None:
        super().__init__(limit_s)
        self._source_of = source_of
        self._by_source: dict[bytes, dict[Item, None]] = {}

    def begin(self, item: Item, now: float) -> None:
        """As above."""
        super().begin(item, now)
        self._by_source.setdefault(self._source_of(item), {})[item] = None

    def end(self, item: Item) -> None:
        """As above."""
        if item not in self:
            return
        super().end(item)
        source = self._source_of(item)
        items = self._by_source[source]
        del items[item]
        if not items:
            del self._by_source[source]

    def oldest_of_largest(self) -> Item | None:
        """Who began first among those of the source that has most; None when nobody has."""
        if not self._by_source:
            return None
        largest = max(self._by_source.values(), key=len)
        return next(iter(largest))
