# SPDX-License-Identifier: Apache-2.0
"""What is wanted: the configuration, and what DHCP servers have lent us, as links, addresses, routes and settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from appliance.config.address_kinds import BRIDGE_NAME
from appliance.config.network_configuration import NetworkConfiguration
from appliance.networking.dhcp_lease import DhcpLease
from appliance.networking.values import HeldAddress, Route

ROLES = ("lan", "wan")
DEFAULT_NETWORK = IPv4Network("0.0.0.0/0")
IP_FORWARD = "ipv4/ip_forward"
LOOPBACK = "lo"


@dataclass(frozen=True, slots=True)
class DesiredLink:
    """A link that is to be there and up. is_bridge: ours to make; mtu 0 and mac "": as they are; bridge: see Link."""

    name: str
    is_bridge: bool = False
    mtu: int = 0
    mac: str = ""
    bridge: str = ""


@dataclass(frozen=True, slots=True)
class DesiredNetwork:
    """links: bridges first; settings: files under /proc/sys/net."""

    links: tuple[DesiredLink, ...] = ()
    addresses: frozenset[HeldAddress] = frozenset()
    routes: frozenset[Route] = frozenset()
    settings: tuple[tuple[str, str], ...] = ()


NOTHING = DesiredNetwork()


def link_of(network: NetworkConfiguration, role: str) -> str:
    """The link that has the address of a role, "" without one."""
    return network.lan_link() if role == "lan" else network.wan_link()


def address_of(network: NetworkConfiguration, role: str, leases: Mapping[str, DhcpLease]) -> IPv4Interface | None:
    """The address of a role; None where there is none, or none yet."""
    if not link_of(network, role):
        return None
    lease = leases.get(role)
    if role == "lan":
        is_dynamic, said = network.lan_is_dynamic, network.lan_address
    else:
        is_dynamic, said = network.wan_is_dynamic, network.wan_address
    return (lease.address if lease else None) if is_dynamic else said


def dynamic_roles(network: NetworkConfiguration) -> tuple[str, ...]:
    """The roles whose address comes from a DHCP server."""
    is_dynamic = {"lan": network.lan_is_dynamic, "wan": network.wan_is_dynamic}
    return tuple(role for role in ROLES if is_dynamic[role] and link_of(network, role))


def choose_leases(network: NetworkConfiguration, leases: Mapping[str, DhcpLease]) -> dict[str, DhcpLease]:
    """What of that is used, by role. The office goes before the world: a lease of the WAN that takes the LAN's network,
    or a part of it, would cut all phones off, so it counts as none; its routes into the LAN's networks are left out."""
    dynamic = dynamic_roles(network)
    chosen: dict[str, DhcpLease] = {}
    for role in ROLES:                      # the LAN first
        lease = leases.get(role) if role in dynamic else None
        other = address_of(network, "wan" if role == "lan" else "lan", chosen)
        if lease is not None and (other is None or not takes_network(lease.address, other.network)):
            chosen[role] = lease
    lan = address_of(network, "lan", chosen)
    if "wan" in chosen and lan is not None:
        behind = [one.to for one in network.routes.values() if one.via in lan.network and one.to != DEFAULT_NETWORK]
        told, protected = chosen["wan"], (lan.network, *behind)
        routes = tuple(one for one in told.routes if not any(one[0].subnet_of(kept) for kept in protected))
        chosen["wan"] = replace(told, routes=routes)
    return chosen


def takes_network(lent: IPv4Interface, network: IPv4Network) -> bool:
    """Whether packets for that network would go to the lent one. A wider network around it takes nothing."""
    return lent.ip in network or lent.network.subnet_of(network)


def decide_desired(network: NetworkConfiguration, leases: Mapping[str, DhcpLease]) -> DesiredNetwork:
    """leases: role -> what its server has lent us; those of other roles do not count, see `choose_leases`."""
    lent = choose_leases(network, leases)
    addresses = {}
    for role in ROLES:
        address = address_of(network, role, lent)
        if address is not None:
            addresses[role] = HeldAddress(link_of(network, role), address)
    return DesiredNetwork(
        tuple(list_links(network, lent)),
        frozenset(addresses.values()),
        frozenset(decide_routes(network, addresses, lent)),
        tuple(list_settings(network)),
    )


def list_links(network: NetworkConfiguration, lent: Mapping[str, DhcpLease]) -> Iterator[DesiredLink]:
    """The loopback, the bridge of the LAN, then the interfaces."""
    yield DesiredLink(LOOPBACK)
    ports = network.lan_ports()
    has_bridge = len(ports) > 1
    if has_bridge:
        yield DesiredLink(BRIDGE_NAME, is_bridge=True, mac=network.interfaces[ports[0]].mac)
    for one in network.interfaces.values():
        bridge = BRIDGE_NAME if has_bridge and one.role == "lan" else ""
        told_mtu = lent[one.role].mtu if one.role in lent and not bridge else 0
        yield DesiredLink(one.name, mtu=one.mtu or told_mtu, mac=one.mac, bridge=bridge)


def decide_routes(
    network: NetworkConfiguration, addresses: Mapping[str, HeldAddress], lent: Mapping[str, DhcpLease]
) -> Iterator[Route]:
    """Static routes, then the gateway, then what DHCP says; of two to the same network the first counts."""
    taken: set[tuple[IPv4Network, int]] = set()
    for to, via, link in list_ways(network, addresses, lent):
        if link:
            route = Route(to, via, link)
            if route.key() not in taken:
                taken.add(route.key())
                yield route


def list_ways(
    network: NetworkConfiguration, addresses: Mapping[str, HeldAddress], lent: Mapping[str, DhcpLease]
) -> Iterator[tuple[IPv4Network, IPv4Address | None, str]]:
    """As decide_routes, double ones included; link "" where a router is not reached yet."""
    for one in network.routes.values():
        yield one.to, one.via, link_to(one.via, addresses.values())
    if network.gateway is not None and "wan" in addresses:
        yield DEFAULT_NETWORK, network.gateway, addresses["wan"].link
    for role in sorted(lent, reverse=True):         # the WAN leads to the world before the LAN does
        lease, link = lent[role], addresses[role].link
        for to, via in lease.routes:
            yield to, via if int(via) else None, link       # RFC 3442: 0.0.0.0 is the link itself
        if not lease.routes and lease.routers:      # RFC 3442: whoever knows option 121 ignores option 3
            yield DEFAULT_NETWORK, lease.routers[0], link


def link_to(router: IPv4Address, addresses: Iterable[HeldAddress]) -> str:
    """The link whose network the router is in, "" where there is none."""
    return next((one.link for one in addresses if router in one.address.network), "")


def list_settings(network: NetworkConfiguration) -> Iterator[tuple[str, str]]:
    """What the kernel is to do with packets. Settings that it does not have are passed over, but for forwarding."""
    lan, wan = network.lan_link(), network.wan_link()
    yield "netfilter/nf_conntrack_helper", "0"      # its SIP helper rewrites what we have written
    for link in filter(None, (lan, wan)):
        yield f"ipv4/conf/{link}/promote_secondaries", "1"      # an address may go while its successor stays
    if wan:
        yield f"ipv4/conf/{wan}/arp_ignore", "1"    # the WAN need not know the addresses of the LAN
        yield f"ipv4/conf/{wan}/arp_announce", "2"
    if lan and network.lan_address is not None:
        yield f"ipv6/conf/{lan}/accept_ra", "0"     # on a LAN of ours no other router has anything to say
    if lan and wan:
        yield IP_FORWARD, "1"
