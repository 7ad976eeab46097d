# SPDX-License-Identifier: Apache-2.0
"""What a DHCP server has lent us, RFC 2131 and the options of RFC 2132, 3361, 3442."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network


@dataclass(frozen=True, slots=True)
class DhcpLease:
    """times: seconds after the request was sent; routers, name_servers, time_servers, sip_servers: in their order.

    routes: classless static routes (option 121); sip_servers: names or addresses (option 120).
    """

    address: IPv4Interface
    server: IPv4Address
    lease_s: int
    renewal_s: int
    rebinding_s: int
    routers: tuple[IPv4Address, ...] = ()
    name_servers: tuple[IPv4Address, ...] = ()
    time_servers: tuple[IPv4Address, ...] = ()
    sip_servers: tuple[str, ...] = ()
    domain: str = ""
    routes: tuple[tuple[IPv4Network, IPv4Address], ...] = ()
    mtu: int = 0
