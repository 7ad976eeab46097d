# SPDX-License-Identifier: Apache-2.0
"""What a DHCP server says: octets of RFC 2131, 2132, 3361, 3396, 3442 to a lease; and nothing else gets in."""

import struct
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import PeerError
from appliance.networking.dhcp_message import read_reply
from appliance.networking.dhcp_options import read_kept_lease, read_lease, write_lease

COOKIE = b"\x63\x82\x53\x63"
REQUIRED = ((53, b"\5"), (54, bytes((203, 0, 113, 1))), (51, struct.pack("!I", 3600)))


def reply(*options, address="203.0.113.100", sname=b"", file=b"", required=REQUIRED):
    octets = b"\2\1\6\0" + b"abcd" + bytes(8) + IPv4Address(address).packed + bytes(8)
    octets += b"\2\0\0\0\0\1".ljust(16, b"\0") + sname.ljust(64, b"\0") + file.ljust(128, b"\0") + COOKIE
    return octets + b"".join(bytes((number, len(text))) + text for number, text in (*required, *options)) + b"\xff"


def lease_of(*options, **said):
    return read_lease(read_reply(reply(*options, **said)))


def test_everything_that_a_server_says_is_read():
    lease = lease_of((1, b"\xff\xff\xff\xc0"), (3, bytes((203, 0, 113, 65))), (6, bytes((8, 8, 8, 8, 8, 8, 4, 4))),
                     (15, b"provider.example\0"), (42, bytes((203, 0, 113, 9))), (26, b"\5\xa0"),
                     (58, struct.pack("!I", 600)), (59, struct.pack("!I", 1200)))
    assert lease.address == IPv4Interface("203.0.113.100/26")
    assert (lease.lease_s, lease.renewal_s, lease.rebinding_s, lease.mtu) == (3600, 600, 1200, 1440)
    assert lease.name_servers == (IPv4Address("8.8.8.8"), IPv4Address("8.8.4.4"))
    assert (lease.domain, lease.routers, lease.time_servers) == (
        "provider.example", (IPv4Address("203.0.113.65"),), (IPv4Address("203.0.113.9"),))


def test_classless_routes_are_those_of_the_example():
    """RFC 3442: width, significant octets, router."""
    octets = bytes((0, 10, 0, 0, 1, 8, 10, 10, 0, 0, 2, 24, 10, 0, 0, 10, 0, 0, 3, 25, 10, 198, 122, 128, 10, 0, 0, 4))
    assert lease_of((121, octets)).routes == (
        (IPv4Network("0.0.0.0/0"), IPv4Address("10.0.0.1")), (IPv4Network("10.0.0.0/8"), IPv4Address("10.0.0.2")),
        (IPv4Network("10.0.0.0/24"), IPv4Address("10.0.0.3")),
        (IPv4Network("10.198.122.128/25"), IPv4Address("10.0.0.4")))


def test_sip_servers_are_names_or_addresses():
    names = b"\0\7example\3com\0\3sip\7example\3net\0"
    assert lease_of((120, names)).sip_servers == ("example.com", "sip.example.net")
    assert lease_of((120, b"\1" + bytes((192, 0, 2, 1, 192, 0, 2, 2)))).sip_servers == ("192.0.2.1", "192.0.2.2")


def test_parts_of_a_long_option_are_joined():
    first, second = bytes((24, 10, 0)), bytes((1, 203, 0, 113, 9))
    assert lease_of((121, first), (121, second)).routes == ((IPv4Network("10.0.1.0/24"), IPv4Address("203.0.113.9")),)


def test_options_may_go_on_in_the_fields_of_file_and_server_name():
    lease = lease_of((52, b"\3"), file=b"\x0f\4a.ex\xff", sname=b"\6\4\1\2\3\4\xff")
    assert (lease.domain, lease.name_servers) == ("a.ex", (IPv4Address("1.2.3.4"),))
    assert lease_of(file=b"\x0f\4a.ex\xff").domain == ""


def test_without_a_mask_the_class_of_the_address_counts():
    assert lease_of(address="10.1.2.3").address == IPv4Interface("10.1.2.3/8")
    assert lease_of(address="172.16.2.3").address == IPv4Interface("172.16.2.3/16")
    assert lease_of().address == IPv4Interface("203.0.113.100/24")


@pytest.mark.parametrize(("number", "text"), [(1, b"\xff\0\xff\0"), (1, b"\0\0\0\0"), (1, b"\xff\xff\xff")])
def test_a_mask_with_holes_lends_nothing(number, text):
    assert lease_of((number, text)) is None


@pytest.mark.parametrize("domain", [b"a\nnameserver 6.6.6.6", b"a b", b"\xff\xff", b"-", b"a..b", b"x" * 64])
def test_a_domain_that_is_none_is_left_out(domain):
    assert lease_of((15, domain)).domain == ""


def test_times_that_cannot_be_are_replaced_by_the_usual_shares():
    for renewal_s, rebinding_s in ((0, 1200), (1200, 600), (600, 4000)):
        lease = lease_of((58, struct.pack("!I", renewal_s)), (59, struct.pack("!I", rebinding_s)))
        assert (lease.renewal_s, lease.rebinding_s) == (1800, 3150)


def test_an_mtu_that_is_too_small_to_be_meant_is_left_out():
    assert lease_of((26, b"\2\x40")).mtu == 0


@pytest.mark.parametrize("octets", [
    b"", bytes(239), reply()[:200], b"\1" + reply()[1:], reply().replace(COOKIE, b"abcd"), reply(required=()),
    reply(required=((53, b"\1"),)), reply(required=((53, b"\5\5"),)), reply()[:-1] + b"\x0f\x40abc",
    reply(*5 * [(121, bytes(255))]),
])
def test_what_is_no_reply_is_refused(octets):
    with pytest.raises(PeerError):
        read_reply(octets)


@given(st.binary(max_size=600))
def test_any_octets_are_read_or_refused(octets):
    try:
        read_lease(read_reply(octets))
    except PeerError:
        pass


@given(st.lists(st.tuples(st.sampled_from((1, 3, 6, 15, 26, 42, 51, 52, 54, 58, 59, 120, 121)),
                          st.binary(max_size=40)), max_size=12))
def test_a_lease_that_is_read_is_the_same_after_it_was_kept(options):
    lease = read_lease(read_reply(reply(*options)))
    if lease is not None:
        assert read_kept_lease(write_lease(lease, 1234.5)) == (lease, 1234.5)
        assert 0 < lease.renewal_s < lease.rebinding_s < lease.lease_s


@pytest.mark.parametrize("octets", [b"", b"{}", b"[]", b'{"address": 5}', b"\xff"])
def test_a_kept_lease_of_another_kind_is_refused(octets):
    with pytest.raises(ValueError):
        read_kept_lease(octets)
