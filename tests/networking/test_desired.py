# SPDX-License-Identifier: Apache-2.0
"""What is wanted of the network, from the configuration and from what DHCP servers have lent."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

import pytest

from appliance.networking.desired import decide_desired
from appliance.networking.dhcp_lease import DhcpLease
from appliance.networking.observed import ObservedNetwork
from appliance.networking.side import decide_sides
from appliance.networking.values import HeldAddress, Link, Route
from tests.config.office import load_smallest

WAN = ("set network interface eth0 role wan",)
STATIC = (*WAN, "set network wan address 203.0.113.5/24", "set network wan gateway 203.0.113.1")
LAN = ("set network interface eth1 role lan", "set network lan address 192.168.1.1/24")
LEASE = DhcpLease(IPv4Interface("198.51.100.7/24"), IPv4Address("198.51.100.1"), 3600, 1800, 3150,
                  routers=(IPv4Address("198.51.100.1"), IPv4Address("198.51.100.2")), mtu=1400)
DEFAULT = IPv4Network("0.0.0.0/0")


def network_of(*lines):
    result = load_smallest("set network managed true", *lines)
    assert not result.has_errors(), result.findings
    return result.configuration.network


def desired_of(*lines, **leases):
    return decide_desired(network_of(*lines), leases)


def test_static_addresses_and_the_gateway():
    desired = desired_of(*STATIC, *LAN)
    assert desired.addresses == {HeldAddress("eth0", IPv4Interface("203.0.113.5/24")),
                                 HeldAddress("eth1", IPv4Interface("192.168.1.1/24"))}
    assert desired.routes == {Route(DEFAULT, IPv4Address("203.0.113.1"), "eth0")}
    assert [link.name for link in desired.links] == ["lo", "eth0", "eth1"]


def test_two_interfaces_of_the_lan_are_ports_of_the_bridge_which_has_the_address():
    desired = desired_of(*LAN, "set network interface eth2 role lan")
    assert [(link.name, link.is_bridge, link.bridge) for link in desired.links] == [
        ("lo", False, ""), ("br-lan", True, ""), ("eth1", False, "br-lan"), ("eth2", False, "br-lan")]
    assert {one.link for one in desired.addresses} == {"br-lan"}


def test_without_a_lease_the_wan_has_links_but_no_address():
    desired = desired_of(*WAN, *LAN)
    assert {one.link for one in desired.addresses} == {"eth1"}
    assert desired.routes == frozenset()


def test_a_lease_gives_address_first_router_and_mtu():
    desired = desired_of(*WAN, wan=LEASE)
    assert desired.addresses == {HeldAddress("eth0", LEASE.address)}
    assert desired.routes == {Route(DEFAULT, IPv4Address("198.51.100.1"), "eth0")}
    assert {link.name: link.mtu for link in desired.links}["eth0"] == 1400
    said = desired_of(*WAN, "set network interface eth0 mtu 1300", wan=LEASE)
    assert {link.name: link.mtu for link in said.links}["eth0"] == 1300


def test_classless_routes_take_the_place_of_the_router():
    """RFC 3442; a router 0.0.0.0 is the link itself."""
    routes = ((IPv4Network("10.0.0.0/8"), IPv4Address("198.51.100.9")),
              (IPv4Network("172.16.0.0/12"), IPv4Address("0.0.0.0")))
    assert desired_of(*WAN, wan=replace(LEASE, routes=routes)).routes == {
        Route(IPv4Network("10.0.0.0/8"), IPv4Address("198.51.100.9"), "eth0"),
        Route(IPv4Network("172.16.0.0/12"), None, "eth0")}


def test_a_static_route_goes_before_what_dhcp_says_and_waits_for_its_router():
    lines = (*WAN, "set network route r to 10.0.0.0/8", "set network route r via 198.51.100.66")
    assert desired_of(*lines).routes == frozenset()
    lease = replace(LEASE, routes=((IPv4Network("10.0.0.0/8"), IPv4Address("198.51.100.9")),))
    assert desired_of(*lines, wan=lease).routes == {
        Route(IPv4Network("10.0.0.0/8"), IPv4Address("198.51.100.66"), "eth0")}


def test_with_two_leases_the_world_is_behind_the_wan():
    lan_lease = replace(LEASE, address=IPv4Interface("192.168.7.7/24"), routers=(IPv4Address("192.168.7.1"),), mtu=0)
    lines = (*WAN, "set network interface eth1 role lan", "set network lan address dhcp")
    assert desired_of(*lines, wan=LEASE, lan=lan_lease).routes == {
        Route(DEFAULT, IPv4Address("198.51.100.1"), "eth0")}
    assert desired_of(*lines, lan=lan_lease).routes == {Route(DEFAULT, IPv4Address("192.168.7.1"), "eth1")}


@pytest.mark.parametrize("address", ["192.168.1.210/24", "192.168.1.1/32", "192.168.1.130/25", "192.168.1.7/16"])
def test_a_lease_that_takes_the_network_of_the_lan_is_not_used(address):
    """A modem that gives addresses of its own 192.168.1.0/24 is common; it must not cut the phones off."""
    lease = replace(LEASE, address=IPv4Interface(address), routers=(IPv4Address("192.168.1.254"),))
    desired = desired_of(*WAN, *LAN, wan=lease)
    assert desired.addresses == {HeldAddress("eth1", IPv4Interface("192.168.1.1/24"))}
    assert desired.routes == frozenset()
    there = ObservedNetwork({}, desired.addresses, frozenset(), {})
    sides = decide_sides(network_of(*WAN, *LAN), {"wan": lease}, there)
    assert sides["wan"].lease is None
    assert (sides["wan"].fault, sides["wan"].detail) == ("network_lease_unusable", address)
    assert sides["lan"].fault == ""


def test_a_lease_of_a_wider_network_around_the_lan_is_used():
    lease = replace(LEASE, address=IPv4Interface("192.168.77.5/16"), routers=(IPv4Address("192.168.77.1"),))
    assert HeldAddress("eth0", lease.address) in desired_of(*WAN, *LAN, wan=lease).addresses


def test_of_two_leases_in_one_network_the_lan_has_it():
    lines = (*WAN, "set network interface eth1 role lan", "set network lan address dhcp")
    lan_lease = replace(LEASE, address=IPv4Interface("198.51.100.8/24"))
    assert desired_of(*lines, wan=LEASE, lan=lan_lease).addresses == {HeldAddress("eth1", lan_lease.address)}


def test_routes_of_the_wan_never_lead_into_the_lan_or_what_is_behind_it():
    routes = tuple((IPv4Network(to), IPv4Address("198.51.100.9")) for to in (
        "0.0.0.0/0", "192.168.1.0/25", "192.168.1.104/32", "192.168.0.0/16", "10.7.1.0/24", "10.8.0.0/16"))
    behind = ("set network route r to 10.7.0.0/16", "set network route r via 192.168.1.254")
    told = {route.to for route in desired_of(*WAN, *LAN, *behind, wan=replace(LEASE, routes=routes)).routes
            if route.link == "eth0"}
    assert told == {DEFAULT, IPv4Network("192.168.0.0/16"), IPv4Network("10.8.0.0/16")}


def test_a_lease_of_a_side_that_is_static_by_now_does_not_count():
    assert desired_of(*STATIC, wan=LEASE).addresses == {HeldAddress("eth0", IPv4Interface("203.0.113.5/24"))}


def test_packets_are_forwarded_only_between_a_lan_and_a_wan():
    assert ("ipv4/ip_forward", "1") in desired_of(*STATIC, *LAN).settings
    assert ("ipv4/ip_forward", "1") not in desired_of(*LAN).settings
    assert ("ipv4/ip_forward", "1") not in desired_of(*STATIC).settings


def test_a_side_has_an_address_when_its_link_really_has_it():
    network = network_of(*WAN, *LAN)
    link = Link("eth0", 2, "", 1500, "", "", True, True)
    without = ObservedNetwork({"eth0": link}, frozenset(), frozenset(), {})
    sides = decide_sides(network, {"wan": LEASE}, without)
    assert (sides["wan"].address, sides["wan"].has_carrier, sides["lan"].has_carrier) == (None, True, False)
    held = ObservedNetwork({"eth0": link}, frozenset({HeldAddress("eth0", LEASE.address)}), frozenset(), {})
    assert decide_sides(network, {"wan": LEASE}, held)["wan"].describe() == {
        "interface": "eth0", "address": "198.51.100.7", "prefix": 24, "has_carrier": True}
