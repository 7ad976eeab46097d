# SPDX-License-Identifier: Apache-2.0
"""Slow, obvious digest arithmetic that the island is compared with: SipHash-2-4, response digests, one client."""

import hashlib
import re

MASK = (1 << 64) - 1


def rotate(word: int, turn: int) -> int:
    return (word << turn | word >> 64 - turn) & MASK


def mix(v: list[int]) -> None:
    v[0] = v[0] + v[1] & MASK
    v[2] = v[2] + v[3] & MASK
    v[1], v[3] = rotate(v[1], 13) ^ v[0], rotate(v[3], 16) ^ v[2]
    v[0] = rotate(v[0], 32)
    v[2] = v[2] + v[1] & MASK
    v[0] = v[0] + v[3] & MASK
    v[1], v[3] = rotate(v[1], 17) ^ v[2], rotate(v[3], 21) ^ v[0]
    v[2] = rotate(v[2], 32)


def siphash(key: bytes, octets: bytes) -> int:
    """SipHash-2-4 as Aumasson and Bernstein describe it."""
    k0, k1 = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]
    padded = octets + bytes(7 - len(octets) % 8) + bytes([len(octets) & 255])
    for offset in range(0, len(padded), 8):
        word = int.from_bytes(padded[offset:offset + 8], "little")
        v[3] ^= word
        mix(v)
        mix(v)
        v[0] ^= word
    v[2] ^= 255
    for _ in range(4):
        mix(v)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def hash_hex(name: str, *parts: bytes) -> bytes:
    return hashlib.new(name, b":".join(parts)).hexdigest().encode()


def answer_value(challenge: bytes, username: bytes, secret: bytes, method: bytes, uri: bytes, nc: int = 1,
                 cnonce: bytes = b"6b8b4567", qop: bytes = b"auth") -> bytes:
    """The credentials of an ordinary phone for one challenge line; qop b"" answers as RFC 2069 did."""
    algorithm = re.search(rb"algorithm=([^,\s]+)", challenge)[1]
    name = {b"MD5": "md5", b"SHA-256": "sha256", b"SHA-512-256": "sha512_256"}[algorithm]
    realm = re.search(rb'realm="([^"]*)"', challenge)[1]
    nonce = re.search(rb'nonce="([^"]*)"', challenge)[1]
    ha1, ha2 = hash_hex(name, username, realm, secret), hash_hex(name, method, uri)
    value = b'Digest username="%s", realm="%s", nonce="%s", uri="%s", algorithm=%s' % (
        username, realm, nonce, uri, algorithm)
    if not qop:
        return b'%s, response="%s"' % (value, hash_hex(name, ha1, nonce, ha2))
    response = hash_hex(name, ha1, nonce, b"%08x" % nc, cnonce, qop, ha2)
    return b'%s, response="%s", cnonce="%s", nc=%08x, qop=%s' % (value, response, cnonce, nc, qop)
