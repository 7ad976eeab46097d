# SPDX-License-Identifier: Apache-2.0
"""One place a request may go (RFC 3261 16.5): a Request-URI, the way there, and the Route lines before it."""

from appliance.sip.flow import Flow, Listener


class Target:
    """uri: the new Request-URI; flow: where the octets go; drop: how many topmost Route values of the request are
    ours and go; lines: whole Route lines from a Path (RFC 3327 5.3); is_phone: of ours, not somebody else's server."""

    __slots__ = ("drop", "flow", "is_phone", "lines", "uri")

    def __init__(self, uri: bytes, flow: Flow, drop: int = 0, lines: bytes = b"", is_phone: bool = True) -> None:
        self.uri = uri
        self.drop = drop
        self.flow = flow
        self.lines = lines
        self.is_phone = is_phone


class NamedTarget:
    """A target whose address is to be found as RFC 3263 says, one or several to be tried in turn.

    hop: the URI to look up, of the next Route or the Request-URI; near: the listener to prefer; else as Target.
    """

    __slots__ = ("drop", "hop", "lines", "near", "uri")

    def __init__(self, uri: bytes, hop: bytes, near: Listener, drop: int = 0, lines: bytes = b"") -> None:
        self.uri = uri
        self.hop = hop
        self.near = near
        self.drop = drop
        self.lines = lines

    def at(self, flow: Flow) -> Target:
        """The target at one of its addresses."""
        return Target(self.uri, flow, self.drop, self.lines, False)


Destination = Target | NamedTarget
