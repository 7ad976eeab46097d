# SPDX-License-Identifier: Apache-2.0
"""Arithmetic on the 16-bit sequence numbers and 32-bit timestamps of RTP, which wrap (RFC 3550 5.1)."""

SEQUENCE_MODULUS = 1 << 16
TIMESTAMP_MODULUS = 1 << 32


def count_steps(earlier: int, later: int, modulus: int = SEQUENCE_MODULUS) -> int:
    """How far `later` lies behind `earlier` on the shorter way round: -modulus/2 to modulus/2 - 1."""
    half = modulus // 2
    return (later - earlier + half) % modulus - half


def is_later(one: int, other: int, modulus: int = SEQUENCE_MODULUS) -> bool:
    """Whether `one` comes after `other`."""
    return count_steps(other, one, modulus) > 0


def extend_sequence(sequence: int, reference: int) -> int:
    """The extended sequence number nearest to the extended `reference` (RFC 3550 6.4.1); never negative."""
    extended = reference + count_steps(reference % SEQUENCE_MODULUS, sequence)
    return extended if extended >= 0 else extended + SEQUENCE_MODULUS
