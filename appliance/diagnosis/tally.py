# SPDX-License-Identifier: Apache-2.0
"""Messages of one direction counted by method and by response class, as the ring has seen them."""

from appliance.native.message_ring import KINDS, MessageRing

CLASSES = KINDS.index("1xx")
OTHER = "other"


class MessageTally:
    """Reads the counts of one direction; counts nothing itself."""

    __slots__ = ("_is_sent", "_ring")

    def __init__(self, ring: MessageRing, is_sent: bool) -> None:
        self._ring = ring
        self._is_sent = is_sent

    @property
    def total(self) -> int:
        """Messages of every kind since start."""
        return sum(self._ring.counts(self._is_sent))

    @property
    def octets(self) -> int:
        """Octets since start."""
        return self._ring.octets_total(self._is_sent)

    def by_method(self) -> dict[str, int]:
        """Requests by method, the most frequent first; what is neither request nor response counts as "other"."""
        counts = dict(zip(KINDS[:CLASSES], self._ring.counts(self._is_sent), strict=False))
        return {name: count for name, count in sorted(counts.items(), key=lambda item: -item[1]) if count}

    def by_class(self) -> dict[str, int]:
        """Responses by class: {"1xx": 3, "2xx": 2}."""
        counts = zip(KINDS[CLASSES:], self._ring.counts(self._is_sent)[CLASSES:], strict=True)
        return {OTHER if name.startswith(OTHER) else name: count for name, count in counts if count}
