# SPDX-License-Identifier: Apache-2.0
"""A waiting message as it is kept on disk, and what the relay needs of the store that keeps it.

Plain values only. Time is wall time, because a monotonic clock starts anew with every boot.
"""

from typing import NamedTuple, Protocol

MessageKey = tuple[int]
"""The number of a waiting message: what is unique on disk, and the order in which messages go out."""


class MessageRow(NamedTuple):
    """One waiting message.

    number: ever increasing; extension: whose it is; sender: the From value without its tag; recipient: the To value
    without a tag; call_id: of all attempts to deliver it; lines: the header lines that go along, whole; body: as it
    came; received_wall_s, expires_wall_s: seconds since 1970.
    """

    number: int
    extension: bytes
    sender: bytes
    recipient: bytes
    call_id: bytes
    lines: bytes
    body: bytes
    received_wall_s: float
    expires_wall_s: float

    @property
    def key(self) -> MessageKey:
        """What identifies this row in the store."""
        return (self.number,)


class MessageStore(Protocol):
    """Where waiting messages outlive the process; it tells `MessageRelay.note_stored` what is on disk."""

    def save(self, rows: list[MessageRow]) -> None:
        """Insert or replace rows by their key, soon."""

    def delete(self, keys: list[MessageKey]) -> None:
        """Remove the rows of these keys, soon."""
