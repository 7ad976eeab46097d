# SPDX-License-Identifier: Apache-2.0
"""The network as the operator wants it: typed, complete, verified."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from appliance.config.address_kinds import BRIDGE_NAME, DYNAMIC, AddressRange
from appliance.config.sections import network, system
from appliance.config.tree import Tree

NTP_SERVERS_BY_COUNTRY = {"jp": ("ntp.nict.jp",)}


@dataclass(frozen=True, slots=True)
class InterfaceConfiguration:
    """One interface. role: lan or wan; mtu 0 and mac "": left as they are."""

    name: str
    role: str
    mtu: int
    mac: str


@dataclass(frozen=True, slots=True)
class NetworkRoute:
    """A network behind another router."""

    to: IPv4Network
    via: IPv4Address


@dataclass(frozen=True, slots=True)
class DhcpHost:
    """A machine that always gets the same address."""

    name: str
    mac: str
    address: IPv4Address


@dataclass(frozen=True, slots=True)
class DhcpServerConfiguration:
    """What the LAN's DHCP server gives. domain: "" for none; options: by number."""

    addresses: AddressRange
    lease_s: int
    domain: str
    hosts: tuple[DhcpHost, ...]
    options: dict[int, str]


@dataclass(frozen=True, slots=True)
class NetworkConfiguration:
    """Everything under `network` but the firewall. Interfaces are in the order of the file.

    lan_address, wan_address: None where it is got by DHCP, or where the role does not exist; gateway: the WAN's.
    """

    interfaces: dict[str, InterfaceConfiguration]
    lan_address: IPv4Interface | None
    lan_is_dynamic: bool
    wan_address: IPv4Interface | None
    wan_is_dynamic: bool
    gateway: IPv4Address | None
    routes: dict[str, NetworkRoute]
    dhcp_server: DhcpServerConfiguration | None
    ntp_servers: tuple[str, ...]

    def lan_ports(self) -> tuple[str, ...]:
        """The interfaces of the LAN."""
        return tuple(one.name for one in self.interfaces.values() if one.role == "lan")

    def lan_link(self) -> str:
        """The interface that has the LAN's address: the bridge where there are several; "" without LAN."""
        ports = self.lan_ports()
        return BRIDGE_NAME if len(ports) > 1 else ports[0] if ports else ""

    def wan_link(self) -> str:
        """The interface of the WAN; "" without WAN."""
        return next((one.name for one in self.interfaces.values() if one.role == "wan"), "")


def build_network(tree: Tree) -> NetworkConfiguration:
    """The network of a tree that has been verified."""
    interfaces = {
        name: InterfaceConfiguration(
            name,
            tree.certain_value(network.ROLE, name),
            tree.value(network.MTU, name) or 0,
            tree.value(network.CLONED_MAC, name) or "",
        )
        for name in tree.names("interface")
    }
    has_wan = any(one.role == "wan" for one in interfaces.values())
    lan, wan = tree.value(network.LAN_ADDRESS), tree.value(network.WAN_ADDRESS)
    return NetworkConfiguration(
        interfaces=interfaces,
        lan_address=lan if isinstance(lan, IPv4Interface) else None,
        lan_is_dynamic=lan == DYNAMIC,
        wan_address=wan if isinstance(wan, IPv4Interface) else None,
        wan_is_dynamic=has_wan and (wan is None or wan == DYNAMIC),
        gateway=tree.value(network.WAN_GATEWAY),
        routes={
            name: NetworkRoute(
                tree.certain_value(network.ROUTE_TO, name), tree.certain_value(network.ROUTE_VIA, name)
            )
            for name in tree.names("network-route")
        },
        dhcp_server=build_dhcp_server(tree),
        ntp_servers=tree.values(network.NTP_SERVER)
        or NTP_SERVERS_BY_COUNTRY.get(tree.certain_value(system.COUNTRY_CODE), ()),
    )


def build_dhcp_server(tree: Tree) -> DhcpServerConfiguration | None:
    """The DHCP server of the LAN, where there is one."""
    addresses = tree.value(network.DHCP_RANGE)
    if addresses is None:
        return None
    return DhcpServerConfiguration(
        addresses=addresses,
        lease_s=tree.certain_value(network.DHCP_LEASE),
        domain=tree.value(network.DHCP_DOMAIN) or "",
        hosts=tuple(
            DhcpHost(
                name,
                tree.certain_value(network.HOST_MAC, name),
                tree.certain_value(network.HOST_ADDRESS, name),
            )
            for name in tree.names("dhcp-host")
        ),
        options={int(number): tree.certain_value(network.OPTION, number) for number in tree.names("dhcp-option")},
    )
