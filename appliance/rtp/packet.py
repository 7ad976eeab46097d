# SPDX-License-Identifier: Apache-2.0
"""One RTP packet, read from octets and written to them (RFC 3550 5.1, 5.3.1)."""

import struct
from typing import NamedTuple

from appliance.errors import PeerError

VERSION = 2
_FIXED = struct.Struct("!BBHII")
_EXTENSION = struct.Struct("!HH")
CONTRIBUTORS_LIMIT = 15


class HeaderExtension(NamedTuple):
    """RFC 3550 5.3.1. content: whole 32-bit words."""

    profile: int
    content: bytes


class RtpPacket(NamedTuple):
    """payload: without padding. padding_size_octets counts its own last octet; 0 is none."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes = b""
    is_marked: bool = False
    contributors: tuple[int, ...] = ()
    extension: HeaderExtension | None = None
    padding_size_octets: int = 0


def read_packet(octets: bytes) -> RtpPacket:
    """Raises PeerError (no answer is possible) for what is no RTP packet."""
    if len(octets) < _FIXED.size:
        raise _refuse("shorter than an RTP header", octets)
    first, second, sequence, timestamp, ssrc = _FIXED.unpack_from(octets)
    if first >> 6 != VERSION:
        raise _refuse(f"RTP version {first >> 6}", octets)
    position = _FIXED.size + 4 * (first & 0x0F)
    if position > len(octets):
        raise _refuse("shorter than its CSRC list", octets)
    contributors = struct.unpack_from(f"!{first & 0x0F}I", octets, _FIXED.size)
    extension, position = _read_extension(octets, position) if first & 0x10 else (None, position)
    padding_size_octets = _read_padding(octets, position) if first & 0x20 else 0
    return RtpPacket(second & 0x7F, sequence, timestamp, ssrc, octets[position:len(octets) - padding_size_octets],
                     bool(second & 0x80), contributors, extension, padding_size_octets)


def _read_extension(octets: bytes, position: int) -> tuple[HeaderExtension, int]:
    begin = position + _EXTENSION.size
    if begin > len(octets):
        raise _refuse("shorter than its header extension", octets)
    profile, words = _EXTENSION.unpack_from(octets, position)
    end = begin + 4 * words
    if end > len(octets):
        raise _refuse("shorter than its header extension", octets)
    return HeaderExtension(profile, octets[begin:end]), end


def _read_padding(octets: bytes, position: int) -> int:
    size_octets = octets[-1]
    if not 1 <= size_octets <= len(octets) - position:
        raise _refuse(f"padding of {size_octets} octets", octets)
    return size_octets


def write_packet(packet: RtpPacket) -> bytes:
    """The octets of a packet whose numbers are in range. Raises struct.error or ValueError otherwise."""
    if len(packet.contributors) > CONTRIBUTORS_LIMIT or not 0 <= packet.payload_type < 128:
        raise ValueError("at most 15 contributors, payload type 0 to 127")
    if not 0 <= packet.padding_size_octets < 256:
        raise ValueError("padding of 0 to 255 octets")
    first = VERSION << 6 | bool(packet.padding_size_octets) << 5 | (packet.extension is not None) << 4
    header = _FIXED.pack(first | len(packet.contributors), packet.is_marked << 7 | packet.payload_type,
                         packet.sequence, packet.timestamp, packet.ssrc)
    parts = [header, struct.pack(f"!{len(packet.contributors)}I", *packet.contributors)]
    if packet.extension is not None:
        if len(packet.extension.content) % 4:
            raise ValueError("a header extension is made of whole 32-bit words")
        parts += [_EXTENSION.pack(packet.extension.profile, len(packet.extension.content) // 4),
                  packet.extension.content]
    parts.append(packet.payload)
    if packet.padding_size_octets:
        parts.append(bytes(packet.padding_size_octets - 1) + bytes([packet.padding_size_octets]))
    return b"".join(parts)


def _refuse(reason: str, octets: bytes) -> PeerError:
    return PeerError(reason, 0, octets, "RFC 3550 5.1")
