# SPDX-License-Identifier: Apache-2.0
"""The DHCP server: its addresses are the LAN's, nobody's else and each machine's own; its options what they must be."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Interface
from typing import Any

from appliance.config.address_kinds import ADDRESS_OPTIONS, are_addresses
from appliance.config.finding import Finding, report_warning
from appliance.config.leaf import Leaf
from appliance.config.sections import network
from appliance.config.tree import Tree
from appliance.config.verify.network import is_network_end, refuse, static_address


def verify_dhcp_server(tree: Tree) -> Iterator[Finding]:
    """Range and hosts lie in the LAN's network; no machine and no address twice."""
    lan = static_address(tree, network.LAN_ADDRESS)
    if tree.value(network.DHCP_RANGE) is None:
        if not tree.has_said(network.DHCP_RANGE):
            yield from verify_range_said(tree)
        return
    if lan is None:
        wrong = "a DHCP server needs an address of its own on the LAN"
        yield refuse("dhcp-lan", tree, (network.DHCP_RANGE, ""), wrong, "set network lan address ADDRESS/PREFIX")
        return
    yield from verify_range(tree, lan)
    yield from verify_hosts(tree, lan)
    yield from verify_options(tree)


def verify_range_said(tree: Tree) -> Iterator[Finding]:
    """Whoever says something of the server means that there is one."""
    leaves: tuple[Leaf[Any], ...] = (network.DHCP_LEASE, network.DHCP_DOMAIN)
    places = [(leaf, "") for leaf in leaves if tree.has_said(leaf)]
    places += [(network.HOST_ADDRESS, name) for name in tree.names("dhcp-host")]
    places += [(network.OPTION, name) for name in tree.names("dhcp-option")]
    for leaf, name in places[:1]:
        wrong = "there is no DHCP server, since it has no range"
        path, line = leaf.path_for(name), tree.line(leaf, name)
        yield report_warning("no-dhcp-range", path, wrong, "set network dhcp range FIRST-LAST", line)


def verify_range(tree: Tree, lan: IPv4Interface) -> Iterator[Finding]:
    """What is given away lies in the LAN's network and is not ours."""
    addresses, place = tree.certain_value(network.DHCP_RANGE), (network.DHCP_RANGE, "")
    inside = lan.network
    for address in addresses:
        if address not in inside or is_network_end(address, inside):
            wrong = f"{address} is no machine's address in {inside}"
            yield refuse("dhcp-range", tree, place, wrong, f"addresses of the LAN, {inside}")
            return
    if addresses.first <= lan.ip <= addresses.last:
        wrong = f"our own address {lan.ip} would be given away"
        yield refuse("dhcp-range", tree, place, wrong, f"a range without {lan.ip}")


def verify_hosts(tree: Tree, lan: IPv4Interface) -> Iterator[Finding]:
    """Each machine has one address, each address one machine."""
    macs: dict[str, str] = {}
    addresses: dict[object, str] = {lan.ip: "ourselves"}
    for name in tree.names("dhcp-host"):
        mac, address = tree.value(network.HOST_MAC, name), tree.value(network.HOST_ADDRESS, name)
        if mac is not None and macs.setdefault(mac, name) != name:
            wrong = f"{mac} is host {macs[mac]} already"
            yield refuse("dhcp-host", tree, (network.HOST_MAC, name), wrong, "one host for each machine")
        if address is None:
            continue
        if address not in lan.network or is_network_end(address, lan.network):
            wrong = f"{address} is no machine's address in {lan.network}"
            yield refuse("dhcp-host", tree, (network.HOST_ADDRESS, name), wrong, f"an address in {lan.network}")
        holder = addresses.setdefault(address, f"host {name}")
        if holder != f"host {name}":
            wrong = f"{address} is taken by {holder}"
            yield refuse("dhcp-host", tree, (network.HOST_ADDRESS, name), wrong, "an address of its own")


def verify_options(tree: Tree) -> Iterator[Finding]:
    """Options that say addresses say nothing else: with a name there the LAN would have no DHCP and no DNS at all."""
    for number in tree.names("dhcp-option"):
        text = tree.value(network.OPTION, number)
        if text is not None and int(number) in ADDRESS_OPTIONS and not are_addresses(text):
            wrong = f"option {number} says addresses, and this is none"
            yield refuse("dhcp-option", tree, (network.OPTION, number), wrong, "IPv4 addresses separated by commas")
