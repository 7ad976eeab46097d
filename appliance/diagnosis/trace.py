# SPDX-License-Identifier: Apache-2.0
"""The SIP trace: the last octets in and out, kept in memory, looked at only when somebody asks.

It listens at two points, octets in and octets out, a batch at a time. Octets are kept as they were; nothing leaves this
room unredacted (see diagnosis.redaction). Only the shell appends.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from appliance.diagnosis.tally import MessageTally
from appliance.native.sip_scanner import Message, ScanError
from appliance.sip.flow import Flow

OCTETS_LIMIT = 4 * 1024 * 1024
MESSAGES_LIMIT = 8192


class TraceEntry(NamedTuple):
    """One datagram or stream message; at: monotonic seconds; is_sent: it left us."""

    at: float
    is_sent: bool
    octets: bytes
    flow: Flow


class Trace:
    """A ring of batches, bounded by octets and by messages; the oldest batch goes first.

    received, sent: everything ever counted by method and class.
    """

    __slots__ = ("_batches", "_messages", "_messages_limit", "_octets", "_octets_limit", "received",
                 "sent")

    def __init__(self, octets_limit: int = OCTETS_LIMIT, messages_limit: int = MESSAGES_LIMIT) -> None:
        self._batches: deque[tuple[float, bool, int, tuple[tuple[bytes, Flow], ...]]] = deque()
        self.received = MessageTally()
        self.sent = MessageTally()
        self._octets = 0
        self._messages = 0
        self._octets_limit = octets_limit
        self._messages_limit = messages_limit

    def append_received(self, batch: Sequence[tuple[bytes, Flow]], now: float) -> None:
        """Note what came in; the sequence is copied, its octets are not."""
        self._append(batch, False, now)

    def append_sent(self, batch: Sequence[tuple[bytes, Flow]], now: float) -> None:
        """Note what goes out, before the outbox is emptied."""
        self._append(batch, True, now)

    def _append(self, batch: Sequence[tuple[bytes, Flow]], is_sent: bool, now: float) -> None:
        if not batch:
            return
        size_octets = (self.sent if is_sent else self.received).count(batch)
        self._batches.append((now, is_sent, size_octets, tuple(batch)))
        self._octets += size_octets
        self._messages += len(batch)
        while self._octets > self._octets_limit or self._messages > self._messages_limit:
            _at, _is_sent, oldest_octets, oldest = self._batches.popleft()
            self._octets -= oldest_octets
            self._messages -= len(oldest)

    def __len__(self) -> int:
        return self._messages

    @property
    def size_octets(self) -> int:
        """Octets held."""
        return self._octets

    def entries(self) -> Iterator[TraceEntry]:
        """Everything held, oldest first."""
        for at, is_sent, _size, batch in tuple(self._batches):
            for octets, flow in batch:
                yield TraceEntry(at, is_sent, octets, flow)

    def entries_of(self, call_ids: frozenset[bytes]) -> list[TraceEntry]:
        """The messages of these Call-IDs, oldest first: one call, or both legs of one."""
        return [entry for entry in self.entries()
                if any(call_id in entry.octets for call_id in call_ids) and _belongs(entry, call_ids)]


def _belongs(entry: TraceEntry, call_ids: frozenset[bytes]) -> bool:
    try:
        return Message(entry.octets).call_id in call_ids
    except ScanError:
        return True  # unreadable octets that name the call are exactly what a person is looking for
