# SPDX-License-Identifier: Apache-2.0
"""PCMU and PCMA payloads as 16-bit samples (ITU-T G.711; RFC 3551 4.5.14): an octet a sample, 8000 Hz."""

from __future__ import annotations

from array import array

CLOCK_RATE_HZ = 8000
PCMU, PCMA = 0, 8                   # static payload types, RFC 3551 6


def _expand_mu_law(octet: int) -> int:
    """G.711 table 2: all bits inverted; sign, three bits of segment, four of step; 14 bits wide, here 16."""
    inverted = ~octet & 0xFF
    magnitude = (((inverted & 0x0F) << 3) + 0x84 << ((inverted & 0x70) >> 4)) - 0x84
    return -magnitude if inverted & 0x80 else magnitude


def _expand_a_law(octet: int) -> int:
    """G.711 table 1: even bits inverted; the sign bit is set for positive values; 13 bits wide, here 16."""
    turned = octet ^ 0x55
    segment, step = (turned & 0x70) >> 4, (turned & 0x0F) << 4
    magnitude = step + 8 if segment == 0 else step + 0x108 << segment - 1
    return magnitude if turned & 0x80 else -magnitude


_TABLES = {PCMU: tuple(map(_expand_mu_law, range(256))), PCMA: tuple(map(_expand_a_law, range(256)))}


def decode_payload(payload_type: int, payload: bytes) -> array[int]:
    """Samples ("h", -32124 to 32124 or -32256 to 32256). Raises KeyError for payload types that are not G.711."""
    return array("h", map(_TABLES[payload_type].__getitem__, payload))
