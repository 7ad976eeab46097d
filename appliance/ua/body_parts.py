# SPDX-License-Identifier: Apache-2.0
"""Bodies of several parts: multipart/mixed and its kin (RFC 5621 3, RFC 2046 5.1). Pure functions.

Parts within parts are read as if they stood outside: what is looked for is one session among them.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

MULTIPART: Final = b"multipart/"
DEPTH_LIMIT: Final = 3
PARTS_LIMIT: Final = 32
_BOUNDARY: Final = re.compile(rb';[ \t]*boundary[ \t]*=[ \t]*(?:"([^"\r\n]{1,70})"|([^";\s]{1,70}))', re.IGNORECASE)
_FOLD: Final = re.compile(rb"\r\n[ \t]+")
_READABLE: Final = frozenset({b"", b"7bit", b"8bit", b"binary"})


class BodyPart(NamedTuple):
    """kind: media type without parameters, lower case; disposition: b"" where it has none; is_required: it says that
    whoever does not understand it must refuse the message (RFC 5621 8.2); is_readable: it stands there as it is."""

    kind: bytes
    disposition: bytes
    is_required: bool
    is_readable: bool
    octets: bytes


def read_kind(content_type: bytes) -> bytes:
    """The media type alone."""
    return content_type.partition(b";")[0].strip().lower()


def read_parts(content_type: bytes, body: bytes) -> list[BodyPart]:
    """The parts of a body of this Content-Type, in order, those of parts that are multipart themselves included; [] for
    what cannot be read."""
    parts: list[BodyPart] = []
    _collect(content_type, body, parts, DEPTH_LIMIT)
    return parts


def _collect(content_type: bytes, body: bytes, parts: list[BodyPart], depth: int) -> None:
    for octets in _split(content_type, body):
        if len(parts) >= PARTS_LIMIT:
            return
        head, gap, content = octets.partition(b"\r\n\r\n")
        if octets.startswith(b"\r\n"):      # RFC 2046 5.1: no header lines at all, which means text
            head, gap, content = b"", b"\r\n", octets[2:]
        if not gap:
            continue
        lines = _read_lines(head)
        kind = lines.get(b"content-type", b"text/plain")
        if read_kind(kind).startswith(MULTIPART) and depth:
            _collect(kind, content, parts, depth - 1)
            continue
        disposition, _, parameters = lines.get(b"content-disposition", b"").partition(b";")
        coding = lines.get(b"content-transfer-encoding", b"").lower()
        is_plain = coding in _READABLE and lines.get(b"content-encoding", b"identity").lower() == b"identity"
        parts.append(BodyPart(read_kind(kind), disposition.strip().lower(),
                              b"handling=required" in parameters.lower().replace(b" ", b""), is_plain, content))


def _split(content_type: bytes, body: bytes) -> Iterator[bytes]:
    """What stands between the delimiters; neither preamble nor epilogue (RFC 2046 5.1.1). A last delimiter that is
    missing ends with the body."""
    found = _BOUNDARY.search(content_type)
    if found is None:
        return
    delimiter = b"\r\n--" + (found[1] or found[2])
    pieces = (b"\r\n" + body).split(delimiter)
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            return
        padding, line_end, octets = piece.partition(b"\r\n")
        if line_end and not padding.strip():
            yield octets


def _read_lines(head: bytes) -> dict[bytes, bytes]:
    """Header lines by name in lower case; the first of each."""
    lines: dict[bytes, bytes] = {}
    for line in _FOLD.sub(b" ", head).split(b"\r\n"):
        name, _, value = line.partition(b":")
        lines.setdefault(name.strip().lower(), value.strip())
    return lines
