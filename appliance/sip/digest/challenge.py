# SPDX-License-Identifier: Apache-2.0
"""Challenges: the value of WWW-Authenticate and Proxy-Authenticate, written and read. RFC 3261 section 20.44, RFC 7616
section 3.3, RFC 8760 section 2.3. No state.
"""

import re

from appliance.errors import PeerError
from appliance.sip.digest.algorithm import Algorithm, find_algorithm

_PARAMETER = re.compile(rb'[ \t\r\n,]*([^\s=,;"]+)[ \t\r\n]*=[ \t\r\n]*(?:"((?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\.)*)"'
                        rb'|([^\s,"]*))[ \t\r\n]*(?=,|\Z)', re.DOTALL)
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)
_TO_QUOTE = re.compile(rb'(["\\])')


def quote(value: bytes) -> bytes:
    """A quoted-string (RFC 3261 section 25.1)."""
    return b'"%s"' % _TO_QUOTE.sub(rb"\\\1", value)


def challenge_value(
    realm: bytes, nonce: bytes, algorithm: Algorithm, is_stale: bool = False, opaque: bytes = b""
) -> bytes:
    """One challenge; realm, nonce, opaque and qop are quoted, algorithm and stale are not (RFC 7616 section 3.3).

    qop is always sent (RFC 8760 section 2.6, 8) and is always auth.
    """
    value = b'Digest realm=%s, nonce=%s, algorithm=%s, qop="auth"' % (quote(realm), quote(nonce), algorithm.name)
    if is_stale:
        value += b", stale=true"
    if opaque:
        value += b", opaque=%s" % quote(opaque)
    return value


def read_parameters(value: bytes) -> dict[bytes, bytes]:
    """`name=value, ...` with names in lower case, quotes and quoting slashes off (RFC 3261 section 25.1, auth-param).

    Raises PeerError for anything else and for a name given twice.
    """
    parameters: dict[bytes, bytes] = {}
    here = 0
    end = len(value.rstrip(b" \t\r\n,"))
    while here < end:
        match = _PARAMETER.match(value, here)
        if match is None:
            raise PeerError("unreadable digest parameters", 0, value[here:], "RFC 7616 3.3")
        name, quoted, plain = match.groups()
        if name.lower() in parameters:
            raise PeerError("digest parameter given twice", 0, value[match.start():], "RFC 7616 3.3")
        parameters[name.lower()] = plain if quoted is None else _QUOTED_PAIR.sub(rb"\1", quoted)
        here = match.end()
    return parameters


class ReceivedChallenge:
    """What a server asks for. algorithm: None for one we do not know; qops: offered, in lower case, () for none."""

    __slots__ = ("algorithm", "algorithm_name", "has_stale", "nonce", "opaque", "qops", "realm")

    def __init__(self, value: bytes) -> None:
        """Read one header value; raises PeerError for another scheme or unreadable parameters."""
        scheme, *rest = value.split(None, 1)[:2] or (b"",)
        if scheme.lower() != b"digest" or not rest:
            raise PeerError("not a Digest challenge", 0, value, "RFC 3261 22.4")    # and never Basic
        parameters = read_parameters(rest[0])
        if b"realm" not in parameters or not parameters.get(b"nonce"):
            raise PeerError("challenge without realm or nonce", 0, value, "RFC 7616 3.3")
        self.realm = parameters[b"realm"]
        self.nonce = parameters[b"nonce"]
        self.opaque = parameters.get(b"opaque")
        self.algorithm_name = parameters.get(b"algorithm", b"")     # as written: it goes back unchanged
        self.algorithm = find_algorithm(self.algorithm_name)
        self.has_stale = parameters.get(b"stale", b"").lower() == b"true"
        self.qops = tuple(filter(None, (word.strip().lower() for word in parameters.get(b"qop", b"").split(b","))))

    @property
    def qop(self) -> bytes | None:
        """What we answer with: b"auth" before b"auth-int"; b"" where none was offered; None where we know none."""
        if not self.qops:
            return b""
        return next((qop for qop in (b"auth", b"auth-int") if qop in self.qops), None)

    @property
    def is_answerable(self) -> bool:
        """Whether we know its algorithm and one of its qops (RFC 8760 section 2.4: others are ignored).

        A -sess algorithm needs a cnonce, which goes with qop only (RFC 3261 section 22.4, 8).
        """
        algorithm = self.algorithm
        return algorithm is not None and self.qop is not None and not (algorithm.is_session and not self.qop)
