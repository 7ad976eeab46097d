# SPDX-License-Identifier: Apache-2.0
"""`set network`: interfaces and their roles, addresses, routes, and what the LAN is served: DHCP, DNS, time."""

from __future__ import annotations

from appliance.config.address_kinds import (
    ADDRESS_RANGE,
    HOST_NAME,
    INTERFACE,
    INTERFACE_ADDRESS,
    IPV4_ADDRESS,
    IPV4_NETWORK,
    MAC,
    OPTION_NUMBER,
    OPTION_TEXT,
    SEARCH_DOMAIN,
)
from appliance.config.leaf import Leaf, Section
from appliance.config.network_kinds import DOMAIN
from appliance.config.word_kinds import BOOLEAN, NAME, choice_kind, integer_kind

MANAGED = Leaf(
    "network managed",
    BOOLEAN,
    "Whether the appliance looks after the network of its host. It takes away only what it has set up itself.",
    default=False,
)
LAN_ADDRESS = Leaf(
    "network lan address",
    INTERFACE_ADDRESS,
    "Our address on the LAN, where the phones are.",
)
WAN_ADDRESS = Leaf(
    "network wan address",
    INTERFACE_ADDRESS,
    "Our address on the WAN.",
    remark="dhcp, where an interface has the role wan",
)
WAN_GATEWAY = Leaf("network wan gateway", IPV4_ADDRESS, "The router on the WAN. With dhcp it is told by the server.")
NTP_SERVER = Leaf(
    "network ntp server",
    DOMAIN,
    "Where the time comes from; the LAN gets it from us.",
    is_list=True,
    remark="ntp.nict.jp in the country jp",
)
ROLE = Leaf(
    "network interface <interface> role",
    choice_kind("lan", "wan"),
    "Whether the office or the world is behind it. Several lan interfaces become one bridge.",
    is_required=True,
)
MTU = Leaf(
    "network interface <interface> mtu",
    integer_kind(576, 9216, "octets"),
    "The largest packet.",
    remark="left as it is",
)
CLONED_MAC = Leaf(
    "network interface <interface> mac",
    MAC,
    "The Ethernet address to show, where a provider knows only one.",
    remark="that of the hardware",
)
ROUTE_TO = Leaf("network route <network-route> to", IPV4_NETWORK, "Which network is reached by it.", is_required=True)
ROUTE_VIA = Leaf("network route <network-route> via", IPV4_ADDRESS, "The router to it.", is_required=True)
DHCP_RANGE = Leaf(
    "network dhcp range", ADDRESS_RANGE, "The addresses to give away on the LAN.", remark="no DHCP server"
)
DHCP_LEASE = Leaf(
    "network dhcp lease", integer_kind(120, 604800, "seconds"), "How long an address is lent.", default=3600
)
DHCP_DOMAIN = Leaf("network dhcp domain", SEARCH_DOMAIN, "The domain of the hosts on the LAN.", remark="none")
HOST_MAC = Leaf("network dhcp host <dhcp-host> mac", MAC, "Which machine it is.", is_required=True)
HOST_ADDRESS = Leaf(
    "network dhcp host <dhcp-host> address", IPV4_ADDRESS, "The address that it always gets.", is_required=True
)
OPTION = Leaf("network dhcp option <dhcp-option>", OPTION_TEXT, "What else the server tells (RFC 2132).")

SECTION = Section(
    "network",
    "The network",
    "The network of the host.",
    (MANAGED, LAN_ADDRESS, WAN_ADDRESS, WAN_GATEWAY, NTP_SERVER),
)
INTERFACE_SECTION = Section(
    "network interface <interface>",
    "Interfaces",
    "The network interfaces that the appliance looks after. Others are left alone.",
    (ROLE, MTU, CLONED_MAC),
    name_kind=INTERFACE,
)
ROUTE_SECTION = Section(
    "network route <network-route>",
    "Static routes",
    "Networks behind other routers.",
    (ROUTE_TO, ROUTE_VIA),
    name_kind=NAME,
)
DHCP_SECTION = Section(
    "network dhcp",
    "DHCP server",
    "Addresses for the LAN. Name server and time server are ours, and so is the router where there is a WAN.",
    (DHCP_RANGE, DHCP_LEASE, DHCP_DOMAIN),
)
DHCP_HOST_SECTION = Section(
    "network dhcp host <dhcp-host>",
    "DHCP hosts",
    "Machines that always get the same address.",
    (HOST_MAC, HOST_ADDRESS),
    name_kind=HOST_NAME,
)
DHCP_OPTION_SECTION = Section(
    "network dhcp option <dhcp-option>",
    "DHCP options",
    "Whatever else phones want to be told, such as 66 for their provisioning server.",
    (OPTION,),
    name_kind=OPTION_NUMBER,
)
SECTIONS = (SECTION, INTERFACE_SECTION, ROUTE_SECTION, DHCP_SECTION, DHCP_HOST_SECTION, DHCP_OPTION_SECTION)
