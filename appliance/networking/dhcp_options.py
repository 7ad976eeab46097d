# SPDX-License-Identifier: Apache-2.0
"""From the options of an ACK to a lease. Whatever a server says is a stranger's word: what cannot be is left out, and
an ACK that lends nothing usable is no lease.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any

from appliance.networking.dhcp_lease import DhcpLease
from appliance.networking.dhcp_message import DhcpReply, Option

INFINITE_S = 0xFFFFFFFF
FOREVER_S = 10 * 365 * 86400
LEASE_MINIMUM_S = 10
RENEWAL_SHARE, REBINDING_SHARE = 0.5, 0.875     # RFC 2131 4.4.5
MTU_MINIMUM = 1280      # some servers say 576 and mean nothing by it
SERVERS_MAXIMUM = 8
ROUTES_MAXIMUM = 64
NAMES_OCTETS = 255
LABEL_FORM = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
DOMAIN_FORM = re.compile(rf"{LABEL_FORM}(?:\.{LABEL_FORM})*\.?")


def read_lease(reply: DhcpReply) -> DhcpLease | None:
    """What the reply lends; None where that cannot be used."""
    server, lease_s = reply.server(), read_number(reply.options.get(Option.LEASE_TIME, b""))
    address = reply.address
    if server is None or lease_s is None or lease_s < LEASE_MINIMUM_S or not is_usable(address):
        return None
    prefix = read_prefix(reply.options.get(Option.MASK, b""), address)
    if prefix is None:
        return None
    lease_s = FOREVER_S if lease_s == INFINITE_S else min(lease_s, FOREVER_S)
    renewal_s, rebinding_s = read_times(reply, lease_s)
    domain = reply.options.get(Option.DOMAIN, b"").rstrip(b"\0").decode("ascii", "replace")
    mtu = read_number(reply.options.get(Option.MTU, b"")) or 0
    return DhcpLease(
        address=IPv4Interface((address, prefix)),
        server=server,
        lease_s=lease_s,
        renewal_s=renewal_s,
        rebinding_s=rebinding_s,
        routers=read_addresses(reply, Option.ROUTERS),
        name_servers=read_addresses(reply, Option.NAME_SERVERS),
        time_servers=read_addresses(reply, Option.TIME_SERVERS),
        sip_servers=tuple(read_sip_servers(reply.options.get(Option.SIP_SERVERS, b""))),
        domain=domain if DOMAIN_FORM.fullmatch(domain) and len(domain) <= NAMES_OCTETS else "",
        routes=tuple(read_routes(reply.options.get(Option.CLASSLESS_ROUTES, b""))),
        mtu=mtu if mtu >= MTU_MINIMUM else 0,
    )


def is_usable(address: IPv4Address) -> bool:
    """Whether it can be the address of one machine."""
    return not (address.is_unspecified or address.is_multicast or address.is_loopback or address.is_reserved)


def read_number(octets: bytes) -> int | None:
    """A number of two or four octets."""
    return int.from_bytes(octets, "big") if len(octets) in (2, 4) else None


def read_prefix(octets: bytes, address: IPv4Address) -> int | None:
    """The length of the network's prefix; without a mask that of its class (RFC 950). None for a mask with holes."""
    if not octets:
        return 8 if address.packed[0] < 128 else 16 if address.packed[0] < 192 else 24
    if len(octets) != 4:
        return None
    bits = f"{int.from_bytes(octets, 'big'):032b}"
    prefix = bits.count("1")
    return prefix if prefix and bits == "1" * prefix + "0" * (32 - prefix) else None


def read_times(reply: DhcpReply, lease_s: int) -> tuple[int, int]:
    """T1 and T2; those of RFC 2131 4.4.5 where the server says none, or none that can be."""
    renewal_s = read_number(reply.options.get(Option.RENEWAL_TIME, b""))
    rebinding_s = read_number(reply.options.get(Option.REBINDING_TIME, b""))
    if renewal_s is None or rebinding_s is None or not 0 < renewal_s < rebinding_s < lease_s:
        return int(lease_s * RENEWAL_SHARE), int(lease_s * REBINDING_SHARE)
    return renewal_s, rebinding_s


def read_addresses(reply: DhcpReply, number: Option) -> tuple[IPv4Address, ...]:
    """A list of addresses, without those that are none of one machine."""
    octets = reply.options.get(number, b"")
    found = (IPv4Address(octets[index:index + 4]) for index in range(0, len(octets) - 3, 4))
    return tuple(dict.fromkeys(one for one in found if is_usable(one)))[:SERVERS_MAXIMUM]


def read_routes(octets: bytes) -> Iterator[tuple[IPv4Network, IPv4Address]]:
    """RFC 3442: width, the significant octets of the network, router. What is behind something wrong is not read."""
    index = 0
    for _ in range(ROUTES_MAXIMUM):
        if index >= len(octets) or octets[index] > 32:
            return
        width, start = octets[index], index + 1
        router = start + (width + 7) // 8
        index = router + 4
        if index > len(octets):
            return
        network = octets[start:router].ljust(4, b"\0")
        yield IPv4Network((network, width), strict=False), IPv4Address(octets[router:index])


def read_sip_servers(octets: bytes) -> Iterator[str]:
    """RFC 3361: a 0 and names, or a 1 and addresses."""
    if octets[:1] == b"\1":
        for index in range(1, len(octets) - 3, 4):
            yield str(IPv4Address(octets[index:index + 4]))
    elif octets[:1] == b"\0":
        yield from read_names(octets[1:])


def read_names(octets: bytes) -> Iterator[str]:
    """Names as in RFC 1035 3.1, without compression."""
    labels: list[str] = []
    index = 0
    while index < len(octets):
        length = octets[index]
        label = octets[index + 1:index + 1 + length]
        index += 1 + length
        if length > 63 or len(label) < length:
            return
        if label:
            labels.append(label.decode("ascii", "replace"))
            continue
        name = ".".join(labels)
        labels.clear()
        if DOMAIN_FORM.fullmatch(name):
            yield name


def write_lease(lease: DhcpLease, until: float) -> bytes:
    """As JSON, for the next process. until: when it ends, seconds since 1970."""
    return json.dumps({
        "until": until, "address": str(lease.address), "server": str(lease.server), "lease_s": lease.lease_s,
        "renewal_s": lease.renewal_s, "rebinding_s": lease.rebinding_s, "routers": [str(one) for one in lease.routers],
        "name_servers": [str(one) for one in lease.name_servers],
        "time_servers": [str(one) for one in lease.time_servers], "sip_servers": list(lease.sip_servers),
        "domain": lease.domain, "routes": [[str(to), str(via)] for to, via in lease.routes], "mtu": lease.mtu,
    }).encode()


def read_kept_lease(octets: bytes) -> tuple[DhcpLease, float]:
    """The lease and its end. Raises ValueError for what `write_lease` has not written."""
    try:
        said: Any = json.loads(octets)
        lease = DhcpLease(
            IPv4Interface(said["address"]), IPv4Address(said["server"]), int(said["lease_s"]), int(said["renewal_s"]),
            int(said["rebinding_s"]), tuple(map(IPv4Address, said["routers"])),
            tuple(map(IPv4Address, said["name_servers"])), tuple(map(IPv4Address, said["time_servers"])),
            tuple(map(str, said["sip_servers"])), str(said["domain"]),
            tuple((IPv4Network(to), IPv4Address(via)) for to, via in said["routes"]), int(said["mtu"]))
        return lease, float(said["until"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"lease that cannot be read: {error!r}") from error
