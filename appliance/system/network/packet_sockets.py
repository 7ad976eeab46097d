# SPDX-License-Identifier: Apache-2.0
"""Packets below the addresses, packet(7): DHCP before there is an address (RFC 2131 4.1), and ARP probes (RFC 5227)."""

from __future__ import annotations

import ctypes
import socket
import struct
from ipaddress import IPv4Address
from typing import Final, NamedTuple

ETH_P_IP, ETH_P_ARP = 0x0800, 0x0806
SO_ATTACH_FILTER: Final = 26
BROADCAST_MAC: Final = b"\xff" * 6
BROADCAST: Final = IPv4Address("255.255.255.255")
SERVER_PORT, CLIENT_PORT = 67, 68
IP_HEADER: Final = struct.Struct("!BBHHHBBH4s4s")
UDP_HEADER: Final = struct.Struct("!HHHH")
ARP_PACKET: Final = struct.Struct("!HHBBH6s4s6s4s")
ARP_REQUEST, ETHERNET = 1, 1
TIME_TO_LIVE: Final = 64
LINK_OCTETS_MAXIMUM: Final = 2048

# bpf(4): only whole UDP datagrams to port 68 wake us, whatever else the WAN carries
DHCP_FILTER: Final = (
    (0x30, 0, 0, 9),            # ldb [9]            the protocol
    (0x15, 0, 6, 17),           # jeq #17            else nothing
    (0x28, 0, 0, 6),            # ldh [6]            fragment offset
    (0x45, 4, 0, 0x1FFF),       # jset #0x1fff       a later fragment: nothing
    (0xB1, 0, 0, 0),            # ldx 4*([0]&0xf)    length of the IP header
    (0x48, 0, 0, 2),            # ldh [x+2]          destination port
    (0x15, 0, 1, CLIENT_PORT),  # jeq #68            else nothing
    (0x06, 0, 0, 0xFFFF),       # ret #65535
    (0x06, 0, 0, 0),            # ret #0
)


class ArpPacket(NamedTuple):
    """Who says it: the addresses of the sender."""

    mac: bytes
    address: IPv4Address


class _FilterProgram(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def open_dhcp_socket(link: str) -> socket.socket:
    """Receives IP packets to port 68 on the link, whatever their address. Raises OSError."""
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 0)
    try:
        octets = b"".join(struct.pack("HBBI", *one) for one in DHCP_FILTER)
        instructions = ctypes.create_string_buffer(octets, len(octets))
        program = _FilterProgram(len(DHCP_FILTER), ctypes.addressof(instructions))
        opened.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, bytes(program))
        opened.bind((link, ETH_P_IP))       # after the filter: nothing else ever queues
    except OSError:
        opened.close()
        raise
    return opened


def open_arp_socket(link: str) -> socket.socket:
    """Sends and receives ARP on the link. Raises OSError."""
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 0)
    try:
        opened.bind((link, ETH_P_ARP))
    except OSError:
        opened.close()
        raise
    return opened


def write_datagram(octets: bytes, source: IPv4Address, destination: IPv4Address) -> bytes:
    """An IP packet with a UDP datagram from port 68 to port 67."""
    length = UDP_HEADER.size + len(octets)
    pseudo = source.packed + destination.packed + struct.pack("!HH", socket.IPPROTO_UDP, length)
    udp = UDP_HEADER.pack(CLIENT_PORT, SERVER_PORT, length, 0)
    checked = add_up(pseudo + udp + octets) or 0xFFFF       # 0 means that there is no checksum, RFC 768
    udp = UDP_HEADER.pack(CLIENT_PORT, SERVER_PORT, length, checked)
    fields = (0x45, 0, IP_HEADER.size + length, 0, 0, TIME_TO_LIVE, socket.IPPROTO_UDP)
    header = IP_HEADER.pack(*fields, 0, source.packed, destination.packed)
    header = IP_HEADER.pack(*fields, add_up(header), source.packed, destination.packed)
    return header + udp + octets


def read_datagram(packet: bytes) -> bytes | None:
    """What a datagram from a server's port carries, None for anything else. The checksum of UDP is not looked at: a
    sender on this machine leaves it to the hardware."""
    header_octets = (packet[0] & 0xF) * 4 if packet else 0
    if header_octets < IP_HEADER.size or len(packet) < header_octets + UDP_HEADER.size:
        return None
    source, destination, length, _checksum = UDP_HEADER.unpack_from(packet, header_octets)
    end = header_octets + length
    if (source, destination) != (SERVER_PORT, CLIENT_PORT) or length < UDP_HEADER.size or end > len(packet):
        return None
    return packet[header_octets + UDP_HEADER.size:end]


def write_arp_probe(mac: bytes, address: IPv4Address) -> bytes:
    """RFC 5227 2.1.1: asks for the address without claiming it."""
    return ARP_PACKET.pack(ETHERNET, ETH_P_IP, 6, 4, ARP_REQUEST, mac, bytes(4), bytes(6), address.packed)


def read_arp(packet: bytes) -> ArpPacket | None:
    """Who speaks, None for what is no ARP of IPv4 on Ethernet."""
    if len(packet) < ARP_PACKET.size:
        return None
    hardware, protocol, mac_octets, address_octets, _, mac, address, _, _ = ARP_PACKET.unpack_from(packet)
    if (hardware, protocol, mac_octets, address_octets) != (ETHERNET, ETH_P_IP, 6, 4):
        return None
    return ArpPacket(mac, IPv4Address(address))


def add_up(octets: bytes) -> int:
    """The checksum of RFC 1071."""
    padded = octets + bytes(len(octets) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF
