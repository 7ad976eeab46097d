# SPDX-License-Identifier: Apache-2.0
"""The last messages in and out and the count of every kind, at tens of nanoseconds a message (ext/message_ring.pyx)."""

from collections.abc import Sequence
from typing import Any

KINDS: tuple[str, ...]
"""What is told apart: fourteen methods, "other", the six response classes, "other response"."""

class MessageRing:
    """Holds batches of (octets, flow), bounded by octets and by messages; the oldest batch goes first."""

    size_octets: int            # octets held

    def __init__(self, octets_limit: int, messages_limit: int) -> None: ...
    def append_received(self, batch: Sequence[tuple[bytes, Any]], now: float) -> None: ...
    """Note what came in; the batch is copied, its octets are not. Raises TypeError for anything but (octets, flow)."""
    def append_sent(self, batch: Sequence[tuple[bytes, Any]], now: float) -> None: ...
    """Note what goes out, before the outbox is emptied."""
    def batches(self) -> list[tuple[float, bool, int, tuple[tuple[bytes, Any], ...]]]: ...
    """Everything held, oldest first: (monotonic seconds, is_sent, octets, ((octets, flow), ...))."""
    def counts(self, is_sent: bool) -> list[int]: ...
    """How many messages of each of KINDS there ever were in one direction."""
    def octets_total(self, is_sent: bool) -> int: ...
    """Octets that ever went in one direction."""
    def __len__(self) -> int: ...
