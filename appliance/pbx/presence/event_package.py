# SPDX-License-Identifier: Apache-2.0
"""What an event package is to the notifier (RFC 6665 section 5.4), and how its XML is written."""

from collections.abc import Iterable
from typing import Final, Protocol

ESCAPES: Final = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord('"'): "&quot;", ord("'"): "&apos;",
                  ord("\t"): "&#9;", ord("\n"): "&#10;", ord("\r"): "&#13;"}
# XML 1.0 2.2: what is no Char may not even be written as a reference
ESCAPES.update({code: "\N{REPLACEMENT CHARACTER}" for code in range(32) if code not in (9, 10, 13)})
ESCAPES.update(dict.fromkeys((65534, 65535), "�"))


DOCUMENT_OCTETS_MAX: Final = 60_000
"""A document fits into a datagram together with its NOTIFY's head."""


class EventPackage(Protocol):
    """One event package: its state of one target as a document.

    domain: of the office; name: of the Event header field; content_type: of its only body format; default_expires_s:
    where a SUBSCRIBE says nothing; is_private: a user watches nobody but himself; is_partial: documents are numbered
    and may tell only of changes, otherwise each is the whole state.
    """

    domain: bytes
    name: bytes
    content_type: bytes
    default_expires_s: int
    is_private: bool
    is_partial: bool

    def build_document(self, target: bytes, version: int, changes: Iterable[bytes] | None, now: float) -> bytes:
        """The state of a target (an extension). version: of the document within its subscription; changes: elements
        that `note_change` was given, None for the whole state."""


def keep_fitting(elements: list[bytes]) -> list[bytes]:
    """The first elements, as many as fit into one document."""
    left_octets = DOCUMENT_OCTETS_MAX
    for place, element in enumerate(elements):
        left_octets -= len(element)
        if left_octets < 0:
            return elements[:place]
    return elements


def escape(octets: bytes) -> bytes:
    """Octets from the wire as XML text or attribute value (XML 1.0 2.4); what is no UTF-8 is replaced."""
    return octets.decode("utf-8", "replace").translate(ESCAPES).encode("utf-8")
