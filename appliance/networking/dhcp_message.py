# SPDX-License-Identifier: Apache-2.0
"""DHCP messages as octets, RFC 2131 2 and RFC 2132; long options RFC 3396."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address
from typing import Final

from appliance.errors import PeerError

COOKIE: Final = b"\x63\x82\x53\x63"
HEADER: Final = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s4s")
BOOT_REQUEST, BOOT_REPLY = 1, 2
ETHERNET, MAC_OCTETS = 1, 6
OCTETS_MINIMUM: Final = 300         # of BOOTP (RFC 951), for relays that want it
OCTETS_MAXIMUM: Final = 1500
OPTION_OCTETS_MAXIMUM: Final = 1024
PAD, END = 0, 255
UNSPECIFIED: Final = IPv4Address(0)


class Option(IntEnum):
    """RFC 2132, those that are read or written."""

    MASK = 1
    ROUTERS = 3
    NAME_SERVERS = 6
    HOST_NAME = 12
    DOMAIN = 15
    MTU = 26
    TIME_SERVERS = 42
    REQUESTED_ADDRESS = 50
    LEASE_TIME = 51
    OVERLOAD = 52
    MESSAGE_TYPE = 53
    SERVER = 54
    PARAMETERS = 55
    MESSAGE = 56
    SIZE_MAXIMUM = 57
    RENEWAL_TIME = 58
    REBINDING_TIME = 59
    SIP_SERVERS = 120
    CLASSLESS_ROUTES = 121


class MessageType(IntEnum):
    """RFC 2132 9.6."""

    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    DECLINE = 4
    ACK = 5
    NAK = 6
    RELEASE = 7


@dataclass(frozen=True, slots=True)
class DhcpReply:
    """What a server has said. address: yiaddr; mac: chaddr, whom it is for; options: by number, long ones joined."""

    kind: MessageType
    transaction: int
    address: IPv4Address
    mac: bytes
    options: dict[int, bytes]

    def server(self) -> IPv4Address | None:
        """Who says it (option 54)."""
        octets = self.options.get(Option.SERVER, b"")
        return IPv4Address(octets) if len(octets) == 4 else None


def read_reply(octets: bytes) -> DhcpReply:
    """Raises PeerError for anything that is no reply of a server to a client on Ethernet."""
    if len(octets) < HEADER.size:
        raise PeerError("the message is too short", 0, octets, "RFC 2131 2")
    (operation, hardware, length, _hops, transaction, _seconds, _flags, _ciaddr, yiaddr, _siaddr, _giaddr, chaddr,
     sname, file, cookie) = HEADER.unpack_from(octets)
    if operation != BOOT_REPLY or hardware != ETHERNET or length != MAC_OCTETS or cookie != COOKIE:
        raise PeerError("no reply of DHCP", 0, octets, "RFC 2131 2")
    options: dict[int, bytes] = {}
    take_options(octets[HEADER.size:], options)
    overload = options.get(Option.OVERLOAD, b"\0")
    for bit, field in ((1, file), (2, sname)):      # in this order: RFC 2131 4.1
        if overload[:1] and overload[0] & bit:
            take_options(field, options)
    kind = options.get(Option.MESSAGE_TYPE, b"")
    if kind not in (b"\x02", b"\x05", b"\x06"):
        raise PeerError("no message of a server", 0, octets, "RFC 2131 3")
    return DhcpReply(MessageType(kind[0]), transaction, IPv4Address(yiaddr), chaddr[:MAC_OCTETS], options)


def take_options(octets: bytes, options: dict[int, bytes]) -> None:
    """Adds the options of one field; parts of a long one are joined in their order (RFC 3396 7). Raises PeerError."""
    index = 0
    while index < len(octets) and octets[index] != END:
        number = octets[index]
        index += 1
        if number == PAD:
            continue
        if index >= len(octets) or index + 1 + octets[index] > len(octets):
            raise PeerError("an option is longer than the message", 0, octets, "RFC 2132 2")
        end = index + 1 + octets[index]
        joined = options.get(number, b"") + octets[index + 1:end]
        if len(joined) > OPTION_OCTETS_MAXIMUM:
            raise PeerError("an option is too long", 0, octets, "RFC 3396")
        options[number] = joined
        index = end


@dataclass(frozen=True, slots=True)
class DhcpRequest:
    """What we say. address: ciaddr, ours where we have it; seconds: since we have begun; options: in order."""

    kind: MessageType
    transaction: int
    seconds: int
    mac: bytes
    address: IPv4Address
    options: tuple[tuple[int, bytes], ...]


def write_request(request: DhcpRequest) -> bytes:
    """As octets."""
    header = HEADER.pack(BOOT_REQUEST, ETHERNET, MAC_OCTETS, 0, request.transaction, min(request.seconds, 0xFFFF), 0,
                         request.address.packed, b"", b"", b"", request.mac, b"", b"", COOKIE)
    octets = header + b"".join(write_options(request)) + bytes((END,))
    return octets + bytes(max(0, OCTETS_MINIMUM - len(octets)))


def write_options(request: DhcpRequest) -> Iterator[bytes]:
    """The message type first, as some servers want it."""
    yield bytes((Option.MESSAGE_TYPE, 1, request.kind))
    for number, octets in request.options:
        yield bytes((number, len(octets))) + octets
