# SPDX-License-Identifier: Apache-2.0
"""Kinds of values of `set network`: interfaces, their addresses, ranges, routers, DHCP hosts and options (RFC 2132)."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv4Interface, IPv4Network
from typing import NamedTuple

from appliance.config.kind import Kind, ValueRefused, show_text
from appliance.config.network_kinds import DOMAIN_CHARACTERS, LABEL_REST, parse_address, valid_domain, valid_network

INTERFACE_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,14}")
BRIDGE_NAME = "br-lan"
MAC_FORM = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}")
HOST_NAME_FORM = re.compile(rf"[A-Za-z0-9]{LABEL_REST}")
OPTION_TEXT_FORM = re.compile(r'[!#-\[\]-~ ]{1,200}')
DIGITS_FORM = re.compile(r"[1-9][0-9]{0,2}")
MULTICAST_BIT = 1
SHARED_PREFIX_MAXIMUM = 30      # from 31 on no address stands for the network or for everybody (RFC 3021)
OPTION_LAST = 254
DYNAMIC = "dhcp"
# What the server itself must say, RFC 2131 4.3.1: mask, and everything that belongs to the lease.
OWN_OPTIONS = frozenset({1, *range(50, 60), 61, 82})
# RFC 2132 3.5 to 3.13, 5, 8, RFC 5859: these say addresses. The server would not start with anything else there.
ADDRESS_OPTIONS = frozenset({*range(3, 12), 16, 21, 28, 32, 33, 41, 42, 44, 45, 48, 49, 65, *range(68, 77), 150})

InterfaceAddress = IPv4Interface | str
"""An address with the prefix of its network, or `dhcp`."""


class AddressRange(NamedTuple):
    """Addresses from first to last, both included."""

    first: IPv4Address
    last: IPv4Address


def valid_interface(text: str) -> str:
    """The name of a network interface, which the kernel wants shorter than 16 octets. The bridge is ours."""
    if INTERFACE_FORM.fullmatch(text) is None:
        raise ValueRefused(f"{show_text(text)} is not the name of a network interface")
    if text in (BRIDGE_NAME, "lo", "all", "default"):
        raise ValueRefused(f"{text} is no interface with a role", "an interface of the machine, such as eth0")
    return text


def valid_mac(text: str) -> str:
    """The address of one machine on Ethernet, in small letters."""
    if MAC_FORM.fullmatch(text) is None or not text.replace(":", "").strip("0"):
        raise ValueRefused(f"{show_text(text)} is not an Ethernet address")
    if int(text[:2], 16) & MULTICAST_BIT:
        raise ValueRefused(f"{text} is the address of a group", "the address of one machine: the first octet is even")
    return text.lower()


def valid_ipv4_address(text: str) -> IPv4Address:
    """The IPv4 address of one machine."""
    address = parse_address(text)
    if not isinstance(address, IPv4Address):
        raise ValueRefused(f"{show_text(text)} is not an IPv4 address")
    if address.is_unspecified or address.is_multicast or address.is_loopback or address.is_reserved:
        raise ValueRefused(f"{text} is not an address of one machine")
    return address


def valid_interface_address(text: str) -> InterfaceAddress:
    """`dhcp`, or ADDRESS/PREFIX."""
    if text == DYNAMIC:
        return DYNAMIC
    address, slash, prefix = text.partition("/")
    if not slash or not prefix.isascii() or not prefix.isdigit() or len(prefix) > 2 or not 1 <= int(prefix) <= 32:
        raise ValueRefused(f"{show_text(text)} is not an address with the prefix of its network")
    interface = IPv4Interface((valid_ipv4_address(address), int(prefix)))
    network = interface.network
    ends = (network.network_address, network.broadcast_address)
    if network.prefixlen <= SHARED_PREFIX_MAXIMUM and interface.ip in ends:
        wrong = f"{interface.ip} is not the address of one machine in {network}"
        raise ValueRefused(wrong, f"{network.network_address + 1} to {network.broadcast_address - 1}")
    return interface


def valid_ipv4_network(text: str) -> IPv4Network:
    """An IPv4 network in CIDR form; a lone address is the network of itself."""
    network = valid_network(text)
    if not isinstance(network, IPv4Network):
        raise ValueRefused(f"{show_text(text)} is not an IPv4 network")
    return network


def valid_address_range(text: str) -> AddressRange:
    """FIRST-LAST."""
    first, dash, last = text.partition("-")
    if not dash:
        raise ValueRefused(f"{show_text(text)} is not a range of addresses")
    addresses = AddressRange(valid_ipv4_address(first), valid_ipv4_address(last))
    if addresses.first > addresses.last:
        raise ValueRefused(f"{text} ends before it begins", "FIRST-LAST with FIRST not above LAST")
    return addresses


def valid_host_name(text: str) -> str:
    """One label of a host name, RFC 1123 2.1."""
    if HOST_NAME_FORM.fullmatch(text) is None:
        raise ValueRefused(f"{show_text(text)} is not the name of a host")
    return text


def valid_search_domain(text: str) -> str:
    """The domain that hosts of the LAN are in: a name, no address."""
    domain = valid_domain(text)
    if ":" in domain or domain.replace(".", "").isdigit() or len(domain) > DOMAIN_CHARACTERS:
        raise ValueRefused(f"{show_text(text)} is not the name of a domain")
    return domain


def valid_option_number(text: str) -> str:
    """The number of a DHCP option that an operator may set (RFC 2132)."""
    if DIGITS_FORM.fullmatch(text) is None or int(text) > OPTION_LAST:
        raise ValueRefused(f"{show_text(text)} is not the number of a DHCP option")
    if int(text) in OWN_OPTIONS:
        raise ValueRefused(f"option {text} is said by the server itself")
    return text


def valid_option_text(text: str) -> str:
    """What a DHCP option says. Quotes and backslashes have a meaning to the server's own language."""
    if OPTION_TEXT_FORM.fullmatch(text) is None:
        raise ValueRefused(f"{show_text(text)} cannot stand here")
    return text


def are_addresses(text: str) -> bool:
    """Whether it is IPv4 addresses, separated by commas."""
    try:
        for part in text.split(","):
            IPv4Address(part)
    except AddressValueError:
        return False
    return True


INTERFACE = Kind("interface", "the name of a network interface, such as eth0", valid_interface)
MAC = Kind("mac", "an Ethernet address such as 02:00:00:00:00:01", valid_mac)
INTERFACE_ADDRESS = Kind("interface-address", "dhcp, or ADDRESS/PREFIX such as 192.168.1.1/24", valid_interface_address)
IPV4_ADDRESS = Kind("ipv4-address", "an IPv4 address such as 192.168.1.254", valid_ipv4_address)
IPV4_NETWORK = Kind("ipv4-network", "an IPv4 network such as 10.0.0.0/8", valid_ipv4_network)
ADDRESS_RANGE = Kind("address-range", "FIRST-LAST, such as 192.168.1.100-192.168.1.199", valid_address_range)
HOST_NAME = Kind("host-name", "the name of a host: letters, digits and hyphens", valid_host_name)
SEARCH_DOMAIN = Kind("search-domain", "the name of a domain such as office.example", valid_search_domain)
OPTION_NUMBER = Kind("option-number", "the number of a DHCP option, such as 66", valid_option_number)
OPTION_TEXT = Kind(
    "option-text",
    "addresses separated by commas, or 1 to 200 ASCII characters without quotes and backslashes",
    valid_option_text,
)
