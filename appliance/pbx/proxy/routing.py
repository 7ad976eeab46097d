# SPDX-License-Identifier: Apache-2.0
"""Reading the way a request wants to go: our own Route values off, strict routers repaired (RFC 3261 16.4, 16.6).

Pure: nothing here keeps state or sends.
"""

from ipaddress import AddressValueError, IPv6Address

from appliance.errors import PeerError
from appliance.native.sip_scanner import Message, find_parameter, split_address
from appliance.pbx.proxy.route_signature import PARAMETER, RouteSigner
from appliance.sip.flow import TLS, UDP, Flow, Listener
from appliance.sip.uri import DEFAULT_PORTS, SipUri


class OwnAddresses:
    """The host and host:port forms that mean this server in a URI: its listeners and its domain (lower case)."""

    __slots__ = ("_hostports",)

    def __init__(self, domain: bytes, listeners: list[Listener]) -> None:
        self.reconfigure(domain, listeners)

    def reconfigure(self, domain: bytes, listeners: list[Listener]) -> None:
        """Another domain, other listeners or other addresses of theirs."""
        names = {domain.lower(), domain.lower() + b":5060"}
        for listener in listeners:
            names.add(listener.hostport.lower())
            if listener.port == (5061 if listener.transport == TLS else 5060):     # 19.1.2
                names.add(listener.hostport.rpartition(b":")[0].lower())
            names.add(b"%s:%d" % (domain.lower(), listener.port))
        self._hostports = frozenset([*names, *map(write_canonical, names)])

    def __contains__(self, hostport: object) -> bool:
        if hostport in self._hostports:
            return True
        # RFC 5954 4.2: IPv6 addresses are compared as numbers
        return isinstance(hostport, bytes) and hostport[:1] == b"[" and write_canonical(hostport) in self._hostports

    def has_uri(self, uri: bytes) -> bool:
        """Whether a sip or sips URI leads to this server itself."""
        scheme, colon, rest = uri.partition(b":")
        if not colon or scheme.lower() not in (b"sip", b"sips"):
            return False
        hostport = rest.partition(b";")[0].partition(b"?")[0].rpartition(b"@")[2]
        return hostport.lower() in self


def write_canonical(hostport: bytes) -> bytes:
    """The one form of an IPv6 address in brackets, its port kept; anything else as it is."""
    host, bracket, port = hostport.partition(b"]")
    if not bracket or host[:1] != b"[":
        return hostport
    try:
        return b"[%s]%s" % (str(IPv6Address(host[1:].decode("ascii", "replace"))).encode("ascii"), port)
    except AddressValueError:
        return hostport


class Way:
    """What 16.4 leaves: how many Route values are ours, the topmost of them, what comes next.

    own_uri: our Route URI, b"" where there is none; next_uri: the next one after ours, None when the Request-URI leads
    on.
    """

    __slots__ = ("drop", "next_uri", "own_uri")

    def __init__(self, drop: int, own_uri: bytes, next_uri: bytes | None) -> None:
        self.drop = drop
        self.own_uri = own_uri
        self.next_uri = next_uri


NO_ROUTE = Way(0, b"", None)


def read_way(message: Message, own: OwnAddresses, signer: RouteSigner) -> Way:
    """16.4: the topmost Route values that are ours go (two when the request changed listener, RFC 5658)."""
    uri = message.route_uri
    if uri is None:
        return NO_ROUTE
    if not signer.has_written(uri) and not own.has_uri(uri):
        return Way(0, b"", uri)
    values = message.values(b"Route")
    drop = 1
    while drop < len(values):
        following = split_address(values[drop])[1]
        if not signer.has_written(following) and not own.has_uri(following):
            return Way(drop, uri, following)
        drop += 1
    return Way(drop, uri, None)


def strip_own_maddr(message: Message, own: OwnAddresses, flow: Flow) -> Message:
    """16.4: a maddr that names us goes, with transport and port of the listener it came by, as if they had not been."""
    if b"maddr" not in message.uri.lower():
        return message
    try:
        uri = SipUri.parse(message.uri)
    except PeerError:       # another scheme, or to be refused as it stands
        return message
    maddr, secure = uri.parameter(b"maddr"), uri.scheme == b"sips"
    port = DEFAULT_PORTS[uri.scheme] if uri.port is None else uri.port
    transport = (uri.parameter(b"transport") or (TLS if secure else UDP)).upper()
    listener = flow.listener
    if not maddr or port != listener.port or transport != listener.transport:
        return message
    if b"%s:%d" % (maddr.lower(), port) not in own:
        return message
    userinfo, at, rest = message.uri.partition(b":")[2].rpartition(b"@")
    hostport, *parameters = rest.split(b";")
    if uri.hostport not in own:         # where it is, the port is no detour but part of our address
        uri.port = None
        hostport = uri.hostport
    kept = [one for one in parameters if one.partition(b"=")[0].lower() not in (b"maddr", b"transport")]
    stripped = b"%s:%s%s%s" % (uri.scheme, userinfo, at, b";".join([hostport, *kept]))
    octets = b"%s %s SIP/2.0\r\n%s" % (message.method, stripped, message.data.partition(b"\r\n")[2])
    return Message(octets, message.source_host, message.source_port)


def repair_strict_route(message: Message, own: OwnAddresses) -> Message:
    """16.4: a strict router before us has put our Record-Route value into the Request-URI; the last Route value is what
    the Request-URI was."""
    uri = message.uri
    if PARAMETER not in uri or not own.has_uri(uri):
        return message
    values = message.values(b"Route")
    if not values:
        return message
    last = split_address(values[-1])[1]
    # our own value goes back on top of the Route: what follows then sees an ordinary loose-routed request
    return _rewrite(message, last, [b"<%s>" % uri, *values[:-1]])


def is_loose(uri: bytes) -> bool:
    """Whether a Route URI names a loose router (the lr parameter, 19.1.1)."""
    return find_parameter(b";" + uri.partition(b";")[2], b"lr") is not None


def bend_to_strict_route(message: Message, drop: int) -> Message:
    """16.6 step 6: the hop after our own `drop` Route values is a strict router: its URI becomes the Request-URI, and
    what was the Request-URI goes to the end of Route."""
    values = message.values(b"Route")[drop:]
    return _rewrite(message, split_address(values[0])[1], [*values[1:], b"<%s>" % message.uri])


def _rewrite(message: Message, uri: bytes, routes: list[bytes]) -> Message:
    """The same request with another Request-URI and Route set; everything else octet for octet."""
    kept, body = _keep_lines(message, frozenset({b"route"}))
    route = b"".join(b"Route: %s\r\n" % value for value in routes)
    octets = b"%s %s SIP/2.0\r\n%s%s%s" % (message.method, uri, route, b"".join(kept[1:]), body)
    return Message(octets, message.source_host, message.source_port)


def drop_headers(message: Message, names: frozenset[bytes]) -> Message:
    """The same request without the header fields of these names (lower case)."""
    kept, body = _keep_lines(message, names)
    return Message(b"".join([*kept, body]), message.source_host, message.source_port)


def _keep_lines(message: Message, unwanted: frozenset[bytes]) -> tuple[list[bytes], bytes]:
    """The start line and all header fields but the unwanted ones, and the rest behind them."""
    lines = _split_lines(message.data[:message.head_size])
    kept = [line for line in lines if line.partition(b":")[0].strip().lower() not in unwanted]
    return kept, message.data[message.head_size:]


def _split_lines(head: bytes) -> list[bytes]:
    """The start line and header fields, each with its folded continuation lines."""
    lines: list[bytes] = []
    for line in head.splitlines(keepends=True):
        if lines and line[:1] in (b" ", b"\t"):
            lines[-1] += line
        else:
            lines.append(line)
    return lines
