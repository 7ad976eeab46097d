# SPDX-License-Identifier: Apache-2.0
"""Messages counted by method and by response class, for tens of nanoseconds each.

Counted by their first nine octets, told apart into methods and classes only when somebody asks.
"""

from collections import defaultdict
from collections.abc import Sequence

from appliance.sip.flow import Flow

HEAD_OCTETS = 9  # `SIP/2.0 2`; every method of the registry with its blank but SUBSCRIBE, which is nine alone
HEADS_LIMIT = 512
METHODS = (b"ACK", b"BYE", b"CANCEL", b"INFO", b"INVITE", b"MESSAGE", b"NOTIFY", b"OPTIONS", b"PRACK", b"PUBLISH",
           b"REFER", b"REGISTER", b"SUBSCRIBE", b"UPDATE")
OTHER = "other"


class MessageTally:
    """Counts one direction. A stranger who invents methods fills no memory: unknown heads are added up."""

    __slots__ = ("_heads", "octets", "total")

    def __init__(self) -> None:
        self._heads: defaultdict[bytes, int] = defaultdict(int)
        self.total = 0
        self.octets = 0

    def count(self, batch: Sequence[tuple[bytes, Flow]]) -> int:
        """Count these messages; returns their octets."""
        heads = self._heads
        octets = 0
        for data, _flow in batch:
            octets += len(data)
            heads[data[:HEAD_OCTETS]] += 1
        self.total += len(batch)
        self.octets += octets
        if len(heads) > HEADS_LIMIT:
            self._fold()
        return octets

    def by_method(self) -> dict[str, int]:
        """Requests by method, the most frequent first; what is neither request nor response counts as "other"."""
        counts: defaultdict[str, int] = defaultdict(int)
        for head, count in self._heads.items():
            if not head.startswith(b"SIP/2.0 "):
                counts[_method_of(head)] += count
        return dict(sorted(counts.items(), key=lambda item: -item[1]))

    def by_class(self) -> dict[str, int]:
        """Responses by class: {"1xx": 3, "2xx": 2}."""
        counts: defaultdict[str, int] = defaultdict(int)
        for head, count in self._heads.items():
            if head.startswith(b"SIP/2.0 "):
                digit = head[8:9]
                counts[f"{digit.decode()}xx" if digit in b"123456" and digit else OTHER] += count
        return dict(sorted(counts.items()))

    def _fold(self) -> None:
        """Add up the heads that differ only behind the method."""
        folded: defaultdict[bytes, int] = defaultdict(int)
        for head, count in self._heads.items():
            if head.startswith(b"SIP/2.0 "):
                folded[head if head[8:9].isdigit() else b"SIP/2.0 ?"] += count
            else:
                method = _method_of(head)
                folded[b"?" if method == OTHER else method.encode()] += count
        self._heads = folded


def _method_of(head: bytes) -> str:
    method = head.partition(b" ")[0]
    return method.decode() if method in METHODS else OTHER
