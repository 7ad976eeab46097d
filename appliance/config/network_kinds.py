# SPDX-License-Identifier: Apache-2.0
"""Kinds of network values: addresses, ports, networks, domains and SIP URIs (RFC 3261 25.1, RFC 1123 2.1)."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple

from appliance.config.kind import Kind, ValueRefused, show_text

IpAddress = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network

PORT_FORM = re.compile(r"[0-9]{1,5}")
PORT_RANGE_FORM = re.compile(r"([0-9]{1,5})-([0-9]{1,5})")
# RFC 3261 25.1 hostname: the last label begins with a letter, so that a broken IPv4 address is never a name.
LABEL_REST = "(?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
DOMAIN_FORM = re.compile(rf"(?:[A-Za-z0-9]{LABEL_REST}\.)*[A-Za-z]{LABEL_REST}\.?")
ADDRESS_PORT_FORM = re.compile(r"(?:\[([^\[\]]+)\]|([^:\[\]]+)):([0-9]{1,5})")
REGISTRAR_FORM = re.compile(
    r"([Ss][Ii][Pp][Ss]?):(\[[^\[\]]+\]|[^:;?@\[\]\s]+)(?::([0-9]{1,5}))?((?:;[A-Za-z0-9._~=%-]+)*)"
)
DOMAIN_CHARACTERS = 253
RANGE_PORTS_MINIMUM = 2
DNS_PORT = 53
# Networks wider than this hold more strangers than friends.
FRIENDS_BITS_MINIMUM = {4: 8, 6: 32}


class PortRange(NamedTuple):
    """Ports from first to last, both included."""

    first: int
    last: int


class AddressPort(NamedTuple):
    """Where a static peer is. address: textual, IPv6 without brackets."""

    address: str
    port: int


class RegistrarUri(NamedTuple):
    """A registrar's URI (RFC 3261 10.2: no user part). port 0: found as RFC 3263 says."""

    scheme: str
    host: str
    port: int
    parameters: str


def parse_address(text: str) -> IpAddress:
    """An IP address without zone. Raises ValueRefused."""
    try:
        address = ip_address(text)
    except ValueError:
        raise ValueRefused(f"{show_text(text)} is not an IP address") from None
    if "%" in text:
        raise ValueRefused(f"{show_text(text)} has a zone", "an address that is valid on every link")
    return address


def valid_listener_address(text: str) -> str:
    """One address of this machine. It stands in Via and Record-Route (RFC 3261 18.1.1), so it cannot be a wildcard."""
    address = parse_address(text)
    if address.is_unspecified:
        raise ValueRefused(f"{text} means every address at once", "the one address that phones are to reach")
    if address.is_multicast or text == "255.255.255.255":
        raise ValueRefused(f"{text} is not an address of one machine", "the one address that phones are to reach")
    return str(address)


def valid_network(text: str) -> IpNetwork:
    """A network in CIDR form; a lone address is the network of itself."""
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise ValueRefused(f"{show_text(text)} is not a network") from None
    if network.network_address != ip_address(text.partition("/")[0]):
        raise ValueRefused(f"{text} has bits set behind its prefix", f"{network} for the network, or the address alone")
    return network


def is_too_wide(network: IpNetwork) -> bool:
    """Whether it is no network of people who know each other, so that whoever trusts it trusts strangers."""
    return network.prefixlen < FRIENDS_BITS_MINIMUM[network.version]


def valid_port(text: str) -> int:
    """A UDP or TCP port."""
    if PORT_FORM.fullmatch(text) is None or not 1 <= int(text) <= 65535:
        raise ValueRefused(f"{show_text(text)} is not a port")
    return int(text)


def valid_port_range(text: str) -> PortRange:
    """FIRST-LAST; RTP and RTCP want at least two (RFC 3550 11)."""
    match = PORT_RANGE_FORM.fullmatch(text)
    if match is None:
        raise ValueRefused(f"{show_text(text)} is not a range of ports")
    ports = PortRange(valid_port(match[1]), valid_port(match[2]))
    if ports.last - ports.first + 1 < RANGE_PORTS_MINIMUM:
        raise ValueRefused(f"{text} has fewer than {RANGE_PORTS_MINIMUM} ports", "FIRST-LAST with FIRST below LAST")
    return ports


def valid_domain(text: str) -> str:
    """A host name or an IP address, in small letters, IPv6 without brackets and compressed."""
    unwrapped = text[1:-1] if text.startswith("[") and text.endswith("]") and ":" in text else text
    if ":" in unwrapped or unwrapped.replace(".", "").isdigit():
        return str(parse_address(unwrapped))
    if DOMAIN_FORM.fullmatch(text) is None or len(text) > DOMAIN_CHARACTERS:
        raise ValueRefused(f"{show_text(text)} is neither a host name nor an IP address")
    return text.rstrip(".").lower()


def valid_name_server(text: str) -> AddressPort:
    """ADDRESS, or ADDRESS:PORT with the address of IPv6 in brackets."""
    if ADDRESS_PORT_FORM.fullmatch(text) is None:
        return AddressPort(str(parse_address(text)), DNS_PORT)
    return valid_address_port(text)


def valid_domain_name(text: str) -> str:
    """The name of a domain: no address, and already in the form in which it is compared."""
    domain = valid_domain(text)
    if domain != text or domain.replace(".", "").isdigit() or ":" in domain:
        raise ValueRefused(f"{show_text(text)} is not the name of a domain")
    return domain


def valid_address_port(text: str) -> AddressPort:
    """ADDRESS:PORT, the address of IPv6 in brackets."""
    match = ADDRESS_PORT_FORM.fullmatch(text)
    if match is None:
        raise ValueRefused(f"{show_text(text)} is not an address with a port")
    address = parse_address(match[1] or match[2])
    if (address.version == 6) is (match[1] is None):
        raise ValueRefused(f"{show_text(text)} is not an address with a port")
    return AddressPort(str(address), valid_port(match[3]))


def valid_registrar(text: str) -> RegistrarUri:
    """A SIP URI without user part (RFC 3261 10.2)."""
    match = REGISTRAR_FORM.fullmatch(text)
    if match is None:
        raise ValueRefused(f"{show_text(text)} is not the URI of a registrar")
    port = valid_port(match[3]) if match[3] else 0
    return RegistrarUri(match[1].lower(), valid_domain(match[2]), port, match[4])


LISTENER_ADDRESS = Kind("address", "an IPv4 or IPv6 address of this machine", valid_listener_address)
NETWORK = Kind("network", "a network such as 192.168.1.0/24 or an address", valid_network)
PORT = Kind("port", "1 to 65535", valid_port)
PORT_RANGE = Kind("port-range", "FIRST-LAST, such as 30000-39999", valid_port_range)
DOMAIN = Kind("domain", "a host name such as office.test or an IP address", valid_domain)
DOMAIN_NAME = Kind("domain-name", "a domain in small letters such as other.test", valid_domain_name)
NAME_SERVER = Kind("name-server", "ADDRESS or ADDRESS:PORT, such as 192.168.1.1 or [2001:db8::1]:53", valid_name_server)
ADDRESS_PORT = Kind("address-port", "ADDRESS:PORT, such as 192.0.2.1:5060 or [2001:db8::1]:5060", valid_address_port)
REGISTRAR_URI = Kind("registrar", "a SIP URI without user, such as sip:carrier.test:5060", valid_registrar)
