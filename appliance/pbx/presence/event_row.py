# SPDX-License-Identifier: Apache-2.0
"""Subscriptions and publications as they are kept on disk: plain values, wall time, and the seam to what keeps them."""

from typing import NamedTuple, Protocol, TypeVar

SubscriptionKey = tuple[bytes, bytes, bytes]
"""Call-ID, local tag, remote tag."""
PublicationKey = tuple[bytes, bytes]
"""Target and entity-tag."""


class SubscriptionRow(NamedTuple):
    """One subscription; `key` is unique.

    local, remote: name-addr with tag; remote_target: URI; routes: Route values joined by ","; local_cseq: higher than
    that of any NOTIFY sent, and than any document's version; expires_wall_s: end, since 1970; listener, transport,
    host, port: the flow to the subscriber.
    """

    call_id: bytes
    local_tag: bytes
    remote_tag: bytes
    package: bytes
    event: bytes
    watcher: bytes
    target: bytes
    local: bytes
    remote: bytes
    remote_target: bytes
    routes: bytes
    local_cseq: int
    remote_cseq: int
    gap_s: float
    expires_wall_s: float
    listener: str
    transport: bytes
    host: bytes
    port: int

    @property
    def key(self) -> SubscriptionKey:
        """What identifies this row."""
        return (self.call_id, self.local_tag, self.remote_tag)


class PublicationRow(NamedTuple):
    """One publication; `key` is unique. sequence: of its last change, higher is younger; body: as published."""

    target: bytes
    etag: bytes
    body: bytes
    sequence: int
    expires_wall_s: float

    @property
    def key(self) -> PublicationKey:
        """What identifies this row."""
        return (self.target, self.etag)


RowType = TypeVar("RowType")
KeyType = TypeVar("KeyType")


class EventStore(Protocol[RowType, KeyType]):
    """Where rows of one kind outlive the process. Calls are queued and return at once; errors are its own affair."""

    def save(self, rows: list[RowType]) -> None:
        """Insert or replace rows by their key."""

    def delete(self, keys: list[KeyType]) -> None:
        """Remove the rows of these keys."""


SubscriptionStore = EventStore[SubscriptionRow, SubscriptionKey]
PublicationStore = EventStore[PublicationRow, PublicationKey]
