# SPDX-License-Identifier: Apache-2.0
"""Where octets come from and go to: a listener of ours and one remote transport address on it (RFC 5626 section 3.1).

A flow is shared: the socket layer gives the same object for every datagram of one peer. It carries no policy; whoever
wants octets sent appends `(octets, flow)` to `flow.outbox`, which the socket layer empties after each wake.
"""

from collections.abc import Callable
from enum import IntEnum

UDP, TCP, TLS = b"UDP", b"TCP", b"TLS"
FORMER_LIMIT = 8


class Side(IntEnum):
    """Which network a listener faces (CONTRACT: `set sip listener NAME side`)."""

    PRIVATE = 0
    PUBLIC = 1


class Listener:
    """One bound address and transport of ours. It may move: whoever refers to it, flows above all, goes with it.

    name: the configuration's name of it; transport: b"UDP", b"TCP" or b"TLS"; host: our numeric address without
    brackets, address: the same as text; port: bound port; outbox: what waits to be sent on it; former: the hostports
    that it had before it moved, the last first; answer_by: while something is served that came in where it was before:
    the flow that answers from there.
    """

    __slots__ = ("address", "answer_by", "family", "former", "host", "hostport", "is_reliable", "name", "outbox",
                 "port", "side", "transport", "via_prefix")

    def __init__(self, name: str, transport: bytes, host: bytes, port: int, side: Side = Side.PRIVATE) -> None:
        self.transport = transport
        self.family = 6 if b":" in host else 4
        self.is_reliable = transport != UDP
        self.outbox: list[tuple[bytes, Flow]] = []
        self.hostport = b""
        self.answer_by: Callable[[Flow], Flow] | None = None
        self.former: tuple[bytes, ...] = ()
        self.move(name, host, port, side)

    def move(self, name: str, host: bytes, port: int, side: Side) -> None:
        """To another address of the same family; its socket is the socket layer's affair."""
        self.name = name
        self.host = host
        self.address = host.decode("ascii")
        self.port = port
        self.side = side
        bracketed = b"[%s]" % host if self.family == 6 else host
        hostport = b"%s:%d" % (bracketed, port)
        if self.hostport and self.hostport != hostport:
            self.former = (self.hostport, *self.former[:FORMER_LIMIT - 1])
        self.hostport = hostport
        self.via_prefix = b"Via: SIP/2.0/%s %s;branch=" % (self.transport, self.hostport)

    def __repr__(self) -> str:
        return f"<Listener {self.name} {self.transport.decode()} {self.hostport.decode()}>"


class Flow:
    """One remote transport address seen from one listener.

    host: numeric, without brackets; address: the same as text; port: the remote port; raw: the socket layer's own form
    of the address; stream: the socket layer's connection for TCP and TLS, for UDP the socket that the listener has left
    where it is to leave by that, else None; is_open: False once a
    connection is gone;
    domain: of TLS that we open: the SIP domain whose certificate the peer must show, b"" for its address;
    failure: why its connection could not be made, for people to read, "" where it was or nobody knows.
    """

    __slots__ = ("address", "domain", "failure", "host", "is_open", "listener", "outbox", "port", "raw",
                 "stream")

    def __init__(self, listener: Listener, host: bytes, port: int, raw: bytes = b"", stream: object = None) -> None:
        self.listener = listener
        self.host = host
        self.address = host.decode("ascii")
        self.port = port
        self.raw = raw
        self.stream = stream
        self.domain = b""
        self.failure = ""
        self.outbox = listener.outbox
        self.is_open = True

    @property
    def key(self) -> tuple[str, bytes, bytes, int]:
        """What identifies this flow across restarts: listener name, transport, remote host and port."""
        return (self.listener.name, self.listener.transport, self.host, self.port)

    @property
    def hostport(self) -> bytes:
        """`host:port` with brackets round IPv6, as in a Via or a URI."""
        return b"[%s]:%d" % (self.host, self.port) if self.listener.family == 6 else b"%s:%d" % (self.host, self.port)

    def __repr__(self) -> str:
        return f"<Flow {self.listener.transport.decode()} {self.hostport.decode()} on {self.listener.name}>"
