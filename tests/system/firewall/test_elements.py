# SPDX-License-Identifier: Apache-2.0
"""Elements of sets: networks become intervals that do not touch, and lists fit into an attribute."""

from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from appliance.system.firewall.elements import (
    FLAGS,
    NEW_ELEMENT,
    Pinhole,
    order_ban,
    order_elements,
    order_pinholes,
    read_key,
    write_element,
    write_intervals,
)
from appliance.system.firewall.netlink_octets import read_attributes

NETWORKS = st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)).map(
    lambda one: ip_network((one[0], one[1]), strict=False)), max_size=10)


def bounds_of(networks):
    elements = [dict(read_attributes(next(read_attributes(one))[1])) for one in write_intervals(networks)]
    return [(int.from_bytes(read_key(one), "big"), FLAGS in one) for one in elements]


@given(NETWORKS, st.integers(0, 2**32 - 1))
def test_an_address_is_in_the_intervals_exactly_if_it_is_in_a_network(networks, number):
    bounds = bounds_of(networks)
    assert bounds == sorted(bounds)
    assert len({bound for bound, _ in bounds}) == len(bounds)
    for probe in (number, *(int(one.network_address) for one in networks),
                  *(int(one.broadcast_address) for one in networks)):
        before = [is_end for bound, is_end in bounds if bound <= probe]
        is_held = bool(before) and not before[-1]
        assert is_held is any(ip_address(probe) in one for one in networks)


def test_an_interval_that_reaches_the_last_address_has_no_end():
    assert bounds_of([ip_network("255.255.255.0/24")]) == [(0xFFFFFF00, False)]
    assert bounds_of([ip_network("0.0.0.0/0")]) == [(0, False)]


def test_long_lists_are_several_messages():
    elements = [write_element(number.to_bytes(4, "big")) for number in range(2500)]
    orders = list(order_elements(NEW_ELEMENT, "bans4", elements, "bans"))
    assert len(orders) == 3
    assert all(len(one.body) < 65536 for one in orders)


def test_a_ban_takes_the_place_of_an_earlier_one():
    assert [one.kind for one in order_ban(ip_address("198.51.100.1"), 60, "x")] == [12, 14, 12]


def test_pinholes_of_both_families_go_into_their_own_sets():
    orders = list(order_pinholes(NEW_ELEMENT, [Pinhole(ip_address("192.0.2.1"), 30000),
                                               Pinhole(ip_address("2001:db8::1"), 30000)]))
    assert [b"pinholes4\0" in one.body for one in orders] == [True, False]
    assert bytes([192, 0, 2, 1, 0x75, 0x30, 0, 0]) in orders[0].body
    assert list(order_pinholes(NEW_ELEMENT, [])) == []
