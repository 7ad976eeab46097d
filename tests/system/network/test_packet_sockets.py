# SPDX-License-Identifier: Apache-2.0
"""Packets as they are on the wire: IP, UDP, ARP; and that whatever a neighbour sends is read or passed over."""

import struct
from ipaddress import IPv4Address

from hypothesis import given
from hypothesis import strategies as st

from appliance.system.network.packet_sockets import (
    add_up,
    read_arp,
    read_datagram,
    write_arp_probe,
    write_datagram,
)

SOURCE, DESTINATION = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")
MAC = bytes.fromhex("020000000001")


def sum_of_words(octets):
    """RFC 1071 4.1, added up the slow way."""
    total = 0
    for index in range(0, len(octets), 2):
        total += octets[index] * 256 + (octets[index + 1] if index + 1 < len(octets) else 0)
        total = (total & 0xFFFF) + total // 0x10000
    return total


def turned_round(packet):
    """The same datagram from the server's port to ours."""
    return packet[:20] + packet[22:24] + packet[20:22] + packet[24:]


@given(st.binary(max_size=600))
def test_a_datagram_has_the_sums_of_its_words_and_carries_its_octets(octets):
    packet = write_datagram(octets, SOURCE, DESTINATION)
    assert sum_of_words(packet[:20]) == 0xFFFF
    pseudo = SOURCE.packed + DESTINATION.packed + struct.pack("!HH", 17, 8 + len(octets))
    assert sum_of_words(pseudo + packet[20:]) == 0xFFFF
    assert struct.unpack("!HH", packet[20:24]) == (68, 67)
    assert read_datagram(turned_round(packet)) == octets
    assert read_datagram(packet) is None            # it does not come from a server


@given(st.binary(max_size=100))
def test_any_packet_is_read_or_passed_over(packet):
    read_datagram(packet)
    read_arp(packet)


@given(st.binary(max_size=40), st.integers(0, 67))
def test_a_datagram_that_is_cut_off_is_passed_over(octets, kept):
    packet = turned_round(write_datagram(octets, SOURCE, DESTINATION))
    if kept < len(packet):
        assert read_datagram(packet[:kept]) is None


def test_a_probe_asks_for_the_address_without_claiming_it():
    """RFC 5227 2.1.1: the sender's protocol address is all zeroes."""
    probe = write_arp_probe(MAC, DESTINATION)
    assert probe.hex() == "0001080006040001" + MAC.hex() + "00000000" + "000000000000" + DESTINATION.packed.hex()
    assert read_arp(probe) == (MAC, IPv4Address(0))


def test_the_checksum_of_the_example():
    """RFC 1071 3: the words 0001 f203 f4f5 f6f7 sum up to ddf2."""
    assert add_up(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2
