# SPDX-License-Identifier: Apache-2.0
"""What may cross to a carrier, and from one into the office: short allow-lists of header lines, each written anew from
what its grammar lets through (RFC 7092 3.2; topology hiding, RFC 5853 3.1). Pure functions.
"""

import re
from collections.abc import Callable
from typing import Final

from appliance.native.sip_scanner import Message

# RFC 5646 2.1, of it what people set: an ISO 639 code, perhaps with a region or a script
_LANGUAGE: Final = re.compile(
    rb"(?:[A-Za-z]{2,3}(?:-[A-Za-z]{2,4})?|\*)(?:;q=(?:0(?:\.[0-9]{1,3})?|1(?:\.0{1,3})?))?")
_ALERT: Final = re.compile(rb"<urn:alert(?::[a-z0-9][a-z0-9-]{0,31}){2,6}>", re.IGNORECASE)
_PRIORITIES: Final = frozenset({b"emergency", b"urgent", b"normal", b"non-urgent"})
# Anything that could be an address, a host or a user of ours: such a line stays inside whatever a profile says.
_SUSPECT: Final = re.compile(
    rb"@|\bsips?:|\btel:|[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f]*:", re.IGNORECASE)
_VISIBLE: Final = re.compile(rb"[\x20-\x7e]{1,256}")


def _pass_languages(values: list[bytes]) -> bytes:
    """20.3"""
    kept = [value for value in (value.replace(b" ", b"") for value in values) if _LANGUAGE.fullmatch(value)]
    return b"Accept-Language: %s\r\n" % b", ".join(kept[:8]) if kept else b""


def _pass_priority(values: list[bytes]) -> bytes:
    """20.26"""
    word = values[0].strip().lower()
    return b"Priority: %s\r\n" % word if word in _PRIORITIES else b""


def _pass_alerts(values: list[bytes]) -> bytes:
    """RFC 7462 4: how to ring in words that phones know. A telephone would fetch a URL, or do what its maker calls an
    address that leads nowhere (answer by itself): none comes in."""
    kept = [value for value in (value.strip() for value in values) if _ALERT.fullmatch(value)]
    return b"Alert-Info: %s\r\n" % b", ".join(kept[:4]) if kept else b""


_PASSED: Final[dict[bytes, Callable[[list[bytes]], bytes]]] = {
    b"Accept-Language": _pass_languages,
    b"Priority": _pass_priority,
}
_ADMITTED: Final[dict[bytes, Callable[[list[bytes]], bytes]]] = {**_PASSED, b"Alert-Info": _pass_alerts}
"""Not Call-Info (20.9: pictures that phones fetch), Answer-Mode (RFC 5373: who calls from outside opens no microphone),
Subject, User-to-User: what phones show or obey and nobody vouches for."""


def _write_passed(message: Message, writers: dict[bytes, Callable[[list[bytes]], bytes]]) -> bytes:
    return b"".join([write(values) for name, write in writers.items() if (values := message.values(name))])


def pass_inwards(message: Message) -> bytes:
    """The header lines of a carrier's message that phones of the office may get."""
    return _write_passed(message, _ADMITTED)


def pass_outwards(message: Message, further: tuple[bytes, ...] = ()) -> bytes:
    """The header lines of an office message that a carrier may see. further: names that its profile adds."""
    lines = _write_passed(message, _PASSED)
    for name in further:
        lines += b"".join([b"%s: %s\r\n" % (name, value) for value in message.headers(name)
                           if _VISIBLE.fullmatch(value) and _SUSPECT.search(value) is None])
    return lines
