# SPDX-License-Identifier: Apache-2.0
"""Hosts without which the office is cut off: who sends us junk under their addresses must not get them shut out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, ip_address, ip_network

from appliance.config.configuration import Configuration
from appliance.config.network_kinds import IpNetwork
from appliance.networking.dhcp_lease import DhcpLease
from appliance.networking.lan_services import decide_name_servers, is_address
from appliance.networking.side import Side


def list_lifelines(configuration: Configuration, sides: Mapping[str, Side]) -> tuple[IpNetwork, ...]:
    """The routers, and the servers of DHCP, DNS and the time that are in use."""
    return tuple(dict.fromkeys(_list_hosts(configuration, sides)))


def _list_hosts(configuration: Configuration, sides: Mapping[str, Side]) -> Iterator[IpNetwork]:
    network = configuration.network
    if network.gateway is not None:
        yield IPv4Network(network.gateway)
    for route in network.routes.values():
        yield IPv4Network(route.via)
    for side in sides.values():
        if side.lease is not None:
            yield from _list_lenders(side.lease)
    said = [one.address for one in decide_name_servers(configuration, sides)]
    for host in (*said, *filter(is_address, network.ntp_servers)):
        yield ip_network(ip_address(host))


def _list_lenders(lease: DhcpLease) -> Iterator[IpNetwork]:
    """Routes on the link itself have the router 0.0.0.0 (RFC 3442)."""
    for host in (lease.server, *lease.routers, *(via for _, via in lease.routes if int(via))):
        yield IPv4Network(host)
