# SPDX-License-Identifier: Apache-2.0
"""Messages cut out of a stream by their Content-Length (RFC 3261 18.3, 20.14; keep-alives of RFC 5626 4.4.1).

One object a connection, fed by whoever reads the connection; it holds the octets of one unfinished message at most.
"""

import re
from collections.abc import Iterator
from enum import IntEnum
from typing import Final

from appliance.errors import MisuseError, PeerError

MESSAGE_SIZE_LIMIT = 65535              # octets, head and body: what the scanner takes
KEEP_ALIVE: Final = b"\r\n\r\n"         # stands for a ping among the messages: to be answered with CRLF
KEEP_ALIVE_ANSWER: Final = b"\r\n"

_HEAD_END: Final = re.compile(rb"\n\r?\n")
# the whole value with its folds, so that what is compared is what another reader of this header would see
_CONTENT_LENGTH: Final = re.compile(rb"\n(?i:content-length|l)[ \t]*:([^\r\n]*(?:\r?\n[ \t][^\r\n]*)*)")


class Stage(IntEnum):
    """What the next octets belong to."""

    BETWEEN = 0
    HEAD = 1
    BODY = 2
    BROKEN = 3


# what may follow each stage, by its number: found without a hash
TRANSITIONS: Final[tuple[tuple[Stage, ...], ...]] = (
    (Stage.HEAD, Stage.BROKEN),         # BETWEEN
    (Stage.BODY, Stage.BROKEN),         # HEAD
    (Stage.BETWEEN, Stage.BROKEN),      # BODY
    (),                                 # BROKEN
)


class StreamFraming:
    """Cuts one connection's octets into messages.

    unfinished_since: when the first octet of the message that is not whole yet came, None between messages: a peer that
    drips is recognised by it, however often it sends.
    """

    __slots__ = ("_buffer", "_has_empty_line", "_searched", "_size", "_stage", "unfinished_since")

    def __init__(self) -> None:
        self.unfinished_since: float | None = None
        self._buffer = bytearray()
        self._stage = Stage.BETWEEN
        self._has_empty_line = False    # one CRLF between messages: a second one makes it a ping
        self._searched = 0              # octets of the head in which its end is known not to be
        self._size = 0                  # of head and body

    def feed(self, octets: bytes, now: float) -> Iterator[bytes]:
        """The messages that these octets complete, in order, and KEEP_ALIVE itself for each ping.

        PeerError where no next message can be found: close the connection. If the head was whole, it is given before
        that, without a body, so that the scanner finds its fault and it is answered 400.
        """
        if self._stage == Stage.BROKEN:
            raise PeerError("octets behind a framing error", 0, octets, "RFC 3261 18.3")
        self._buffer += octets
        while self._buffer:
            if self._stage == Stage.BETWEEN:
                if self._skip_empty_line():
                    if not self._has_empty_line:
                        yield KEEP_ALIVE
                    continue
                if self.unfinished_since is None:
                    self.unfinished_since = now
                if self._buffer == b"\r":
                    return              # half of a line end
                self._enter(Stage.HEAD)
            if self._stage == Stage.HEAD:
                head_size = self._find_head_end()
                if not head_size:
                    return
                fault = self._measure(head_size)
                if fault:
                    yield self._take(head_size)
                    raise self._break(fault, 400)
                self._enter(Stage.BODY)
            if len(self._buffer) < self._size:
                return
            self._enter(Stage.BETWEEN)
            message = self._take(self._size)
            self.unfinished_since = None
            yield message

    def _enter(self, stage: Stage) -> None:
        if stage not in TRANSITIONS[self._stage]:
            raise MisuseError(f"stream framing: {self._stage.name} to {stage.name}")
        self._stage = stage

    def _skip_empty_line(self) -> bool:
        """Drop one line end before a start line (7.5). Two in a row turn the mark off again: a ping."""
        buffer = self._buffer
        size = 2 if buffer.startswith(b"\r\n") else 1 if buffer.startswith(b"\n") else 0
        if not size:
            if buffer != b"\r":
                self._has_empty_line = False
            return False
        del buffer[:size]
        self.unfinished_since = None
        self._has_empty_line = not self._has_empty_line
        return True

    def _find_head_end(self) -> int:
        """Octets up to the empty line and with it; 0 while it has not come. Looks at every octet once."""
        match = _HEAD_END.search(self._buffer, max(0, self._searched - 2))
        self._searched = len(self._buffer)
        size = match.end() if match else self._searched
        if size > MESSAGE_SIZE_LIMIT:
            raise self._break("header section too long", 513)
        return size if match else 0

    def _measure(self, head_size: int) -> str:
        """Set the size of the message whose head is whole; otherwise what is wrong."""
        values = {match[1].strip() for match in _CONTENT_LENGTH.finditer(self._buffer, 0, head_size)}
        if not values:
            return "no Content-Length over a stream"                    # 18.3, 20.14: MUST
        if len(values) > 1:
            return "several Content-Lengths"                            # RFC 4475 3.3.9
        value = values.pop()
        if not value.isdigit():
            return "Content-Length is not a number"                     # RFC 4475 3.1.2.3
        if len(value) > 12 or head_size + int(value) > MESSAGE_SIZE_LIMIT:
            return "message too large"
        self._size = head_size + int(value)
        return ""

    def _take(self, size: int) -> bytes:
        with memoryview(self._buffer) as view:
            taken = bytes(view[:size])
        del self._buffer[:size]
        self._searched = 0
        return taken

    def _break(self, reason: str, status: int) -> PeerError:
        excerpt = bytes(self._buffer[:64])
        self._enter(Stage.BROKEN)
        self._buffer.clear()
        self.unfinished_since = None
        return PeerError(reason, status, excerpt, "RFC 3261 18.3")
