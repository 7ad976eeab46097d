# SPDX-License-Identifier: Apache-2.0
"""What nftables has of ours: whether our table is there, its rules with their counters, and whether anybody has been
at it since.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from appliance.networking.ruleset_values import TABLE
from appliance.system.firewall.netlink_octets import read_attributes, write_netfilter, write_text
from appliance.system.firewall.nftables_socket import FAMILY_INET, NftablesSocket

GET_TABLE, GET_RULES, GET_GENERATION = 1, 7, 16
TABLE_NAME, TABLE_COMMENT = 1, 6
RULE_TABLE, RULE_CHAIN, RULE_HANDLE, RULE_EXPRESSIONS, RULE_COMMENT = 1, 2, 3, 4, 7
EXPRESSION_NAME, EXPRESSION_FIELDS = 1, 2
COUNTER_OCTETS, COUNTER_PACKETS = 1, 2
GENERATION: Final = 1


class CountedRule(NamedTuple):
    """A rule as the kernel has it. handle: no other rule ever had it; packets -1: it does not count."""

    chain: str
    handle: int
    words: str
    packets: int
    octets: int


def is_table_ours(socket: NftablesSocket, layout: str) -> bool:
    """Whether our table is there, with chains and sets of this layout; "" for any."""
    named = write_netfilter(FAMILY_INET, write_text(TABLE_NAME, TABLE))
    for body in socket.ask(GET_TABLE, named, is_dump=False):
        return layout.encode() in dict(read_attributes(body)).get(TABLE_COMMENT, b"")
    return False


def read_generation(socket: NftablesSocket) -> int:
    """A number that changes with every transaction of this network namespace."""
    for body in socket.ask(GET_GENERATION, write_netfilter(0), is_dump=False):
        return int.from_bytes(dict(read_attributes(body)).get(GENERATION, b""), "big")
    return 0


def read_rules(socket: NftablesSocket) -> Iterator[CountedRule]:
    """The rules of our table, chain after chain, in their order."""
    for body in socket.ask(GET_RULES, write_netfilter(FAMILY_INET, write_text(RULE_TABLE, TABLE))):
        attributes = dict(read_attributes(body))
        if read_text(attributes.get(RULE_TABLE, b"")) != TABLE:
            continue
        packets, octets = read_counter(attributes.get(RULE_EXPRESSIONS, b""))
        yield CountedRule(
            read_text(attributes.get(RULE_CHAIN, b"")),
            int.from_bytes(attributes.get(RULE_HANDLE, b""), "big"),
            read_text(attributes.get(RULE_COMMENT, b"")[2:]),
            packets,
            octets,
        )


def read_counter(expressions: bytes) -> tuple[int, int]:
    """Packets and octets of the counter among the expressions, -1 where there is none."""
    for _number, element in read_attributes(expressions):
        attributes = dict(read_attributes(element))
        if attributes.get(EXPRESSION_NAME) == b"counter\0":
            figures = dict(read_attributes(attributes.get(EXPRESSION_FIELDS, b"")))
            return (int.from_bytes(figures.get(COUNTER_PACKETS, b""), "big"),
                    int.from_bytes(figures.get(COUNTER_OCTETS, b""), "big"))
    return -1, -1


def read_text(octets: bytes) -> str:
    return octets.rstrip(b"\0").decode("utf-8", "replace")
