# SPDX-License-Identifier: Apache-2.0
"""A ruleset as messages to nftables. What attributes are called and numbered is pyroute2's knowledge; each piece is
encoded once and remembered, since pyroute2 takes a tenth of a millisecond for an expression and rules are much alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from pyroute2.netlink.nfnetlink import nftsocket as nft  # type: ignore[import-untyped]
from pyroute2.nftables.expressions import genex  # type: ignore[import-untyped]

from appliance.networking.ruleset_values import TABLE, AddressSet, Chain, Expression, Field, Rule, Verdict
from appliance.system.firewall.netlink_octets import (
    APPEND,
    ATTRIBUTE,
    CREATE,
    write_attribute,
    write_nested,
    write_netfilter,
    write_number,
    write_text,
)
from appliance.system.firewall.nftables_socket import FAMILY_INET, Order

LAYOUT: Final = "denwaban layout 1"     # of chains and sets: a table of another layout is not built upon but replaced
MESSAGE_HEADER_OCTETS: Final = 20       # of netlink and nfnetlink
SET_LIMIT: Final = 16_384
REMEMBERED: Final = 8192
WORDS_OCTETS: Final = 120               # nft takes 127
LIST_ELEMENT, EXPRESSION_NAME, EXPRESSION_FIELDS = 1, 1, 2
FIB_FIELDS: Final = ("dreg", "result", "flags")
RULE_TABLE, RULE_CHAIN, RULE_EXPRESSIONS, RULE_COMMENT = 1, 2, 4, 7
ADDRESS_TYPES: Final = {4: (nft.DATA_TYPE_IPADDR, 4), 6: (nft.DATA_TYPE_IP6ADDR, 16)}
CONCATENATED_BITS: Final = 6            # of each type in the type of a concatenation (nft's own convention)


def encode(message: Any, attributes: list[tuple[str, Any]]) -> bytes:
    """The attributes of a message of pyroute2's, as octets behind the header of nfnetlink."""
    message["attrs"] = attributes
    message.encode()
    return write_netfilter(FAMILY_INET, bytes(message.data[MESSAGE_HEADER_OCTETS:]))


def order_table(is_ours: bool) -> Iterator[Order]:
    """The table is there; one of another layout is taken away first. is_ours: whether it is known to be of this one."""
    named = encode(nft.nft_table_msg(), [("NFTA_TABLE_NAME", TABLE)])
    if not is_ours:
        yield Order(f"table {TABLE}", nft.NFT_MSG_NEWTABLE, CREATE, named)     # so that it can be taken away
        yield Order(f"old table {TABLE}", nft.NFT_MSG_DELTABLE, 0, named)
    told = encode(nft.nft_table_msg(), [("NFTA_TABLE_NAME", TABLE), ("NFTA_TABLE_USERDATA", LAYOUT)])
    yield Order(f"table {TABLE}", nft.NFT_MSG_NEWTABLE, CREATE, told)


def order_removal() -> Order:
    """The table goes, with everything in it."""
    return Order(f"removal of {TABLE}", nft.NFT_MSG_DELTABLE, 0,
                 encode(nft.nft_table_msg(), [("NFTA_TABLE_NAME", TABLE)]))


@lru_cache(REMEMBERED)
def order_chain(chain: Chain) -> Order:
    """The chain is there."""
    attributes: list[tuple[str, Any]] = [("NFTA_CHAIN_TABLE", TABLE), ("NFTA_CHAIN_NAME", chain.name)]
    if chain.kind:
        hook = [("NFTA_HOOK_HOOKNUM", chain.hook), ("NFTA_HOOK_PRIORITY", chain.priority)]
        # Policy accept: what is dropped is dropped by rules, of the WAN only, and no packet meets an empty chain.
        attributes += [("NFTA_CHAIN_HOOK", {"attrs": hook}), ("NFTA_CHAIN_TYPE", chain.kind), ("NFTA_CHAIN_POLICY", 1)]
    return Order(f"chain {chain.name}", nft.NFT_MSG_NEWCHAIN, CREATE, encode(nft.nft_chain_msg(), attributes))


@lru_cache(REMEMBERED)
def order_set(one: AddressSet) -> Order:
    """The set is there."""
    kind, length = ADDRESS_TYPES[one.version]
    if one.content == "ports":
        kind, length = kind << CONCATENATED_BITS | nft.DATA_TYPE_INET_SERVICE, length + 4
    attributes: list[tuple[str, Any]] = [
        ("NFTA_SET_TABLE", TABLE), ("NFTA_SET_NAME", one.name), ("NFTA_SET_ID", 1),
        ("NFTA_SET_KEY_TYPE", kind), ("NFTA_SET_KEY_LEN", length),
        ("NFTA_SET_DESC", {"attrs": [("NFTA_SET_DESC_SIZE", SET_LIMIT)]}),
    ]
    if one.content == "expiring":
        attributes += [("NFTA_SET_FLAGS", {"NFT_SET_TIMEOUT"}),
                       ("NFTA_SET_EXPR", {"attrs": [("NFTA_EXPR_NAME", "counter")]})]
    else:
        attributes.append(("NFTA_SET_FLAGS", {"NFT_SET_INTERVAL"} if one.content == "networks" else set()))
    return Order(f"set {one.name}", nft.NFT_MSG_NEWSET, CREATE, encode(nft.nft_set_msg(), attributes))


def order_no_rules() -> Order:
    """Every rule of the table goes; chains and sets stay."""
    return Order("old rules", nft.NFT_MSG_DELRULE, 0, encode(nft.nft_rule_msg(), [("NFTA_RULE_TABLE", TABLE)]))


@lru_cache(REMEMBERED)
def order_rule(rule: Rule) -> Order:
    """The rule stands at the end of its chain."""
    told = rule.words.encode()[:WORDS_OCTETS]
    body = b"".join((
        write_text(RULE_TABLE, TABLE),
        write_text(RULE_CHAIN, rule.chain),
        write_nested(RULE_EXPRESSIONS, b"".join(map(encode_expression, rule.expressions))),
        write_attribute(RULE_COMMENT, bytes((0, len(told) + 1)) + told + b"\0"),    # as nft writes a comment
    ))
    words = f"rule of {rule.chain}: {rule.words}"
    return Order(words, nft.NFT_MSG_NEWRULE, CREATE | APPEND, write_netfilter(FAMILY_INET, body))


@lru_cache(REMEMBERED)
def encode_expression(expression: Expression) -> bytes:
    """One expression, as an element of a rule's list."""
    if expression.name == "fib":
        return encode_fib(dict(expression.fields))
    fields = {name: describe_field(value) for name, value in expression.fields}
    if expression.name == "lookup" and "flags" in fields:
        fields["flags"] = {"NFT_LOOKUP_F_INV"}
    message = nft.nft_rule_msg()
    message["attrs"] = [("NFTA_RULE_EXPRESSIONS", [genex(expression.name, fields)])]
    message.encode()
    return bytes(message.data[MESSAGE_HEADER_OCTETS + ATTRIBUTE.size :])


def encode_fib(fields: dict[str, Field]) -> bytes:
    """pyroute2 0.9.7 takes the number of the result for a set of bits, and cannot say the flags."""
    numbers = [write_number(number, int(value)) for number, name in enumerate(FIB_FIELDS, 1)
               if isinstance(value := fields[name], int)]
    named = write_text(EXPRESSION_NAME, "fib")
    return write_nested(LIST_ELEMENT, named + write_nested(EXPRESSION_FIELDS, b"".join(numbers)))


def describe_field(value: Field) -> object:
    """As pyroute2 wants it."""
    if isinstance(value, bytes):
        return {"attrs": [("NFTA_DATA_VALUE", value)]}
    if isinstance(value, Verdict):
        code = [("NFTA_VERDICT_CODE", value.code)]
        chain = [("NFTA_VERDICT_CHAIN", value.chain)] if value.chain else []
        return {"attrs": [("NFTA_DATA_VERDICT", {"attrs": code + chain})]}
    return value
