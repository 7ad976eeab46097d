# SPDX-License-Identifier: Apache-2.0
"""The limited STUN server that shares the SIP port over UDP, for keep-alives of phones behind NAT (RFC 5626 section 8,
RFC 5389). It keeps nothing, and answers a Binding request with little more than it is made of.
"""

from ipaddress import ip_address
from struct import Struct
from typing import Final
from zlib import crc32

MAGIC_COOKIE: Final = 0x2112A442
BINDING_REQUEST, BINDING_INDICATION, BINDING_SUCCESS, BINDING_ERROR = 0x0001, 0x0011, 0x0101, 0x0111
ERROR_CODE, UNKNOWN_ATTRIBUTES, XOR_MAPPED_ADDRESS = 0x0009, 0x000A, 0x0020
FIRST_OCTETS: Final = 4             # the two most significant bits of STUN are zero (RFC 5389 6), those of SIP are not
COMPREHENSION_OPTIONAL = 0x8000
FINGERPRINT, FINGERPRINT_MASK = 0x8028, 0x5354554E      # RFC 5389 15.5
# what a Binding request may carry and we need not look at: USERNAME, MESSAGE-INTEGRITY (nobody is authenticated here)
_IGNORED: Final = frozenset({0x0006, 0x0008})
_UNKNOWN_NAMED_MAX = 4              # an error names so many attributes at most: an answer is no amplifier
_HEADER: Final = Struct("!HHI12s")
_ATTRIBUTE: Final = Struct("!HH")
_COOKIE_OCTETS: Final = MAGIC_COOKIE.to_bytes(4, "big")


def is_stun(octets: bytes) -> bool:
    """Whether a datagram can be STUN and cannot be SIP, by its first octet (RFC 5626 section 8)."""
    return len(octets) >= _HEADER.size and octets[0] < FIRST_OCTETS


def answer_binding_request(octets: bytes, host: bytes, port: int) -> bytes:
    """The answer to one datagram from this address (numeric, no brackets); b"" for whatever deserves none."""
    kind, length, cookie, transaction = _HEADER.unpack_from(octets)
    # RFC 5389 7.3: a cookie, a whole number of words that are all there; anything else is dropped silently
    if kind != BINDING_REQUEST or cookie != MAGIC_COOKIE or length % 4 or length != len(octets) - _HEADER.size:
        return b""
    unknown = _find_unknown(octets)
    if unknown is None or not _has_sound_fingerprint(octets):
        return b""
    if unknown:                     # 7.3.1: comprehension-required and not comprehended
        return _build(BINDING_ERROR, transaction, _error_attributes(unknown))
    return _build(BINDING_SUCCESS, transaction, _xor_mapped_address(host, port, transaction))


def _find_unknown(octets: bytes) -> list[int] | None:
    """Attributes that would have to be understood; None where they do not fit the message."""
    unknown: list[int] = []
    at = _HEADER.size
    while at < len(octets):
        kind, size = _ATTRIBUTE.unpack_from(octets, at)
        at += _ATTRIBUTE.size + (size + 3 & ~3)         # 15: padded to a multiple of four
        if at > len(octets):
            return None
        if kind < COMPREHENSION_OPTIONAL and kind not in _IGNORED and len(unknown) < _UNKNOWN_NAMED_MAX:
            unknown.append(kind)
    return unknown


def _has_sound_fingerprint(octets: bytes) -> bool:
    """7.3: a FINGERPRINT is right where there is one. It is the last attribute (15.5), or it says nothing."""
    at, kind, size = _HEADER.size, 0, 0
    while at < len(octets):
        kind, size = _ATTRIBUTE.unpack_from(octets, at)
        if kind == FINGERPRINT:
            break
        at += _ATTRIBUTE.size + (size + 3 & ~3)
    if kind != FINGERPRINT:
        return True
    expected = (crc32(octets[:at]) ^ FINGERPRINT_MASK).to_bytes(4, "big")
    return size == len(expected) and octets[at + _ATTRIBUTE.size:] == expected


def _build(kind: int, transaction: bytes, attributes: bytes) -> bytes:
    return _HEADER.pack(kind, len(attributes), MAGIC_COOKIE, transaction) + attributes


def _xor_mapped_address(host: bytes, port: int, transaction: bytes) -> bytes:
    """15.2: the source address as we see it, masked so that no NAT on the way rewrites it."""
    address = ip_address(host.decode("ascii"))
    mask = _COOKIE_OCTETS if address.version == 4 else _COOKIE_OCTETS + transaction
    masked = bytes(one ^ other for one, other in zip(address.packed, mask, strict=True))
    family = 1 if address.version == 4 else 2
    value = bytes((0, family)) + (port ^ MAGIC_COOKIE >> 16).to_bytes(2, "big") + masked
    return _ATTRIBUTE.pack(XOR_MAPPED_ADDRESS, len(value)) + value


def _error_attributes(unknown: list[int]) -> bytes:
    """15.6 and 15.9: 420 Unknown Attribute, and which."""
    error = b"\0\0\x04\x14"         # class 4, number 20, no reason phrase
    names = b"".join(kind.to_bytes(2, "big") for kind in unknown)
    return (_ATTRIBUTE.pack(ERROR_CODE, len(error)) + error
            + _ATTRIBUTE.pack(UNKNOWN_ATTRIBUTES, len(names)) + names + b"\0" * (-len(names) % 4))
