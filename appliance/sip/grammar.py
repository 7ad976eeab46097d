# SPDX-License-Identifier: Apache-2.0
"""The small words of SIP's grammar that Python code asks for: tokens, escapes, quoted strings (RFC 3261 25.1).

The hot path does all of this in the scanner island; here is what configuration, registrar and proxy need beside it.
"""

import re
from typing import Final

_TOKEN: Final = re.compile(rb"[A-Za-z0-9\-.!%*_+`'~]+")
_ESCAPE: Final = re.compile(rb"%([0-9A-Fa-f]{2})")
_RESERVED: Final = frozenset(b";/?:@&=+$,")
_UNQUOTABLE: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


def is_token(octets: bytes) -> bool:
    """Whether this may stand where the grammar says token: a method, an option tag, a tag (25.1)."""
    return _TOKEN.fullmatch(octets) is not None


def unescape(octets: bytes) -> bytes:
    """Every "%" HEX HEX made its octet, once; a "%" that is no escape stays (19.1.4; RFC 4475 3.1.1.3)."""
    if b"%" not in octets:
        return octets
    return _ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode("ascii")), octets)


def normalise_escapes(octets: bytes) -> bytes:
    """The form in which two URI parts are compared: octets outside "reserved" unescaped, other escapes in upper case.

    "%25" stays: unescaped it could pair with what follows (19.1.4).
    """
    if b"%" not in octets:
        return octets
    return _ESCAPE.sub(_normalise_escape, octets)


def _normalise_escape(match: re.Match[bytes]) -> bytes:
    octet = bytes.fromhex(match[1].decode("ascii"))
    return match[0].upper() if octet[0] in _RESERVED or octet == b"%" else octet


def quote(text: bytes) -> bytes:
    """A quoted-string that says `text`; control octets, which no quoted-string of ours should carry, become spaces."""
    if text.isalnum():
        return b'"%s"' % text
    return b'"%s"' % _UNQUOTABLE.sub(b" ", text).replace(b"\\", b"\\\\").replace(b'"', b'\\"')


_UNSAFE_IN_USER = re.compile(rb"[^A-Za-z0-9\-_.!~*'()&=+$,;?/]")


def escape_user(octets: bytes) -> bytes:
    """A user part as it stands in a URI: what may not stand there as %HH (RFC 3261 25.1 user-unreserved)."""
    if octets.isalnum():
        return octets
    return _UNSAFE_IN_USER.sub(lambda match: b"%%%02X" % match[0][0], octets)
