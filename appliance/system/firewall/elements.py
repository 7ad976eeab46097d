# SPDX-License-Identifier: Apache-2.0
"""What is in our sets, as messages to nftables and back: bans that expire, pinholes, networks. Written by hand, since
a ban has to be in force within a fraction of a millisecond.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, NamedTuple

from appliance.config.network_kinds import IpAddress, IpNetwork
from appliance.networking.ruleset_values import BANS, PINHOLES, TABLE
from appliance.system.firewall.netlink_octets import (
    CREATE,
    read_attributes,
    write_attribute,
    write_nested,
    write_netfilter,
    write_number,
    write_text,
)
from appliance.system.firewall.nftables_socket import FAMILY_INET, NftablesSocket, Order

NEW_ELEMENT, GET_ELEMENTS, DELETE_ELEMENT = 12, 13, 14
LIST_TABLE, LIST_SET, LIST_ELEMENTS = 1, 2, 3
LIST_ELEMENT, DATA_VALUE = 1, 1
KEY, FLAGS, TIMEOUT, EXPIRATION, COMMENT, EXPRESSION = 1, 3, 4, 5, 6, 7
INTERVAL_END: Final = 1
EXPRESSION_DATA, COUNTER_PACKETS = 2, 2
ELEMENTS_A_MESSAGE: Final = 1000        # a list is an attribute, which holds 64 KiB at most
REASON_OCTETS: Final = 100
_MILLISECONDS: Final = struct.Struct("!Q")
_PORT: Final = struct.Struct("!H2x")    # each part of a concatenated key fills four octets
PORT_OCTETS: Final = 4


class Pinhole(NamedTuple):
    """A port of ours that audio may come to."""

    host: IpAddress
    port: int


class Ban(NamedTuple):
    """Who is shut out. left_s: for how long still; packets: that were dropped because of it."""

    address: IpAddress
    left_s: float
    reason: str
    packets: int


def write_element(key: bytes, rest: bytes = b"") -> bytes:
    """One element of a list."""
    return write_nested(LIST_ELEMENT, write_nested(KEY, write_attribute(DATA_VALUE, key)) + rest)


def order_elements(kind: int, name: str, elements: Sequence[bytes], words: str) -> Iterator[Order]:
    """The elements into the set, or out of it."""
    head = write_text(LIST_TABLE, TABLE) + write_text(LIST_SET, name)
    flags = CREATE if kind == NEW_ELEMENT else 0
    for first in range(0, len(elements), ELEMENTS_A_MESSAGE):
        listed = b"".join(elements[first : first + ELEMENTS_A_MESSAGE])
        yield Order(words, kind, flags, write_netfilter(FAMILY_INET, head + write_nested(LIST_ELEMENTS, listed)))


def order_empty(name: str) -> Order:
    """Everything out of the set."""
    head = write_text(LIST_TABLE, TABLE) + write_text(LIST_SET, name)
    return Order(f"set {name}", DELETE_ELEMENT, 0, write_netfilter(FAMILY_INET, head))


def order_ban(address: IpAddress, seconds: float, reason: str) -> Iterator[Order]:
    """From now on, for so long. An element keeps the time that it was made with, so a new one takes its place."""
    told = reason.encode()[:REASON_OCTETS] + b"\0"
    rest = write_attribute(TIMEOUT, _MILLISECONDS.pack(max(1, round(seconds * 1000))))
    rest += write_attribute(COMMENT, bytes((0, len(told))) + told)
    name, element = f"{BANS}{address.version}", write_element(address.packed, rest)
    words = f"ban of {address}"
    yield from order_elements(NEW_ELEMENT, name, [element], words)      # so that there is one to take away
    yield from order_unban(address)
    yield from order_elements(NEW_ELEMENT, name, [element], words)


def order_unban(address: IpAddress) -> Iterator[Order]:
    """As if there had been no ban; an error where there is none."""
    return order_elements(DELETE_ELEMENT, f"{BANS}{address.version}", [write_element(address.packed)],
                          f"end of the ban of {address}")


def order_pinholes(kind: int, pinholes: Iterable[Pinhole]) -> Iterator[Order]:
    """Open them, or close them."""
    for version in (4, 6):
        elements = [write_element(one.host.packed + _PORT.pack(one.port)) for one in pinholes
                    if one.host.version == version]
        yield from order_elements(kind, f"{PINHOLES}{version}", elements, "pinholes")


def order_networks(name: str, networks: Iterable[IpNetwork]) -> Iterator[Order]:
    """The set holds these and nothing else. name: without version."""
    listed = tuple(networks)
    for version in (4, 6):
        whole = f"{name}{version}"
        yield order_empty(whole)
        elements = list(write_intervals([one for one in listed if one.version == version]))
        yield from order_elements(NEW_ELEMENT, whole, elements, f"set {whole}")


def write_intervals(networks: Sequence[IpNetwork]) -> Iterator[bytes]:
    """Where each interval begins, and where it is over; none touches another."""
    ends: list[list[int]] = []
    for network in sorted(networks, key=lambda one: int(one.network_address)):
        first, after = int(network.network_address), int(network.broadcast_address) + 1
        if ends and first <= ends[-1][1]:
            ends[-1][1] = max(after, ends[-1][1])
        else:
            ends.append([first, after])
    octets = networks[0].max_prefixlen // 8 if networks else 0
    for first, after in ends:
        yield write_element(first.to_bytes(octets, "big"))
        if after >> 8 * octets == 0:        # else it reaches to the last address
            yield write_element(after.to_bytes(octets, "big"), write_number(FLAGS, INTERVAL_END))


def read_elements(socket: NftablesSocket, name: str) -> Iterator[dict[int, bytes]]:
    """The attributes of each element of a set, nothing where there is none."""
    head = write_text(LIST_TABLE, TABLE) + write_text(LIST_SET, name)
    for body in socket.ask(GET_ELEMENTS, write_netfilter(FAMILY_INET, head)):
        for _number, element in read_attributes(dict(read_attributes(body)).get(LIST_ELEMENTS, b"")):
            yield dict(read_attributes(element))


def read_key(element: dict[int, bytes]) -> bytes:
    return dict(read_attributes(element[KEY]))[DATA_VALUE]


def read_bans(socket: NftablesSocket) -> Iterator[Ban]:
    """Whom the kernel shuts out now."""
    for version in (4, 6):
        for element in read_elements(socket, f"{BANS}{version}"):
            left_ms = _MILLISECONDS.unpack(element.get(EXPIRATION, bytes(8)))[0]
            reason = element.get(COMMENT, b"")[2:].rstrip(b"\0").decode("utf-8", "replace")
            yield Ban(ip_address(read_key(element)), left_ms / 1000, reason, read_packets(element.get(EXPRESSION, b"")))


def read_packets(expression: bytes) -> int:
    """Of a counter."""
    counter = dict(read_attributes(dict(read_attributes(expression)).get(EXPRESSION_DATA, b"")))
    return int.from_bytes(counter.get(COUNTER_PACKETS, b""), "big")


def read_pinholes(socket: NftablesSocket) -> Iterator[Pinhole]:
    """What is open in the kernel now."""
    for version in (4, 6):
        for element in read_elements(socket, f"{PINHOLES}{version}"):
            key = read_key(element)
            yield Pinhole(ip_address(key[:-PORT_OCTETS]), _PORT.unpack(key[-PORT_OCTETS:])[0])


def read_networks(socket: NftablesSocket, name: str) -> Iterator[tuple[IpAddress, IpAddress]]:
    """First and last address of each interval. name: without version."""
    for version in (4, 6):
        make = IPv4Address if version == 4 else IPv6Address
        bounds = sorted((int.from_bytes(read_key(one), "big"), FLAGS in one)
                        for one in read_elements(socket, f"{name}{version}"))
        first: int | None = None
        for bound, is_end in bounds:
            if is_end and first is not None:
                yield make(first), make(bound - 1)
            first = None if is_end else bound
        if first is not None:
            yield make(first), make(2 ** (32 if version == 4 else 128) - 1)
