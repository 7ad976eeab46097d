# SPDX-License-Identifier: Apache-2.0
"""One place a request may go (RFC 3261 16.5): a Request-URI, the flow that leads there, the Route lines before it."""

from appliance.sip.flow import Flow


class Target:
    """uri: the new Request-URI; flow: where the octets go; drop: how many topmost Route
    values of the request are ours and go; lines: whole Route lines from a Path (RFC 3327 5.3)."""

    __slots__ = ("drop", "flow", "lines", "uri")

    def __init__(self, uri: bytes, flow: Flow, drop: int = 0, lines: bytes = b"") -> None:
        self.uri = uri
        self.drop = drop
        self.flow = flow
        self.lines = lines
