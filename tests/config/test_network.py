# SPDX-License-Identifier: Apache-2.0
"""`set network`: what is understood, what is refused, and by which words."""

from ipaddress import IPv4Address, IPv4Interface, IPv4Network

import pytest

from tests.config.office import load_smallest

LAN = ("set network interface eth1 role lan", "set network lan address 192.168.1.1/24")
WAN = ("set network interface eth0 role wan",)
STATIC = (*WAN, "set network wan address 203.0.113.5/24", "set network wan gateway 203.0.113.1")
RANGE = "set network dhcp range 192.168.1.100-192.168.1.199"


def errors_of(*lines):
    result = load_smallest("set network managed true", *lines)
    return [(one.id, one.path) for one in result.findings if one.is_error()]


def network_of(*lines):
    result = load_smallest("set network managed true", *lines)
    assert not result.has_errors(), result.findings
    return result.configuration.network


def test_the_wan_gets_its_address_by_dhcp_unless_one_is_said():
    assert network_of(*WAN).wan_is_dynamic
    assert not network_of(*STATIC).wan_is_dynamic
    assert not network_of(*LAN).wan_is_dynamic
    assert network_of(*STATIC).wan_address == IPv4Interface("203.0.113.5/24")
    assert network_of(*STATIC).gateway == IPv4Address("203.0.113.1")


def test_several_interfaces_of_the_lan_are_one_bridge():
    assert network_of(*LAN).lan_link() == "eth1"
    assert network_of(*LAN, "set network interface eth2 role lan").lan_link() == "br-lan"
    assert network_of(*WAN).lan_link() == ""
    assert network_of(*LAN, *WAN).wan_link() == "eth0"


def test_the_dhcp_server_has_its_hosts_and_options():
    network = network_of(*LAN, RANGE, "set network dhcp host p1 mac 02:00:00:00:00:AA",
                         "set network dhcp host p1 address 192.168.1.20", "set network dhcp option 66 http://x/")
    server = network.dhcp_server
    assert [(one.name, one.mac, str(one.address)) for one in server.hosts] == [
        ("p1", "02:00:00:00:00:aa", "192.168.1.20")]
    assert (server.lease_s, server.options) == (3600, {66: "http://x/"})


def test_the_time_comes_from_the_country_unless_a_server_is_said():
    assert network_of(*LAN).ntp_servers == ("ntp.nict.jp",)
    assert network_of(*LAN, "set system country de").ntp_servers == ()
    assert network_of(*LAN, "set network ntp server a.example").ntp_servers == ("a.example",)


def test_routes_may_lead_by_a_neighbour_on_either_side():
    network = network_of(*LAN, *STATIC, "set network route branch to 10.0.0.0/8",
                         "set network route branch via 192.168.1.254")
    assert network.routes["branch"].to == IPv4Network("10.0.0.0/8")


@pytest.mark.parametrize(("lines", "expected"), [
    ((), ("no-interface", "network managed")),
    ((*WAN, "set network interface eth2 role wan"), ("second-wan", "network interface eth2 role")),
    (("set network interface eth1 role lan",), ("missing", "network lan address")),
    ((*WAN, "set network lan address 192.168.1.1/24"), ("no-interface", "network lan address")),
    ((*LAN, "set network wan gateway 192.168.1.9"), ("no-interface", "network wan gateway")),
    ((*LAN, *WAN, "set network wan address 192.168.0.5/16", "set network wan gateway 192.168.0.1"),
     ("networks-overlap", "network lan address")),
    ((*WAN, "set network wan gateway 203.0.113.1"), ("gateway-by-dhcp", "network wan gateway")),
    ((*WAN, "set network wan address 203.0.113.5/24", "set network wan gateway 203.0.114.1"),
     ("gateway", "network wan gateway")),
    ((*WAN, "set network wan address 203.0.113.5/24", "set network wan gateway 203.0.113.255"),
     ("gateway", "network wan gateway")),
    ((*LAN, "set network dhcp range 192.168.2.100-192.168.2.199"), ("dhcp-range", "network dhcp range")),
    ((*LAN, "set network dhcp range 192.168.1.1-192.168.1.199"), ("dhcp-range", "network dhcp range")),
    ((*LAN, "set network dhcp range 192.168.1.100-192.168.1.255"), ("dhcp-range", "network dhcp range")),
    (("set network interface eth1 role lan", "set network lan address dhcp", RANGE),
     ("dhcp-lan", "network dhcp range")),
    ((*LAN, RANGE, "set network dhcp host a mac 02:00:00:00:00:01", "set network dhcp host a address 192.168.2.1"),
     ("dhcp-host", "network dhcp host a address")),
    ((*LAN, RANGE, "set network dhcp host a mac 02:00:00:00:00:01", "set network dhcp host a address 192.168.1.1"),
     ("dhcp-host", "network dhcp host a address")),
    ((*LAN, RANGE, "set network dhcp host a address 192.168.1.9"), ("missing", "network dhcp host a mac")),
    ((*LAN, RANGE, "set network dhcp option 42 ntp.nict.jp"), ("dhcp-option", "network dhcp option 42")),
    ((*LAN, RANGE, "set network dhcp option 6 192.168.1.53,"), ("dhcp-option", "network dhcp option 6")),
    ((*LAN, "set network route r to 10.0.0.0/8", "set network route r via 172.16.0.1"),
     ("route-via", "network route r via")),
    ((*LAN, "set network route r to 10.0.0.0/8", "set network route r via 192.168.1.1"),
     ("route-via", "network route r via")),
    ((*LAN, "set network route r to 192.168.1.0/24", "set network route r via 192.168.1.9"),
     ("route-own", "network route r to")),
    ((*LAN, *STATIC, "set network route r to 0.0.0.0/0", "set network route r via 192.168.1.9"),
     ("route-twice", "network route r to")),
    ((*LAN, "set network interface eth2 role lan", "set network interface eth1 mac 02:00:00:00:00:01",
      "set network interface eth2 mac 02:00:00:00:00:01"), ("same-mac", "network interface eth2 mac")),
])
def test_what_cannot_be_together_is_refused_at_its_path(lines, expected):
    assert errors_of(*lines) == [expected]


@pytest.mark.parametrize("line", [
    "set network interface br-lan role lan",
    "set network interface lo role lan",
    "set network interface a/b role lan",
    "set network interface abcdefghijklmnop role lan",
    "set network lan address 192.168.1.1",
    "set network lan address 192.168.1.0/24",
    "set network lan address 192.168.1.255/24",
    "set network lan address 2001:db8::1/64",
    "set network lan address 224.0.0.1/24",
    "set network lan address 192.168.1.1/33",
    "set network interface eth1 mac 01:00:00:00:00:01",
    "set network interface eth1 mac 00:00:00:00:00:00",
    "set network interface eth1 mtu 100",
    "set network dhcp range 192.168.1.199-192.168.1.100",
    "set network dhcp range 192.168.1.100",
    "set network dhcp lease 60",
    "set network dhcp option 51 60",
    "set network dhcp option 255 x",
    "set network dhcp option 66 \"a\\\"b\"",
    "set network dhcp host a.b mac 02:00:00:00:00:01",
    "set network route r to 10.0.0.1/8",
    "set network route r to 2001:db8::/32",
])
def test_a_value_that_is_none_is_refused(line):
    assert {one.id for one in load_smallest(line).findings if one.is_error()} & {"wrong-value", "wrong-name"}


def test_a_static_wan_without_name_servers_is_warned_of():
    def warnings_of(*lines):
        result = load_smallest("set network managed true", *lines)
        return [one.id for one in result.findings if one.id == "no-name-server"]
    assert warnings_of(*STATIC) == ["no-name-server"]
    assert warnings_of(*STATIC, "set system dns 203.0.113.1") == warnings_of(*WAN) == warnings_of(*LAN) == []


def test_a_static_wan_without_gateway_and_a_server_without_range_are_warned_of():
    lines = (*LAN, *WAN, "set network wan address 203.0.113.5/24", "set network dhcp lease 7200")
    result = load_smallest("set network managed true", *lines)
    assert {one.id for one in result.findings} >= {"no-gateway", "no-dhcp-range"}
    assert not result.has_errors()
