# SPDX-License-Identifier: Apache-2.0
"""The messages that wait for one extension, in the order of their coming, within limits.

Only the relay puts messages in and takes them out.
"""

from typing import NamedTuple, Protocol

from appliance.pbx.instant_message.message_form import KeptMessage
from appliance.pbx.instant_message.message_row import MessageRow
from appliance.sip.transaction.server import ServerTransaction


class MailboxLimits(NamedTuple):
    """What is kept for each extension: how many messages (0: none at all), how many octets, for how long."""

    messages: int = 100
    octets: int = 65536
    life_s: float = 7 * 86400.0


class DeadlineListener(Protocol):
    """Who is told when the time of a waiting message has come."""

    def waiting_due(self, waiting: "WaitingMessage", now: float) -> None:
        """Its deadline has passed: not on disk in time, or not worth delivering any more."""


class WaitingMessage:
    """One message that waits.

    number: the order of delivery; ends_at, received_at: monotonic; server: the transaction that gets 202 once the
    message is on disk, None when it has had its answer; is_on_its_way: phones have the original request still before
    them, so that nothing else is tried; attempts: how often we have tried; deadline: see DeadlineListener;
    is_for_streams: too large for a datagram, so that it waits for a phone on a connection.
    """

    __slots__ = ("_listener", "attempts", "deadline", "ends_at", "extension", "is_for_streams", "is_on_its_way", "kept",
                 "number", "received_at", "server")

    def __init__(self, listener: DeadlineListener, number: int, extension: bytes, kept: KeptMessage) -> None:
        self._listener = listener
        self.number = number
        self.extension = extension
        self.kept = kept
        self.received_at = 0.0
        self.ends_at = 0.0
        self.deadline = 0.0
        self.server: ServerTransaction | None = None
        self.is_on_its_way = False
        self.is_for_streams = False
        self.attempts = 0

    def due(self, now: float) -> None:
        """The timer's call."""
        self.deadline = 0.0
        self._listener.waiting_due(self, now)

    def build_row(self, wall_offset: float) -> MessageRow:
        """This message as it goes to disk; wall_offset: wall clock minus monotonic clock, seconds."""
        kept = self.kept
        return MessageRow(self.number, self.extension, kept.sender, kept.recipient, kept.call_id, kept.lines, kept.body,
                          self.received_at + wall_offset, self.ends_at + wall_offset)

    @classmethod
    def restore(cls, listener: DeadlineListener, row: MessageRow) -> "WaitingMessage":
        """Everything of a row but its times."""
        kept = KeptMessage(row.sender, row.recipient, row.call_id, row.lines, row.body)
        return cls(listener, row.number, row.extension, kept)


class Mailbox:
    """The queue of one extension. octets: the sum of what its messages count."""

    __slots__ = ("extension", "messages", "octets")

    def __init__(self, extension: bytes) -> None:
        self.extension = extension
        self.messages: list[WaitingMessage] = []
        self.octets = 0

    def has_room(self, size_octets: int, limits: MailboxLimits) -> bool:
        """Whether one more message of this size may wait here."""
        return len(self.messages) < limits.messages and self.octets + size_octets <= limits.octets

    def append(self, waiting: WaitingMessage) -> None:
        """Behind all others."""
        self.messages.append(waiting)
        self.octets += waiting.kept.size_octets

    def remove(self, waiting: WaitingMessage) -> None:
        """Delivered, refused or ended."""
        self.messages.remove(waiting)
        self.octets -= waiting.kept.size_octets

    @property
    def first(self) -> WaitingMessage | None:
        """The next to be delivered to phones of any kind; None while it is on its way, or where nothing waits."""
        return self.find_first(False)

    def find_first(self, has_stream: bool) -> WaitingMessage | None:
        """The next to be delivered. has_stream: some phone is on a connection; without, what fits into no datagram is
        passed over."""
        for waiting in self.messages:
            if waiting.is_on_its_way:
                return None
            if has_stream or not waiting.is_for_streams:
                return waiting
        return None
