# SPDX-License-Identifier: Apache-2.0
"""The SIP trace: the last octets in and out, kept in memory, looked at only when somebody asks.

It listens at two points, octets in and octets out, a batch at a time. Octets are kept as they were; nothing leaves this
room unredacted (see diagnosis.redaction). Only the shell appends.
"""

from collections.abc import Iterator
from typing import NamedTuple

from appliance.diagnosis.tally import MessageTally
from appliance.native.message_ring import MessageRing
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

    append_received(batch, now), append_sent(batch, now): note a sequence of (octets, flow); the octets are not copied.
    received, sent: everything ever counted by method and class.
    """

    __slots__ = ("_ring", "append_received", "append_sent", "received", "sent")

    def __init__(self, octets_limit: int = OCTETS_LIMIT, messages_limit: int = MESSAGES_LIMIT) -> None:
        self._ring = MessageRing(octets_limit, messages_limit)
        # the ring's own methods: every message passes here, and a Python frame would cost more than the work
        self.append_received = self._ring.append_received
        self.append_sent = self._ring.append_sent
        self.received = MessageTally(self._ring, is_sent=False)
        self.sent = MessageTally(self._ring, is_sent=True)

    def __len__(self) -> int:
        return len(self._ring)

    @property
    def size_octets(self) -> int:
        """Octets held."""
        return self._ring.size_octets

    @property
    def total(self) -> int:
        """Messages of both directions since start, also those that are not held any more."""
        return self.received.total + self.sent.total

    def newest(self, count: int) -> list[TraceEntry]:
        """The last so many of those that are held, oldest first."""
        found: list[TraceEntry] = []
        for at, is_sent, _size, batch in reversed(self._ring.batches()):
            if len(found) >= count:
                break
            found += [TraceEntry(at, is_sent, octets, flow) for octets, flow in reversed(batch)]
        return found[:count][::-1]

    def entries(self) -> Iterator[TraceEntry]:
        """Everything held, oldest first."""
        for at, is_sent, _size, batch in self._ring.batches():
            for octets, flow in batch:
                yield TraceEntry(at, is_sent, octets, flow)

    def entries_of(self, call_ids: frozenset[bytes]) -> list[TraceEntry]:
        """The messages of these Call-IDs, oldest first: one call, or both legs of one."""
        return [entry for entry in self._naming(call_ids) if _belongs(entry, call_ids)]

    def registrations_of(self, users: frozenset[bytes]) -> list[TraceEntry]:
        """REGISTER requests of these users, and their answers, oldest first."""
        return [entry for entry in self._naming(users) if b"REGISTER" in entry.octets and names_user(entry, users)]

    def _naming(self, words: frozenset[bytes]) -> Iterator[TraceEntry]:
        """What has one of them somewhere. Thousands of messages are looked at while calls wait, so nothing is made of
        those that are none of it."""
        for at, is_sent, _size, batch in self._ring.batches():
            for octets, flow in batch:
                for word in words:
                    if word in octets:
                        yield TraceEntry(at, is_sent, octets, flow)
                        break


def _belongs(entry: TraceEntry, call_ids: frozenset[bytes]) -> bool:
    try:
        return Message(entry.octets).call_id in call_ids
    except ScanError:
        return True  # unreadable octets that name the call are exactly what a person is looking for


def names_party(entry: TraceEntry, user: bytes) -> bool:
    """Whether a message is from this user, to it, or asks for it. What cannot be read is everybody's."""
    try:
        message = Message(entry.octets)
    except ScanError:
        return True
    return user in (message.from_user, message.to_user, message.uri_user)


def names_user(entry: TraceEntry, users: frozenset[bytes]) -> bool:
    """Whether a REGISTER, or the answer to one, is about one of these users (RFC 3261 10.2: its To)."""
    try:
        message = Message(entry.octets)
    except ScanError:
        return False
    return message.method == b"REGISTER" and message.to_user in users
