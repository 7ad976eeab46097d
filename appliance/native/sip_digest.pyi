# SPDX-License-Identifier: Apache-2.0
"""Digest credentials read and computed without Python objects in between (ext/sip_digest.pyx; RFC 2617, 7616, 8760)."""

class Credentials:
    """The parameters of one Authorization or Proxy-Authorization value, quotes off, b"" where absent.

    Raises ValueError for a scheme other than Digest or unreadable parameters (among them: a known one given twice, an
    nc of zero beside qop).
    """

    @property
    def username(self) -> bytes: ...            # username* too, decoded
    @property
    def realm(self) -> bytes: ...
    @property
    def nonce(self) -> bytes: ...
    @property
    def uri(self) -> bytes: ...
    @property
    def response(self) -> bytes: ...
    @property
    def algorithm(self) -> bytes: ...           # as written, b"" where absent (MD5)
    @property
    def cnonce(self) -> bytes: ...
    @property
    def opaque(self) -> bytes: ...
    @property
    def qop(self) -> bytes: ...
    @property
    def nc(self) -> bytes: ...                  # hex digits as written
    @property
    def nonce_count(self) -> int: ...           # 0 without nc, or without qop (then nothing proves nc)

    def __init__(self, value: bytes) -> None: ...
    def matches_md5(self, ha1: bytes, method: bytes) -> bool: ...
    """Whether `response` proves ha1 (32 hex digits) for this method; constant time; with or without qop=auth."""

class NonceCounts:
    """Which nonce counts were seen, for about the `capacity` newest nonces of ours that were ever answered rightly.

    Memory is fixed (about 28 octets a nonce, touched on use). A nonce that may have been dropped counts as seen.
    """

    def __init__(self, capacity: int = 65536) -> None: ...
    def admit(self, nonce: bytes, nonce_count: int) -> bool: ...
    """Note this count of a nonce that open_nonce knows; False if it was seen, is 64 below the highest, or forgotten."""

def md5_hex(data: bytes) -> bytes: ...
"""MD5 in lower-case hexadecimal."""
def seal_nonce(key: bytes, stamp_s: int, count: int) -> bytes: ...
"""A nonce that needs no table: 8 hex digits of time, 8 of count, 16 of SipHash-2-4 over both; key: 16 octets."""
def open_nonce(key: bytes, nonce: bytes) -> int: ...
"""The time stamp of a nonce of ours, -1 for anything else; constant time."""
