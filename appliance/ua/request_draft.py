# SPDX-License-Identifier: Apache-2.0
"""A request as a user agent means it, before it has a Via: what the repairs of RFC 3261 8.1.3.5 change between tries.

Only the outgoing request that holds it changes it.
"""

from collections.abc import Callable, Iterable

from appliance.native.sip_scanner import split_address
from appliance.sip.flow import Flow, Listener

ContactWriter = Callable[[Flow], bytes]
MAX_FORWARDS = 70
"""8.1.1.6"""
UNWRITTEN_OCTETS = 240
"""About what a draft does not hold yet: Via, Contact, names of headers."""


class RequestDraft:
    """One request. local, remote: the whole From and To values with their tags; routes: Route values in order; lines:
    further whole header lines; content_type: of the body; required, supported: option tags; expires_s: -1 for no
    Expires line; session_expires_s, refresher, min_se_s: of Session-Expires and Min-SE (RFC 4028), 0 for none;
    contact: the value of Contact for a flow, None for a request without one; next_hop: the URI that says where the
    octets go; flow: go exactly there while it is open, whatever the URI says (a phone of ours is where it registered);
    flows: where its servers were found already, in the order to try them; near: the listener to prefer otherwise;
    max_forwards: hops that it may still take."""

    __slots__ = ("body", "call_id", "contact", "content_type", "cseq", "expires_s", "flow", "flows", "lines",
                 "local", "max_forwards", "method", "min_se_s", "near", "next_hop", "refresher", "remote", "required",
                 "routes", "session_expires_s", "supported", "uri")

    def __init__(self, method: bytes, uri: bytes, local: bytes, remote: bytes, call_id: bytes) -> None:
        self.method = method
        self.uri = uri
        self.local = local
        self.remote = remote
        self.call_id = call_id
        self.cseq = 1
        self.routes: tuple[bytes, ...] = ()
        self.next_hop = uri
        self.lines = b""
        self.body = b""
        self.content_type = b"application/sdp"
        self.required: tuple[bytes, ...] = ()
        self.supported: tuple[bytes, ...] = ()
        self.expires_s = -1
        self.session_expires_s = 0
        self.min_se_s = 0
        self.max_forwards = MAX_FORWARDS
        self.refresher = b""
        self.contact: ContactWriter | None = None
        self.flow: Flow | None = None
        self.flows: tuple[Flow, ...] = ()
        self.near: Listener | None = None

    def set_routes(self, routes: Iterable[bytes]) -> None:
        """Go by these loose routers, the first of which gets the octets (8.1.2)."""
        self.routes = tuple(routes)
        self.next_hop = split_address(self.routes[0])[1] if self.routes else self.uri

    def redirect(self, uri: bytes) -> None:
        """The same request for another Request-URI, by the same outbound proxies (8.1.3.4)."""
        self.uri = uri
        self.flow = None    # it led to another target
        self.flows = ()
        if not self.routes:
            self.next_hop = uri

    def estimate_size(self) -> int:
        """About how many octets the request has without credentials, for the choice of a transport (18.1.1)."""
        return UNWRITTEN_OCTETS + len(self.uri) + len(self.local) + len(self.remote) + len(self.call_id) + len(
            self.lines) + len(self.body) + (
            sum(len(route) + 9 for route in self.routes) if self.routes else 0)

    def write(self, via: bytes, flow: Flow, credentials: bytes = b"") -> bytes:
        """The octets. via: the whole line; credentials: whole lines."""
        body = self.body
        routes = b"".join([b"Route: %s\r\n" % route for route in self.routes]) if self.routes else b""
        lines = b"Contact: %s\r\n" % self.contact(flow) if self.contact is not None else b""
        if self.required:
            lines += b"Require: %s\r\n" % b", ".join(self.required)
        if self.supported:
            lines += b"Supported: %s\r\n" % b", ".join(self.supported)
        if self.expires_s >= 0:
            lines += b"Expires: %d\r\n" % self.expires_s
        if self.session_expires_s:
            lines += self._write_interval()
        kind = b"Content-Type: %s\r\n" % self.content_type if body else b""
        return (b"%s %s SIP/2.0\r\n%s%sMax-Forwards: %d\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\n"
                b"%s%s%s%sContent-Length: %d\r\n\r\n%s" % (
                    self.method, self.uri, via, routes, self.max_forwards, self.local, self.remote, self.call_id,
                    self.cseq, self.method, lines, credentials, self.lines, kind, len(body), body))

    def _write_interval(self) -> bytes:
        """RFC 4028 4, 5."""
        role = b";refresher=" + self.refresher if self.refresher else b""
        minimum = b"Min-SE: %d\r\n" % self.min_se_s if self.min_se_s else b""
        return b"Session-Expires: %d%s\r\n%s" % (self.session_expires_s, role, minimum)
