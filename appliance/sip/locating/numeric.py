# SPDX-License-Identifier: Apache-2.0
"""Where a URI leads, as far as that can be said without asking anyone (RFC 3263 section 4: numeric hosts).

Answers are remembered, because the same few contacts come again and again.
"""

from typing import NamedTuple

from appliance.errors import PeerError
from appliance.sip.uri import SipUri

REMEMBERED = 8192


class Target(NamedTuple):
    """A transport address: numeric host without brackets, port, transport (b"UDP", b"TCP", b"TLS")."""

    host: bytes
    port: int
    transport: bytes


_known: dict[bytes, Target | None] = {}


def locate_numeric(uri: bytes) -> Target | None:
    """The transport address of a SIP or SIPS URI with a numeric host (or maddr); None when a name must be looked up or
    the URI is none of ours."""
    try:
        return _known[uri]
    except KeyError:
        pass
    if len(_known) >= REMEMBERED:
        _known.clear()
    target = _known[uri] = _decide_target(uri)
    return target


def _decide_target(uri: bytes) -> Target | None:
    try:
        parsed = SipUri.parse(uri)
    except PeerError:
        return None
    host = parsed.numeric_host
    if host is None:
        return None
    is_secure = parsed.scheme == b"sips"
    # RFC 3263 4.1: numeric target without transport parameter: UDP for sip, TLS for sips
    transport = (parsed.parameter(b"transport") or b"").upper() or (b"TLS" if is_secure else b"UDP")
    if is_secure and transport == b"TCP":
        transport = b"TLS"  # 3261 26.2.2
    return Target(host, parsed.port or (5061 if transport == b"TLS" else 5060), transport)
