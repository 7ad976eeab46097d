# SPDX-License-Identifier: Apache-2.0
"""LAN and WAN as they are now: what the firewall, the services and the call server go by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Interface

from appliance.config.network_configuration import NetworkConfiguration
from appliance.networking.desired import ROLES, address_of, choose_leases, dynamic_roles, link_of
from appliance.networking.dhcp_lease import DhcpLease
from appliance.networking.observed import ObservedNetwork
from appliance.networking.values import HeldAddress
from appliance.vocabulary.network_alarm import LEASE_UNUSABLE, NO_LEASE, UNPLUGGED


@dataclass(frozen=True, slots=True)
class Side:
    """One role. address: None until there is one; has_carrier: whether something is plugged in at the other end; fault:
    why no address comes by DHCP (vocabulary.network_alarm), "" where one has come or none is to; detail: what was lent.
    """

    role: str
    link: str
    address: IPv4Interface | None
    has_carrier: bool
    lease: DhcpLease | None
    fault: str = ""
    detail: str = ""

    def describe(self) -> dict[str, object]:
        """For the net socket. `fault` and `detail` are there where something is wrong."""
        described: dict[str, object] = {
            "interface": self.link,
            "address": str(self.address.ip) if self.address else None,
            "prefix": self.address.network.prefixlen if self.address else None,
            "has_carrier": self.has_carrier,
        }
        return described | {"fault": self.fault, "detail": self.detail} if self.fault else described


def decide_sides(
    network: NetworkConfiguration, leases: Mapping[str, DhcpLease], observed: ObservedNetwork
) -> dict[str, Side]:
    """By role, those that exist. An address counts when its link really has it."""
    sides = {}
    used, dynamic = choose_leases(network, leases), dynamic_roles(network)
    for role in ROLES:
        name = link_of(network, role)
        if not name:
            continue
        address, link = address_of(network, role, used), observed.links.get(name)
        is_held = address is not None and HeldAddress(name, address) in observed.addresses
        has_carrier, lease = link is not None and link.has_carrier, used.get(role)
        fault = "" if lease is not None or role not in dynamic else find_fault(role in leases, has_carrier)
        detail = str(leases[role].address) if fault == LEASE_UNUSABLE else ""
        sides[role] = Side(role, name, address if is_held else None, has_carrier, lease, fault, detail)
    return sides


def find_fault(is_lent: bool, has_carrier: bool) -> str:
    """Why there is no lease that could be used."""
    if is_lent:
        return LEASE_UNUSABLE
    return NO_LEASE if has_carrier else UNPLUGGED
