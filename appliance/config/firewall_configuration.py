# SPDX-License-Identifier: Apache-2.0
"""The firewall as the operator wants it: typed, complete, verified."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

from appliance.config.network_kinds import IpNetwork, PortRange
from appliance.config.sections import firewall
from appliance.config.tree import Tree


@dataclass(frozen=True, slots=True)
class ForwardConfiguration:
    """Ports on the WAN that lead to a machine on the LAN. to_port 0: the same; sources: empty for everywhere."""

    name: str
    protocol: str
    ports: PortRange
    to: IPv4Address
    to_port: int
    sources: tuple[IpNetwork, ...]


@dataclass(frozen=True, slots=True)
class FirewallConfiguration:
    """masquerade holds where there are a LAN and a WAN; dscp_media, dscp_signalling: 0 to 63 (RFC 2474)."""

    masquerade: bool
    is_sip_open: bool
    management_sources: tuple[IpNetwork, ...]
    never_ban: tuple[IpNetwork, ...]
    dscp_media: int
    dscp_signalling: int
    forwards: dict[str, ForwardConfiguration]


def build_firewall(tree: Tree) -> FirewallConfiguration:
    """The firewall of a tree that has been verified."""
    masquerade = tree.value(firewall.MASQUERADE)
    return FirewallConfiguration(
        masquerade=masquerade is None or masquerade,
        is_sip_open=tree.certain_value(firewall.OPEN_SIP),
        management_sources=tree.values(firewall.MANAGEMENT_SOURCE),
        never_ban=tree.values(firewall.NEVER_BAN),
        dscp_media=tree.certain_value(firewall.DSCP_MEDIA),
        dscp_signalling=tree.certain_value(firewall.DSCP_SIGNALLING),
        forwards={name: build_forward(tree, name) for name in tree.names("forward")},
    )


def build_forward(tree: Tree, name: str) -> ForwardConfiguration:
    """One port forward."""
    return ForwardConfiguration(
        name=name,
        protocol=tree.certain_value(firewall.FORWARD_PROTOCOL, name),
        ports=tree.certain_value(firewall.FORWARD_PORT, name),
        to=tree.certain_value(firewall.FORWARD_TO, name),
        to_port=tree.value(firewall.FORWARD_TO_PORT, name) or 0,
        sources=tree.values(firewall.FORWARD_SOURCE, name),
    )
