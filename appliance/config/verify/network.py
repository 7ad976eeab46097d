# SPDX-License-Identifier: Apache-2.0
"""The network among itself: roles that nobody has, networks that overlap, routers that cannot be reached."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Interface, IPv4Network
from typing import Any

from appliance.config.address_kinds import DYNAMIC, SHARED_PREFIX_MAXIMUM
from appliance.config.finding import Finding, report_error, report_warning
from appliance.config.leaf import Leaf
from appliance.config.sections import network
from appliance.config.sections.system import DNS_SERVERS
from appliance.config.tree import Tree


def verify_network(tree: Tree) -> Iterator[Finding]:
    """Everything about the network that needs more than one leaf."""
    yield from verify_roles(tree)
    yield from verify_wan(tree)
    yield from verify_overlap(tree)
    yield from verify_routes_of_network(tree)
    yield from verify_name_servers(tree)


def list_interfaces(tree: Tree, role: str) -> list[str]:
    """The interfaces of a role, in the order of the file."""
    return [name for name in tree.names("interface") if tree.value(network.ROLE, name) == role]


def static_address(tree: Tree, leaf: Leaf[Any]) -> IPv4Interface | None:
    """The address of a side, None where it is got by DHCP or not said."""
    value = tree.value(leaf)
    return value if isinstance(value, IPv4Interface) else None


def refuse(finding_id: str, tree: Tree, place: tuple[Leaf[Any], str], wrong: str, allowed: str) -> Finding:
    """An error about what was said for the leaf of that name."""
    leaf, name = place
    return report_error(finding_id, leaf.path_for(name), wrong, allowed, tree.line(leaf, name))


def verify_roles(tree: Tree) -> Iterator[Finding]:
    """One WAN at most; addresses have interfaces and, where the network is ours, interfaces have addresses."""
    is_managed = tree.value(network.MANAGED) is True
    lan, wan = list_interfaces(tree, "lan"), list_interfaces(tree, "wan")
    if is_managed and not tree.names("interface"):
        wrong = "no interface has a role, so there is no network to look after"
        yield refuse("no-interface", tree, (network.MANAGED, ""), wrong, "set network interface NAME role lan or wan")
    for name in wan[1:]:
        wrong = f"{wan[0]} has the role wan already"
        yield refuse("second-wan", tree, (network.ROLE, name), wrong, "lan, or no role")
    if is_managed and lan and not tree.has_said(network.LAN_ADDRESS):
        wrong = f"{lan[0]} has the role lan, but the LAN has no address"
        yield refuse("missing", tree, (network.LAN_ADDRESS, ""), wrong, network.LAN_ADDRESS.kind.allowed)
    for leaf, role, names in ((network.LAN_ADDRESS, "lan", lan), (network.WAN_ADDRESS, "wan", wan),
                              (network.WAN_GATEWAY, "wan", wan)):
        if tree.has_said(leaf) and not names:
            wrong = f"no interface has the role {role}"
            yield refuse("no-interface", tree, (leaf, ""), wrong, f"set network interface NAME role {role}")
    macs: dict[str, str] = {}
    for name in tree.names("interface"):
        mac = tree.value(network.CLONED_MAC, name)
        if mac and macs.setdefault(mac, name) != name:
            wrong = f"{macs[mac]} has the same address"
            yield refuse("same-mac", tree, (network.CLONED_MAC, name), wrong, "a different address for each")


def verify_wan(tree: Tree) -> Iterator[Finding]:
    """The gateway is a neighbour on the WAN, and said only where DHCP does not say it."""
    gateway, wan = tree.value(network.WAN_GATEWAY), static_address(tree, network.WAN_ADDRESS)
    has_wan = bool(list_interfaces(tree, "wan"))
    if gateway is None:
        if wan is not None and has_wan and not tree.has_said(network.WAN_GATEWAY):
            wrong = "without it nothing beyond the WAN's own network is reached"
            line = tree.line(network.WAN_ADDRESS)
            yield report_warning("no-gateway", network.WAN_GATEWAY.path, wrong, "set network wan gateway ADDRESS", line)
        return
    if wan is None:
        if has_wan and not (tree.has_said(network.WAN_ADDRESS) and tree.value(network.WAN_ADDRESS) != DYNAMIC):
            wrong = "the WAN gets its address by DHCP, and the gateway with it"
            yield refuse("gateway-by-dhcp", tree, (network.WAN_GATEWAY, ""), wrong, "set network wan address A/PREFIX")
        return
    if gateway not in wan.network or gateway == wan.ip or is_network_end(gateway, wan.network):
        wrong = f"{gateway} is no neighbour of {wan}"
        yield refuse("gateway", tree, (network.WAN_GATEWAY, ""), wrong, f"another address in {wan.network}")


def is_network_end(address: object, inside: IPv4Network) -> bool:
    """Whether it is the address of the network itself, or of everybody in it."""
    return inside.prefixlen <= SHARED_PREFIX_MAXIMUM and address in (inside.network_address, inside.broadcast_address)


def verify_name_servers(tree: Tree) -> Iterator[Finding]:
    """Without DHCP nobody tells us a name server."""
    is_told = tree.value(network.LAN_ADDRESS) == DYNAMIC or static_address(tree, network.WAN_ADDRESS) is None
    if tree.value(network.MANAGED) and list_interfaces(tree, "wan") and not is_told and not tree.has_said(DNS_SERVERS):
        wrong = "no DHCP server tells us a name server, so nobody finds a name of the world"
        line = tree.line(network.WAN_ADDRESS)
        yield report_warning("no-name-server", DNS_SERVERS.path, wrong, "set system dns ADDRESS", line)


def verify_overlap(tree: Tree) -> Iterator[Finding]:
    """An address is on the LAN or on the WAN, not on both."""
    lan, wan = static_address(tree, network.LAN_ADDRESS), static_address(tree, network.WAN_ADDRESS)
    if lan is not None and wan is not None and lan.network.overlaps(wan.network):
        wrong = f"{lan.network} of the LAN and {wan.network} of the WAN overlap"
        yield refuse("networks-overlap", tree, (network.LAN_ADDRESS, ""), wrong, "different networks")


def verify_routes_of_network(tree: Tree) -> Iterator[Finding]:
    """Static routes lead to networks that are not our own, by neighbours, one to each."""
    sides = {leaf: static_address(tree, leaf) for leaf in (network.LAN_ADDRESS, network.WAN_ADDRESS)}
    neighbours = [one.network for one in sides.values() if one is not None]
    may_be_unknown = any(tree.value(leaf) == DYNAMIC for leaf in sides) or (
        bool(list_interfaces(tree, "wan")) and not tree.has_said(network.WAN_ADDRESS))
    own = {one.ip for one in sides.values() if one is not None}
    taken: dict[IPv4Network, str] = {}
    if tree.value(network.WAN_GATEWAY) is not None or may_be_unknown:
        taken[IPv4Network("0.0.0.0/0")] = "the WAN's gateway"
    for name in tree.names("network-route"):
        to, via = tree.value(network.ROUTE_TO, name), tree.value(network.ROUTE_VIA, name)
        if via is not None and via in own:
            wrong = f"{via} is our own address"
            yield refuse("route-via", tree, (network.ROUTE_VIA, name), wrong, "the address of another router")
        elif via is not None and not may_be_unknown and not any(via in one for one in neighbours):
            wrong = f"{via} is neither on the LAN nor on the WAN"
            allowed = f"a router in {' or '.join(map(str, neighbours))}" if neighbours else "a router that is near"
            yield refuse("route-via", tree, (network.ROUTE_VIA, name), wrong, allowed)
        if to is None:
            continue
        if to in neighbours:
            wrong = f"{to} is our own network"
            yield refuse("route-own", tree, (network.ROUTE_TO, name), wrong, "a network behind another router")
        holder = taken.setdefault(to, f"route {name}")
        if holder != f"route {name}":
            wrong = f"{to} is reached by {holder} already"
            yield refuse("route-twice", tree, (network.ROUTE_TO, name), wrong, "one route to each network")
