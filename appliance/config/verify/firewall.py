# SPDX-License-Identifier: Apache-2.0
"""The firewall: ports that are claimed twice, doors that are wide open, and rules that can never apply."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from appliance.config.finding import Finding, report_warning
from appliance.config.leaf import Leaf
from appliance.config.listening import decide_port, list_transports
from appliance.config.network_kinds import IpNetwork, PortRange, is_too_wide
from appliance.config.sections import firewall, media, network, sip
from appliance.config.tree import Tree
from appliance.config.verify.network import list_interfaces, refuse, static_address

SSH_PORT = 22


def verify_firewall(tree: Tree) -> Iterator[Finding]:
    """Everything about the firewall that needs more than one leaf."""
    yield from verify_managed(tree)
    yield from verify_doors(tree)
    yield from verify_listeners_outside(tree)
    for name in tree.names("forward"):
        yield from verify_forward(tree, name)
        yield from verify_own_ports(tree, name)
    yield from verify_shared_ports(tree)


def list_said(tree: Tree) -> Iterator[tuple[Leaf[Any], str]]:
    """Every place of the firewall where something was said."""
    for section in firewall.SECTIONS:
        for name in tree.names(section.label()) if section.label() else ("",):
            for leaf in section.leaves:
                if tree.has_said(leaf, name):
                    yield leaf, name


def verify_managed(tree: Tree) -> Iterator[Finding]:
    """Without a WAN that is ours there is no firewall."""
    said = next(list_said(tree), None)
    if said is None:
        return
    leaf, name = said
    path, line = leaf.path_for(name), tree.line(leaf, name)
    if tree.value(network.MANAGED) is not True:
        remedy = "set network managed true"
        yield report_warning("no-firewall", path, "the network of the host is left alone", remedy, line)
    elif not list_interfaces(tree, "wan"):
        remedy = "set network interface NAME role wan"
        yield report_warning("no-firewall", path, "no interface has the role wan, so nothing is kept out", remedy, line)


def verify_doors(tree: Tree) -> Iterator[Finding]:
    """What lets in more than anybody can want."""
    if tree.value(firewall.OPEN_SIP):
        wrong = "the whole world may try the passwords of your extensions and flood the public listeners"
        line = tree.line(firewall.OPEN_SIP)
        yield report_warning("open-sip", firewall.OPEN_SIP.path, wrong, "false, and a VPN for phones outside", line)
    doors: tuple[tuple[Leaf[IpNetwork], str, str], ...] = (
        (firewall.MANAGEMENT_SOURCE, "wide-management", "that strangers may try the passwords of SSH"),
        (firewall.NEVER_BAN, "wide-never-ban", "that those who guess passwords are never shut out"),
    )
    for leaf, finding_id, effect in doors:
        for said in tree.sayings(leaf):
            network_said = leaf.kind.read(said.text)
            if is_too_wide(network_said):
                wrong = f"{network_said} is so wide {effect}"
                yield report_warning(finding_id, leaf.path, wrong, "the addresses of your own machines", said.line)


def verify_listeners_outside(tree: Tree) -> Iterator[Finding]:
    """A listener on the WAN is a public one, or nobody outside reaches it."""
    wan = static_address(tree, network.WAN_ADDRESS)
    if tree.value(network.MANAGED) is not True or not list_interfaces(tree, "wan"):
        return
    for name in tree.names("listener"):
        address = tree.value(sip.ADDRESS, name)
        is_outside = tree.value(sip.INTERFACE, name) == "wan" or (wan is not None and address == str(wan.ip))
        if is_outside and tree.value(sip.SIDE, name) != "public":
            wrong = "it is on the WAN, and the firewall lets nobody there reach a private listener"
            leaf = sip.INTERFACE if tree.has_said(sip.INTERFACE, name) else sip.ADDRESS
            path, remedy = sip.SIDE.path_for(name), f"set sip listener {name} side public"
            yield report_warning("private-outside", path, wrong, remedy, tree.line(leaf, name))


def verify_forward(tree: Tree, name: str) -> Iterator[Finding]:
    """It leads to another machine, and a port of its own is for a single one."""
    ports, to = tree.value(firewall.FORWARD_PORT, name), tree.value(firewall.FORWARD_TO, name)
    if ports is not None and ports.first != ports.last and tree.has_said(firewall.FORWARD_TO_PORT, name):
        wrong = f"{ports.first}-{ports.last} cannot all lead to one port"
        yield refuse("forward-port", tree, (firewall.FORWARD_TO_PORT, name), wrong, "no to-port, or a single port")
    place = (firewall.FORWARD_TO, name)
    sides = [static_address(tree, leaf) for leaf in (network.LAN_ADDRESS, network.WAN_ADDRESS)]
    if to is not None and any(side is not None and side.ip == to for side in sides):
        yield refuse("forward-to", tree, place, f"{to} is our own address", "another machine on the LAN")
    for said in tree.sayings(firewall.FORWARD_SOURCE, name):
        if firewall.FORWARD_SOURCE.kind.read(said.text).version != 4:
            path = firewall.FORWARD_SOURCE.path_for(name)
            wrong = f"nothing from {said.text} can be forwarded to an IPv4 address"
            yield report_warning("forward-family", path, wrong, "IPv4 networks", said.line)


def verify_own_ports(tree: Tree, name: str) -> Iterator[Finding]:
    """What we need on the WAN ourselves cannot be given away."""
    ports, protocol = tree.value(firewall.FORWARD_PORT, name), tree.value(firewall.FORWARD_PROTOCOL, name)
    if ports is None or protocol is None:
        return
    for own, what in list_own_ports(tree, protocol):
        if overlaps(ports, own):
            shown = f"{protocol} {own.first}" + (f"-{own.last}" if own.last != own.first else "")
            wrong = f"{shown} is ours on the WAN, for {what}"
            yield refuse("forward-own", tree, (firewall.FORWARD_PORT, name), wrong, "other ports")


def list_own_ports(tree: Tree, protocol: str) -> Iterator[tuple[PortRange, str]]:
    """The ports on the WAN that are ours, each with what for."""
    for listener in tree.names("listener"):
        if tree.value(sip.SIDE, listener) != "public":
            continue
        for transport in list_transports(tree, listener):
            port = decide_port(tree, listener, transport)
            if port is not None and (transport == "udp") is (protocol == "udp"):
                yield PortRange(port, port), f"SIP of listener {listener}"
    ports = tree.value(media.PORTS)
    if protocol == "udp" and ports is not None:
        yield ports, "audio"
    if protocol == "tcp" and tree.sayings(firewall.MANAGEMENT_SOURCE):
        yield PortRange(SSH_PORT, SSH_PORT), "SSH"


def verify_shared_ports(tree: Tree) -> Iterator[Finding]:
    """Of two forwards of the same port the second would never apply."""
    taken: list[tuple[str, str, PortRange, tuple[IpNetwork, ...]]] = []
    for name in tree.names("forward"):
        ports, protocol = tree.value(firewall.FORWARD_PORT, name), tree.value(firewall.FORWARD_PROTOCOL, name)
        if ports is None or protocol is None:
            continue
        sources = tree.values(firewall.FORWARD_SOURCE, name)
        for holder, held_protocol, held, held_sources in taken:
            if protocol == held_protocol and overlaps(ports, held) and meet(sources, held_sources):
                wrong = f"forward {holder} has {protocol} {held.first}-{held.last} already"
                yield refuse("forward-twice", tree, (firewall.FORWARD_PORT, name), wrong, "other ports or sources")
        taken.append((name, protocol, ports, sources))


def overlaps(one: PortRange, other: PortRange) -> bool:
    """Whether they have a port in common."""
    return one.first <= other.last and other.first <= one.last


def meet(one: tuple[IpNetwork, ...], other: tuple[IpNetwork, ...]) -> bool:
    """Whether somebody is in both; an empty one is everywhere."""
    if not one or not other:
        return True
    pairs = ((a, b) for a in one for b in other if a.version == b.version)
    return any(a.network_address in b or b.network_address in a for a, b in pairs)
