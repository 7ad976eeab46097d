# SPDX-License-Identifier: Apache-2.0
"""The words of our rules: each gives the expressions that the kernel wants for it (linux/netfilter/nf_tables.h).

Everything that is compared lies in register 1; concatenated keys begin there.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Network

from appliance.config.network_kinds import IpNetwork, PortRange
from appliance.networking.ruleset_values import GOTO_CODE, Expression, Field, Verdict

Expressions = tuple[Expression, ...]

TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
PROTOCOLS = {"tcp": TCP, "udp": UDP}
EQUAL, UNEQUAL, AT_MOST, AT_LEAST = 0, 1, 3, 5
NETWORK_HEADER, TRANSPORT_HEADER = 1, 2
CT_INVALID, CT_ESTABLISHED, CT_RELATED = 1, 2, 4
CT_STATUS_DNAT = 1 << 5
LOCAL, BROADCAST, ANYCAST, MULTICAST = 2, 3, 4, 5           # RTN_*, rtnetlink(7)
REGISTER, SECOND_REGISTER, PORT_REGISTER_4, PORT_REGISTER_6 = 1, 2, 9, 2    # 1 and 2 hold 16 octets, 8 and 9 hold 4
META_INPUT, META_OUTPUT, META_FAMILY, META_PROTOCOL = 6, 7, 15, 16
FAMILIES = {4: b"\x02", 6: b"\x0a"}
ADDRESS_OCTETS = {4: 4, 6: 16}
SOURCE_OFFSETS, DESTINATION_OFFSETS = {4: 12, 6: 8}, {4: 16, 6: 24}
INTERFACE_OCTETS = 16


def make(name: str, **fields: Field) -> Expression:
    """One expression."""
    return Expression(name, tuple(fields.items()))


def compare(octets: bytes, operation: int = EQUAL) -> Expression:
    return make("cmp", sreg=REGISTER, op=operation, data=octets)


def load_header(header: int, offset: int, length: int, register: int = REGISTER) -> Expression:
    return make("payload", dreg=register, base=header, offset=offset, len=length)


def from_interface(name: str, operation: int = EQUAL) -> Expressions:
    """The packet came by it."""
    octets = name.encode().ljust(INTERFACE_OCTETS, b"\0")
    return make("meta", dreg=REGISTER, key=META_INPUT), compare(octets, operation)


def to_interface(name: str) -> Expressions:
    """The packet leaves by it."""
    return make("meta", dreg=REGISTER, key=META_OUTPUT), compare(name.encode().ljust(INTERFACE_OCTETS, b"\0"))


def of_family(version: int) -> Expressions:
    return make("meta", dreg=REGISTER, key=META_FAMILY), compare(FAMILIES[version])


def of_protocol(number: int) -> Expressions:
    return make("meta", dreg=REGISTER, key=META_PROTOCOL), compare(bytes((number,)))


def with_port(protocol: int, ports: PortRange, is_source: bool = False) -> Expressions:
    """TCP or UDP with that destination port, or source port."""
    loaded = (*of_protocol(protocol), load_header(TRANSPORT_HEADER, 0 if is_source else 2, 2))
    first, last = struct.pack("!H", ports.first), struct.pack("!H", ports.last)
    if first == last:
        return (*loaded, compare(first))
    return (*loaded, compare(first, AT_LEAST), compare(last, AT_MOST))


def with_icmp_type(version: int, number: int) -> Expressions:
    protocol = ICMP if version == 4 else ICMPV6
    return (*of_family(version), *of_protocol(protocol), load_header(TRANSPORT_HEADER, 0, 1), compare(bytes((number,))))


def load_source(version: int) -> Expression:
    return load_header(NETWORK_HEADER, SOURCE_OFFSETS[version], ADDRESS_OCTETS[version])


def source_in(name: str, version: int) -> Expressions:
    """The source is in the set of that name and version."""
    return (*of_family(version), load_source(version), make("lookup", set=f"{name}{version}", sreg=REGISTER))


def source_not_in(name: str, version: int) -> Expressions:
    """As source_in, of a packet whose family is known already."""
    return load_source(version), make("lookup", set=f"{name}{version}", sreg=REGISTER, flags=1)


def in_network(network: IpNetwork, is_source: bool, operation: int = EQUAL) -> Expressions:
    """Source or destination is in the network; the family has been looked at."""
    version = network.version
    offsets = SOURCE_OFFSETS if is_source else DESTINATION_OFFSETS
    length = ADDRESS_OCTETS[version]
    loaded = load_header(NETWORK_HEADER, offsets[version], length)
    if network.prefixlen == network.max_prefixlen:
        return loaded, compare(network.network_address.packed, operation)
    masked = make("bitwise", sreg=REGISTER, dreg=REGISTER, len=length, mask=network.netmask.packed, xor=bytes(length))
    return loaded, masked, compare(network.network_address.packed, operation)


def destination_port_in(name: str, version: int) -> Expressions:
    """Destination address and port, together, are in the set."""
    length = ADDRESS_OCTETS[version]
    port_register = PORT_REGISTER_4 if version == 4 else PORT_REGISTER_6
    return (
        *of_family(version),
        load_header(NETWORK_HEADER, DESTINATION_OFFSETS[version], length),
        load_header(TRANSPORT_HEADER, 2, 2, port_register),
        make("lookup", set=f"{name}{version}", sreg=REGISTER),
    )


def host_mask(bits: int) -> bytes:
    return struct.pack("=I", bits)


def with_bits(bits: int) -> Expressions:
    """Any of these bits of a number of the kernel's own."""
    masked = make("bitwise", sreg=REGISTER, dreg=REGISTER, len=4, mask=host_mask(bits), xor=bytes(4))
    return masked, compare(bytes(4), UNEQUAL)


def in_state(states: int) -> Expressions:
    """What connection tracking says of the packet."""
    return make("ct", dreg=REGISTER, key=0), *with_bits(states)


def was_forwarded() -> Expressions:
    """The destination of its connection was rewritten."""
    return make("ct", dreg=REGISTER, key=2), *with_bits(CT_STATUS_DNAT)


def load_address_kind(is_source: bool, is_of_interface: bool = False) -> Expression:
    """Whether the address is ours, everybody's or another's; is_of_interface: ours on the interface it came by."""
    return make("fib", dreg=REGISTER, result=3, flags=(1 if is_source else 2) | (8 if is_of_interface else 0))


def kind_number(kind: int) -> bytes:
    return struct.pack("=I", kind)


def for_us(is_of_interface: bool = False) -> Expressions:
    """is_of_interface: for an address of the interface by which it came."""
    return load_address_kind(False, is_of_interface), compare(kind_number(LOCAL))


def not_from_us() -> Expressions:
    return load_address_kind(is_source=True), compare(kind_number(LOCAL), UNEQUAL)


def for_another_interface() -> Expressions:
    """The destination is an address of ours, but not of the interface by which the packet came."""
    kinds = (LOCAL, BROADCAST, ANYCAST, MULTICAST)
    return load_address_kind(False, True), *(compare(kind_number(kind), UNEQUAL) for kind in kinds)


def without_way_back() -> Expressions:
    """What we would answer to the source would not leave where the packet came in (RFC 3704 2.2)."""
    return make("fib", dreg=REGISTER, result=1, flags=1 | 8 | 32), compare(bytes(4))


def at_most(packets_a_second: int, burst: int) -> Expressions:
    return (make("limit", rate=packets_a_second, unit=1, burst=burst, type=0, flags=0),)


def counted(*verdict: Verdict) -> Expressions:
    """Count the packet and, where a verdict is given, judge it."""
    return make("counter", bytes=0, packets=0), *(make("immediate", dreg=0, data=one) for one in verdict)


def go_to(chain: str) -> Expressions:
    return (make("immediate", dreg=0, data=Verdict(GOTO_CODE, chain)),)


def rewrite_destination(address: IPv4Network, port: int) -> Expressions:
    """To that machine; port 0: the same port."""
    loaded = make("immediate", dreg=REGISTER, data=address.network_address.packed)
    if not port:
        return loaded, make("nat", type=1, family=2, reg_addr_min=REGISTER)
    loaded_port = make("immediate", dreg=SECOND_REGISTER, data=struct.pack("!H", port))
    return loaded, loaded_port, make("nat", type=1, family=2, reg_addr_min=REGISTER, reg_proto_min=SECOND_REGISTER)


def masquerade() -> Expressions:
    return (make("masq"),)


def write_dscp(version: int, value: int) -> Expressions:
    """The six bits of RFC 2474 3; the two behind them are RFC 3168's. IPv4's header has a checksum, IPv6's has none."""
    keep, place = (0xFF03, value << 2) if version == 4 else (0xF03F, value << 6)
    return (
        *of_family(version),
        load_header(NETWORK_HEADER, 0, 2),
        make("bitwise", sreg=REGISTER, dreg=REGISTER, len=2, mask=struct.pack("!H", keep),
             xor=struct.pack("!H", place)),
        make("payload", sreg=REGISTER, base=NETWORK_HEADER, offset=0, len=2, csum_type=1 if version == 4 else 0,
             csum_offset=10 if version == 4 else 0),
    )


def clamp_segment_size() -> Expressions:
    """A TCP connection begins with no larger segments than its path takes (RFC 879; RFC 2923 2.1 says why)."""
    return (
        *of_protocol(TCP),
        load_header(TRANSPORT_HEADER, 13, 1),
        make("bitwise", sreg=REGISTER, dreg=REGISTER, len=1, mask=b"\x06", xor=b"\0"),
        compare(b"\x02"),
        make("rt", dreg=REGISTER, key=3),
        make("byteorder", sreg=REGISTER, dreg=REGISTER, op=1, len=2, size=2),
        make("exthdr", sreg=REGISTER, type=2, offset=2, len=2, op=1),
    )


