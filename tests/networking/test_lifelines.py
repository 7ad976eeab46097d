# SPDX-License-Identifier: Apache-2.0
"""Whom the office cannot do without: said in the configuration or by a DHCP server."""

from ipaddress import IPv4Address, IPv4Interface, IPv4Network, ip_network

from appliance.networking.dhcp_lease import DhcpLease
from appliance.networking.lifelines import list_lifelines
from appliance.networking.side import Side
from tests.config.office import load_smallest

BOX = ("set network managed true", "set network interface eth0 role wan", "set system country de")
LEASE = DhcpLease(
    IPv4Interface("203.0.113.5/24"), IPv4Address("203.0.113.2"), 600, 300, 525,
    routers=(IPv4Address("203.0.113.1"),), name_servers=(IPv4Address("198.51.100.53"),),
    routes=((IPv4Network("10.0.0.0/8"), IPv4Address("203.0.113.9")), (IPv4Network("10.1.0.0/16"), IPv4Address(0))))


def lifelines_of(*lines, lease=None):
    result = load_smallest(*BOX, *lines)
    assert not result.has_errors(), result.findings
    sides = {"wan": Side("wan", "eth0", lease.address if lease else None, True, lease)}
    return set(map(str, list_lifelines(result.configuration, sides)))


def hosts(*addresses):
    return {str(ip_network(one)) for one in addresses}


def test_what_a_dhcp_server_says_and_itself():
    assert lifelines_of(lease=LEASE) == hosts("203.0.113.1", "203.0.113.2", "203.0.113.9", "198.51.100.53")


def test_what_the_configuration_says():
    assert lifelines_of(
        "set network wan address 203.0.113.5/24", "set network wan gateway 203.0.113.1",
        "set network route r to 10.0.0.0/8", "set network route r via 203.0.113.7",
        "set network ntp server 198.51.100.123", "set network ntp server ntp.example.net",
        "set system dns 198.51.100.54", "set system dns 2001:db8::53",
    ) == hosts("203.0.113.1", "203.0.113.7", "198.51.100.123", "198.51.100.54", "2001:db8::53")


def test_name_servers_of_the_configuration_take_the_place_of_those_that_a_dhcp_server_says():
    assert "198.51.100.53/32" not in lifelines_of("set system dns 198.51.100.54", lease=LEASE)
