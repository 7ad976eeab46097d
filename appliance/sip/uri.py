# SPDX-License-Identifier: Apache-2.0
"""SIP and SIPS URIs: read, printed, compared, and made an address of record (RFC 3261 19.1, 10.3 step 5; RFC 5118).

A value: nobody changes one after it was read. Parts stay as they were written, escapes too; only comparing unescapes.
"""

import re
from ipaddress import AddressValueError, IPv6Address
from typing import Final

from appliance.errors import PeerError
from appliance.sip.grammar import normalise_escapes, unescape

DEFAULT_PORTS: Final = {b"sip": 5060, b"sips": 5061}
# 19.1.4: these never match where only one URI has them; any other parameter is ignored then
_NEVER_IGNORED: Final = frozenset({b"user", b"ttl", b"method", b"maddr", b"transport"})
# runs of plain octets between escapes: no octet can be taken in two ways, so time stays in proportion to the octets.
# (No possessive groups: Python 3.11 before 3.11.4, which is Debian 12's, mistakes them.)
_ESCAPE: Final = rb"%[0-9A-Fa-f]{2}"
_USERINFO: Final = rb"[^\x00-\x20\x7f@:<>\"%]*(?:" + _ESCAPE + rb"[^\x00-\x20\x7f@:<>\"%]*)*"
_PARAMETER: Final = rb"[^\x00-\x20\x7f;?@<>\"%]*(?:" + _ESCAPE + rb"[^\x00-\x20\x7f;?@<>\"%]*)*"
_HEADERS: Final = rb"[^\x00-\x20\x7f@<>\"%]*(?:" + _ESCAPE + rb"[^\x00-\x20\x7f@<>\"%]*)*"
_HEADER_OCTETS: Final = frozenset(bytes([octet]) for octet in (
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" b"-_.!~*'()" b"[]/?:+$"))
_DECIMAL_OCTET: Final = rb"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"     # no leading zeros: octal to some
_IPV4_ADDRESS: Final = re.compile(_DECIMAL_OCTET + rb"(?:\." + _DECIMAL_OCTET + rb"){3}")
_SIP_URI: Final = re.compile(
    rb"(?P<scheme>sips?):"
    rb"(?:(?P<user>(?=[^@:])" + _USERINFO + rb")(?::(?P<password>" + _USERINFO + rb"))?@)?"
    rb"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._\-]+)(?::(?P<port>[0-9]{1,5}))?"
    rb"(?P<parameters>(?:;(?=[^;?])" + _PARAMETER + rb")*)"
    rb"(?:\?(?=.)(?P<headers>" + _HEADERS + rb"))?", re.IGNORECASE)


class SipUri:
    """One sip: or sips: URI.

    scheme: b"sip" or b"sips"; user, password: as written, None where absent; host: lower case, IPv6 without brackets;
    port: None where absent; parameters: from the first ";", as written; headers: behind the "?", as written.
    """

    __slots__ = ("_parameters", "headers", "host", "parameters", "password", "port", "scheme", "user")

    def __init__(self, scheme: bytes, user: bytes | None, host: bytes, port: int | None = None,
                 parameters: bytes = b"") -> None:
        self.scheme = scheme
        self.user = user
        self.password: bytes | None = None
        self.host = host
        self.port = port
        self.parameters = parameters
        self.headers = b""
        self._parameters = _read_parameters(parameters)

    @classmethod
    def parse(cls, octets: bytes) -> "SipUri":
        """Read a whole SIP or SIPS URI. PeerError: 416 for another scheme, 400 for what is no URI (19.1.1)."""
        match = _SIP_URI.fullmatch(octets)
        if match is None:
            scheme = octets.partition(b":")[0].lower()
            status = 400 if scheme in DEFAULT_PORTS else 416
            raise PeerError("not a SIP URI", status, octets, "RFC 3261 19.1.1")
        port = None if match["port"] is None else int(match["port"])
        if port is not None and port > 65535:
            raise PeerError("port above 65535 in URI", 400, octets, "RFC 3261 19.1.1")
        uri = cls(match["scheme"].lower(), match["user"], _read_host(match["host"], octets), port, match["parameters"])
        uri.password, uri.headers = match["password"], match["headers"] or b""
        return uri

    def __bytes__(self) -> bytes:
        userinfo = b""
        if self.user is not None:
            userinfo = self.user + (b"@" if self.password is None else b":%s@" % self.password)
        headers = b"?" + self.headers if self.headers else b""
        return b"%s:%s%s%s%s" % (self.scheme, userinfo, self.hostport, self.parameters, headers)

    def __repr__(self) -> str:
        return f"<SipUri {bytes(self).decode('utf-8', 'backslashreplace')}>"

    @property
    def hostport(self) -> bytes:
        """host[:port] as in a URI: lower case, brackets round IPv6, no port where none was written."""
        host = b"[%s]" % self.host if b":" in self.host else self.host
        return host if self.port is None else b"%s:%d" % (host, self.port)

    @property
    def numeric_host(self) -> bytes | None:
        """The numeric address, without brackets, that a request goes to: maddr before host; None for a name
        (RFC 3263 4)."""
        maddr = self.parameter(b"maddr")
        host = maddr.strip(b"[]") if maddr else self.host
        return host if is_numeric(host) else None

    @property
    def aor(self) -> bytes:
        """The canonical form that indexes bindings: user unescaped once, no parameters, host lower case, a default port
        left out (10.3 step 5). Scheme and password are not in it."""
        host = b"[%s]" % self.host if b":" in self.host else self.host
        if self.port is not None and self.port != DEFAULT_PORTS[self.scheme]:
            host = b"%s:%d" % (host, self.port)
        return host if self.user is None else b"%s@%s" % (unescape(self.user), host)

    def parameter(self, name: bytes) -> bytes | None:
        """Value of a uri-parameter (lower-case name), as written; b"" without value, None where absent."""
        return self._parameters.get(name)

    def __eq__(self, other: object) -> bool:
        """Whether both are equivalent, RFC 3261 19.1.4. Not transitive, so there is no hash."""
        if not isinstance(other, SipUri):
            return NotImplemented
        return (self.scheme == other.scheme
                and self.port == other.port
                and _is_same_userinfo(self.user, other.user)
                and _is_same_userinfo(self.password, other.password)
                and _is_same_host(self.host, other.host)
                and (self.parameters == other.parameters or _is_same_parameters(self._parameters, other._parameters))
                and (self.headers == other.headers or _read_headers(self.headers) == _read_headers(other.headers)))

    __hash__ = None  # type: ignore[assignment]


def read_host(uri: bytes) -> bytes:
    """The host of a SIP or SIPS URI as names are compared, without a last dot; b"" for anything else."""
    try:
        return SipUri.parse(uri).host.rstrip(b".")
    except PeerError:
        return b""


def strip_for_request(uri: bytes) -> bytes:
    """A SIP or SIPS URI without what may not stand in a Request-URI: the method parameter and headers (19.1.1 table 1).
    """
    if b";" not in uri and b"?" not in uri:
        return uri
    userinfo, at, rest = uri.rpartition(b"@")       # a user may contain both
    head, *parameters = rest.partition(b"?")[0].split(b";")
    kept = [one for one in parameters if normalise_escapes(one.partition(b"=")[0]).lower() != b"method"]
    return userinfo + at + b";".join([head, *kept])


def escape_header(value: bytes) -> bytes:
    """A header field's value as it stands behind the "?" of a URI (25.1: hvalue)."""
    return b"".join([octet if octet in _HEADER_OCTETS else b"%%%02X" % octet[0]
                     for octet in (value[at:at + 1] for at in range(len(value)))])


def _read_host(written: bytes, uri: bytes) -> bytes:
    host = written.lower()
    if host[:1] != b"[":
        return host
    host = host[1:-1].replace(b":::", b"::")    # RFC 5118 4.9: what the grammar of RFC 2373 allowed by mistake
    try:
        IPv6Address(host.decode("ascii"))
    except AddressValueError as error:
        raise PeerError("bad IPv6 address in URI", 400, uri, "RFC 3261 25.1") from error
    return host


def _read_parameters(parameters: bytes) -> dict[bytes, bytes]:
    read: dict[bytes, bytes] = {}
    if not parameters:
        return read
    for part in parameters[1:].split(b";"):
        name, _, value = part.partition(b"=")
        name = normalise_escapes(name).lower()
        if not name or name in read:
            # 19.1.1: "any given parameter-name MUST NOT appear more than once"
            raise PeerError("empty or repeated parameter in URI", 400, parameters, "RFC 3261 19.1.1")
        read[name] = value
    return read


def _read_headers(headers: bytes) -> list[tuple[bytes, bytes]]:
    pairs = [part.partition(b"=") for part in headers.split(b"&")]
    return sorted((normalise_escapes(name).lower(), normalise_escapes(value).lower()) for name, _, value in pairs)


def is_numeric(host: bytes) -> bool:
    """Whether this is an IP address (IPv6 without brackets) rather than a name."""
    if b":" not in host:
        return _IPV4_ADDRESS.fullmatch(host) is not None
    try:
        IPv6Address(host.decode("ascii", "replace"))
    except AddressValueError:
        return False
    return True


def _is_same_userinfo(one: bytes | None, other: bytes | None) -> bool:
    """Case-sensitive; absent is not empty."""
    if one is None or other is None:
        return one is other
    return one == other or normalise_escapes(one) == normalise_escapes(other)


def _is_same_host(one: bytes, other: bytes) -> bool:
    if one == other:
        return True
    # RFC 5954 4.2: IPv6 addresses are compared as numbers
    return b":" in one and b":" in other and IPv6Address(one.decode("ascii")) == IPv6Address(other.decode("ascii"))


def _is_same_parameters(one: dict[bytes, bytes], other: dict[bytes, bytes]) -> bool:
    for name in one.keys() | other.keys():
        if name in one and name in other:
            if normalise_escapes(one[name]).lower() != normalise_escapes(other[name]).lower():
                return False
        elif name in _NEVER_IGNORED:
            return False
    return True
