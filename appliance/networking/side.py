# SPDX-License-Identifier: Apache-2.0
"""LAN and WAN as they are now: what the firewall, the services and the call server go by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Interface

from appliance.config.network_configuration import NetworkConfiguration
from appliance.networking.desired import ROLES, address_of, choose_leases, link_of
from appliance.networking.dhcp_lease import DhcpLease
from appliance.networking.observed import ObservedNetwork
from appliance.networking.values import HeldAddress


@dataclass(frozen=True, slots=True)
class Side:
    """One role. address: None until there is one; has_carrier: whether something is plugged in at the other end."""

    role: str
    link: str
    address: IPv4Interface | None
    has_carrier: bool
    lease: DhcpLease | None

    def describe(self) -> dict[str, object]:
        """For the net socket."""
        return {
            "interface": self.link,
            "address": str(self.address.ip) if self.address else None,
            "prefix": self.address.network.prefixlen if self.address else None,
            "has_carrier": self.has_carrier,
        }


def decide_sides(
    network: NetworkConfiguration, leases: Mapping[str, DhcpLease], observed: ObservedNetwork
) -> dict[str, Side]:
    """By role, those that exist. An address counts when its link really has it."""
    sides = {}
    used = choose_leases(network, leases)
    for role in ROLES:
        name = link_of(network, role)
        if not name:
            continue
        address, link = address_of(network, role, used), observed.links.get(name)
        is_held = address is not None and HeldAddress(name, address) in observed.addresses
        sides[role] = Side(role, name, address if is_held else None, link is not None and link.has_carrier,
                           used.get(role))
    return sides
