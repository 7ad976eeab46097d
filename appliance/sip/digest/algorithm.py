# SPDX-License-Identifier: Apache-2.0
"""The digest algorithms and what is computed with them: RFC 7616 sections 3.4.1 to 3.4.3 and 3.5, RFC 8760.

Pure functions over octets; everything is lower-case hexadecimal (RFC 8760 section 2.2).
"""

import hashlib
from collections.abc import Callable
from hmac import compare_digest

from appliance.native.sip_digest import Credentials, md5_hex


class Algorithm:
    """One digest algorithm. name: as on the wire; hash_hex: octets to hex digits; is_session: the -sess variant."""

    __slots__ = ("hash_hex", "is_session", "name")

    def __init__(self, name: bytes, hash_hex: Callable[[bytes], bytes], is_session: bool) -> None:
        self.name = name
        self.hash_hex = hash_hex
        self.is_session = is_session

    def __repr__(self) -> str:
        return f"<Algorithm {self.name.decode()}>"


def _sha256_hex(octets: bytes) -> bytes:
    return hashlib.sha256(octets).hexdigest().encode()


def _sha512_256_hex(octets: bytes) -> bytes:
    return hashlib.new("sha512_256", octets).hexdigest().encode()


MD5 = Algorithm(b"MD5", md5_hex, False)
MD5_SESSION = Algorithm(b"MD5-sess", md5_hex, True)
SHA_256 = Algorithm(b"SHA-256", _sha256_hex, False)
SHA_256_SESSION = Algorithm(b"SHA-256-sess", _sha256_hex, True)
SHA_512_256 = Algorithm(b"SHA-512-256", _sha512_256_hex, False)
SHA_512_256_SESSION = Algorithm(b"SHA-512-256-sess", _sha512_256_hex, True)

_KNOWN = [MD5, MD5_SESSION, SHA_256, SHA_256_SESSION]
if "sha512_256" in hashlib.algorithms_available:
    _KNOWN += [SHA_512_256, SHA_512_256_SESSION]
# The usual spellings are found at once; find_algorithm folds the others.
_BY_NAME = {b"": MD5} | {spelling: one for one in _KNOWN for spelling in (one.name, one.name.lower(), one.name.upper())}


def find_algorithm(name: bytes) -> Algorithm | None:
    """The algorithm of this name in any case; MD5 for an absent one (RFC 7616 section 3.3); None for an unknown one."""
    return _BY_NAME.get(name) or _BY_NAME.get(name.lower())


def compute_ha1(algorithm: Algorithm, username: bytes, realm: bytes, secret: bytes) -> bytes:
    """H(A1) without the session part: what may be stored instead of the secret (RFC 7616 section 3.4.2)."""
    return algorithm.hash_hex(b"%s:%s:%s" % (username, realm, secret))


def bind_session(algorithm: Algorithm, ha1: bytes, nonce: bytes, cnonce: bytes) -> bytes:
    """H(A1) of the -sess variants, ha1 itself for the others (RFC 7616 section 3.4.2)."""
    return algorithm.hash_hex(b"%s:%s:%s" % (ha1, nonce, cnonce)) if algorithm.is_session else ha1


def compute_ha2(algorithm: Algorithm, method: bytes, uri: bytes, qop: bytes, body: bytes) -> bytes:
    """H(A2); method is b"" for a response's rspauth (RFC 7616 sections 3.4.3 and 3.5)."""
    if qop.lower() == b"auth-int":
        # RFC 8760 section 2.6, 7: an absent body hashes as the empty string.
        return algorithm.hash_hex(b"%s:%s:%s" % (method, uri, algorithm.hash_hex(body)))
    return algorithm.hash_hex(b"%s:%s" % (method, uri))


def compute_response(algorithm: Algorithm, ha1: bytes, nonce: bytes, counted: bytes, ha2: bytes) -> bytes:
    """The response digest. counted: `nc:cnonce:qop`, b"" where the challenge had no qop (RFC 2617 section 3.2.2.1)."""
    if counted:
        return algorithm.hash_hex(b"%s:%s:%s:%s" % (ha1, nonce, counted, ha2))      # RFC 7616 section 3.4.1
    return algorithm.hash_hex(b"%s:%s:%s" % (ha1, nonce, ha2))


def is_proof(credentials: Credentials, algorithm: Algorithm, ha1: bytes, method: bytes) -> bool:
    """Whether these credentials prove knowledge of ha1 for this method, in constant time; qop auth or none.

    ha1 is that of compute_ha1. auth-int is refused: it is never offered.
    """
    if algorithm is MD5:
        return credentials.matches_md5(ha1, method)
    nonce, cnonce, qop, nc = credentials.nonce, credentials.cnonce, credentials.qop, credentials.nc
    if qop and (qop.lower() != b"auth" or not nc or not cnonce):
        return False        # RFC 7616 section 3.4: nc and cnonce go with qop
    if algorithm.is_session and not cnonce:
        return False        # RFC 3261 section 22.4, 8
    ha2 = compute_ha2(algorithm, method, credentials.uri, qop, b"")
    counted = b"%s:%s:%s" % (nc, cnonce, qop) if qop else b""
    wanted = compute_response(algorithm, bind_session(algorithm, ha1, nonce, cnonce), nonce, counted, ha2)
    return compare_digest(wanted, credentials.response.lower())
