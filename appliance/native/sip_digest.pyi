# SPDX-License-Identifier: Apache-2.0
"""Digest credentials read and computed without Python objects in between (ext/sip_digest.pyx; RFC 2617, 7616, 8760)."""

class Credentials:
    """The parameters of one Authorization or Proxy-Authorization value, quotes off; b"" where absent, nonce_count 0.

    Raises ValueError for a scheme other than Digest or unreadable parameters.
    """

    username: bytes
    realm: bytes
    nonce: bytes
    uri: bytes
    response: bytes
    algorithm: bytes            # as written, b"" where absent (MD5)
    cnonce: bytes
    opaque: bytes
    qop: bytes
    nc: bytes                   # eight hex digits as written
    nonce_count: int

    def __init__(self, value: bytes) -> None: ...
    def matches_md5(self, ha1: bytes, method: bytes) -> bool: ...
    """Whether `response` proves ha1 (32 hex digits) for this method; constant time; with or without qop=auth."""

def md5_hex(data: bytes) -> bytes: ...
"""MD5 in lower-case hexadecimal."""
def seal_nonce(key: bytes, stamp_s: int, count: int) -> bytes: ...
"""A nonce that needs no table: 8 hex digits of time, 8 of count, 16 of SipHash-2-4 over both; key: 16 octets."""
def open_nonce(key: bytes, nonce: bytes) -> int: ...
"""The time stamp of a nonce of ours, -1 for anything else; constant time."""
