# SPDX-License-Identifier: Apache-2.0
"""Netlink messages and attributes as octets (netlink(7), linux/netlink.h): what a ban can be written with in time."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

REQUEST: Final = 0x1
ACKNOWLEDGE: Final = 0x4
DUMP: Final = 0x300
CREATE: Final = 0x400
APPEND: Final = 0x800
ERROR: Final = 2
DONE: Final = 3
NESTED: Final = 0x8000
TYPE_MASK: Final = 0x3FFF
HEADER: Final = struct.Struct("=IHHII")             # length, type, flags, sequence, port
ATTRIBUTE: Final = struct.Struct("=HH")             # length, type
_NETFILTER: Final = struct.Struct("=BBH")           # family, version, resource


class Received(NamedTuple):
    """One message; body: what follows its header."""

    kind: int
    flags: int
    sequence: int
    body: bytes


def write_attribute(number: int, octets: bytes) -> bytes:
    """One attribute, padded to four octets."""
    length = 4 + len(octets)
    return ATTRIBUTE.pack(length, number) + octets + b"\0" * (-length & 3)


def write_nested(number: int, octets: bytes) -> bytes:
    """An attribute that holds attributes."""
    return write_attribute(number | NESTED, octets)


def write_text(number: int, text: str) -> bytes:
    """An attribute that holds a name."""
    return write_attribute(number, text.encode() + b"\0")


def write_number(number: int, value: int) -> bytes:
    """An attribute that holds 32 bits in network order."""
    return write_attribute(number, struct.pack("!I", value))


def write_message(kind: int, flags: int, sequence: int, body: bytes) -> bytes:
    """A whole message."""
    return HEADER.pack(HEADER.size + len(body), kind, flags, sequence, 0) + body


def write_netfilter(family: int, body: bytes = b"", resource: int = 0) -> bytes:
    """The header that every message of nfnetlink begins with, and what follows."""
    return _NETFILTER.pack(family, 0, struct.unpack("=H", struct.pack("!H", resource))[0]) + body


def read_messages(octets: bytes) -> Iterator[Received]:
    """The messages of one datagram. Raises ValueError where lengths do not fit."""
    offset = 0
    while offset + HEADER.size <= len(octets):
        length, kind, flags, sequence, _port = HEADER.unpack_from(octets, offset)
        if length < HEADER.size or offset + length > len(octets):
            raise ValueError("a netlink message of a wrong length")
        yield Received(kind, flags, sequence, octets[offset + HEADER.size : offset + length])
        offset += length + (-length & 3)


def read_attributes(octets: bytes, offset: int = 0) -> Iterator[tuple[int, bytes]]:
    """Number and content of each attribute. Raises ValueError where lengths do not fit."""
    while offset + ATTRIBUTE.size <= len(octets):
        length, number = ATTRIBUTE.unpack_from(octets, offset)
        if length < ATTRIBUTE.size or offset + length > len(octets):
            raise ValueError("a netlink attribute of a wrong length")
        yield number & TYPE_MASK, octets[offset + ATTRIBUTE.size : offset + length]
        offset += length + (-length & 3)
