# SPDX-License-Identifier: Apache-2.0
"""What is kept of a MESSAGE, and the new request that is made of it later (RFC 3428 4 and 7). Pure.

The later request is the relay's own (RFC 3261 8.1.1: its Via, Call-ID, CSeq and From tag); who wrote it, when, and what
it says stay as they were.
"""

from typing import Final

from appliance.native.sip_scanner import Message, siphash, split_address, split_values
from appliance.pbx.proxy.target import Target
from appliance.sip.date import build_date, read_date

DROPPED: Final = frozenset({
    b"via", b"v", b"from", b"f", b"to", b"t", b"call-id", b"i", b"cseq", b"max-forwards", b"content-length", b"l",
    b"route", b"record-route", b"path", b"contact", b"m", b"timestamp", b"authorization", b"proxy-authorization",
    b"proxy-require", b"p-asserted-identity", b"p-preferred-identity"})
"""What belongs to the way a message came: of the transaction, the route or the proof of identity that was for us.
Contact must not be in a MESSAGE (RFC 3428 4)."""


CALL_ID_KEY: Final = bytes(16)


def cut_tag(value: bytes) -> bytes:
    """A From or To value without its tag, everything else octet for octet."""
    parameters = split_address(value)[2]
    if not parameters or not value.endswith(parameters):
        return value
    kept = [part for part in parameters.split(b";")[1:] if part.partition(b"=")[0].strip().lower() != b"tag"]
    return value[:len(value) - len(parameters)].rstrip() + b"".join(b";" + part for part in kept)


def keep_lines(message: Message) -> bytes:
    """The header lines that go along with a kept message, in their order."""
    return b"".join(b"%s: %s\r\n" % (name, value) for name, value in message.header_lines()
                    if name.lower() not in DROPPED)


def read_life_s(message: Message, wall_now: float, longest_s: float) -> float:
    """How long a message is worth delivering, from now on: its Expires counts from its Date, or from now where it has
    none (RFC 3428 7); not above what we keep, nor above its Expires where the sender's clock is ahead of ours."""
    if message.expires < 0:
        return longest_s
    written = read_date(message.header(b"Date") or b"")
    age_s = 0.0 if written is None else max(0.0, wall_now - written)
    return min(longest_s, message.expires - age_s)


class KeptMessage:
    """The parts of a kept message: see MessageRow."""

    __slots__ = ("body", "call_id", "lines", "recipient", "sender")

    def __init__(self, sender: bytes, recipient: bytes, call_id: bytes, lines: bytes, body: bytes) -> None:
        self.sender = sender
        self.recipient = recipient
        self.call_id = call_id
        self.lines = lines
        self.body = body

    @property
    def size_octets(self) -> int:
        """What it counts against the limit of its mailbox."""
        return len(self.sender) + len(self.recipient) + len(self.lines) + len(self.body)


def keep_message(message: Message, call_id: bytes, received_wall_s: float) -> KeptMessage:
    """What is kept of a request that has just come. One without a Date gets that of its arrival (RFC 3261 20.17)."""
    lines = keep_lines(message)
    if message.header(b"Date") is None:
        lines += b"Date: %s\r\n" % build_date(received_wall_s)
    return KeptMessage(cut_tag(message.from_value), cut_tag(message.to_value), call_id, lines, message.body)


def build_call_id(message: Message) -> bytes:
    """The Call-ID under which a message is delivered: the same for the same request, after a restart too, and another
    than its own (8.1.1.4), so that a phone takes each attempt for the same message and not for a merged request."""
    return siphash(CALL_ID_KEY, message.merge_key) + b"@kept"


def build_message(kept: KeptMessage, target: Target, branch: bytes, tag: bytes, cseq: int) -> bytes:
    """The request that delivers a kept message to one target (RFC 3261 8.1.1). No Contact (RFC 3428 4)."""
    return b"".join((
        b"MESSAGE %s SIP/2.0\r\n" % target.uri,
        b"%s%s\r\n" % (target.flow.listener.via_prefix, branch),
        target.lines,
        b"Max-Forwards: 70\r\nFrom: %s;tag=%s\r\nTo: %s\r\n" % (kept.sender, tag, kept.recipient),
        b"Call-ID: %s\r\nCSeq: %d MESSAGE\r\n" % (kept.call_id, cseq),
        kept.lines,
        b"Content-Length: %d\r\n\r\n" % len(kept.body), kept.body))


def find_author(sender: bytes) -> bytes:
    """The URI of a From value, for people to read."""
    return split_address(split_values(sender)[0])[1]
