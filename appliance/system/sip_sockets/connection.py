# SPDX-License-Identifier: Apache-2.0
"""One TCP connection that carries SIP, accepted or opened by us (RFC 3261 18; keep-alives of RFC 5626 4.4.1).

Its state is changed by the event loop's callbacks and by `send` and `close` alone.
"""

import asyncio
from enum import IntEnum
from time import monotonic
from typing import Protocol

from appliance.errors import MisuseError, PeerError
from appliance.sip.flow import Flow
from appliance.sip.stream_framing import KEEP_ALIVE, KEEP_ALIVE_ANSWER, StreamFraming

NOT_KEPT, NEVER_KEPT = 0, -1
UNSENT_LIMIT_OCTETS = 1 << 20       # a peer that reads slower than this much behind is cut off: memory is everybody's


class State(IntEnum):
    """Where a connection is in its life."""

    CONNECTING = 0
    SECURING = 1        # TLS alone: the handshake
    OPEN = 2
    CLOSED = 3


TRANSITIONS = {
    State.CONNECTING: (State.SECURING, State.OPEN, State.CLOSED),
    State.SECURING: (State.OPEN, State.CLOSED),
    State.OPEN: (State.CLOSED,),
    State.CLOSED: (),
}


class ConnectionOwner(Protocol):
    """The port that a connection belongs to."""

    def message_framed(self, connection: "Connection", octets: bytes, now: float) -> None:
        """One whole message came in."""

    def octets_read(self, connection: "Connection", now: float) -> None:
        """Something came in and all of its messages have been delivered."""

    def connection_closed(self, connection: "Connection", reason: str) -> None:
        """It is gone, for the reason given (snake_case; "" where the peer or the network ended it)."""

    def writing_changed(self, connection: "Connection") -> None:
        """What was written waits for the peer from now on, or does so no more: `is_behind`."""


class Connection(asyncio.Protocol):
    """Both ends of a stream: frames what comes in, queues what goes out until the connection stands.

    is_behind: octets wait for the peer to read; kept_as: its owner's, what the connection is kept under for the next
    process, NOT_KEPT or NEVER_KEPT.
    """

    __slots__ = ("_framing", "_owner", "_queue", "_queued_octets", "_transport", "flow", "is_behind", "kept_as",
                 "state")

    def __init__(self, owner: ConnectionOwner, flow: Flow) -> None:
        self.flow = flow
        self.state = State.CONNECTING
        self._owner = owner
        self._framing = StreamFraming()
        self._transport: asyncio.Transport | None = None
        self._queue: list[bytes] = []
        self._queued_octets = 0
        self.is_behind = False
        self.kept_as = NEVER_KEPT
        flow.stream = self

    @property
    def has_unfinished_message(self) -> bool:
        """Whether the beginning of a message has come in and the rest has not."""
        return self._framing.unfinished_since is not None

    def _enter(self, state: State) -> None:
        if state not in TRANSITIONS[self.state]:
            raise MisuseError(f"connection: {self.state.name} to {state.name}")
        self.state = state

    # what the port calls

    def send(self, octets: bytes) -> None:
        """Write now, or once the connection stands; a peer that has fallen too far behind is cut off instead."""
        if self._transport is not None and self.state == State.OPEN:
            if self._transport.get_write_buffer_size() + len(octets) > UNSENT_LIMIT_OCTETS:
                self.close("slow_reader")
            else:
                self._write(octets)
        elif self.state != State.CLOSED:
            self._queued_octets += len(octets)
            if self._queued_octets > UNSENT_LIMIT_OCTETS:
                self.close("slow_reader")
            else:
                self._queue.append(octets)

    def close(self, reason: str, is_graceful: bool = False) -> None:
        """End it and tell the owner; graceful: what has been written still goes out."""
        if self.state == State.CLOSED:
            return
        if is_graceful and self._transport is not None:
            self._say_goodbye()
        self._enter(State.CLOSED)
        self._queue.clear()
        self.flow.is_open = False
        self.flow.stream = None
        if self._transport is not None:
            if is_graceful:
                self._transport.close()
            else:
                self._transport.abort()
            self._transport = None
        self._owner.connection_closed(self, reason)

    # what TLS does otherwise

    def _write(self, octets: bytes) -> None:
        """To the transport, which stands."""
        assert self._transport is not None
        self._transport.write(octets)

    def _say_goodbye(self) -> None:
        """What the peer is told before the end."""

    # what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        if self._take_transport(transport):
            self._stand()

    def _take_transport(self, transport: asyncio.BaseTransport) -> bool:
        assert isinstance(transport, asyncio.Transport)
        if self.state == State.CLOSED:      # given up while the kernel was still at it
            transport.abort()
            return False
        self._transport = transport
        transport.set_write_buffer_limits(0)        # told of every octet that waits
        return True

    def _stand(self) -> None:
        """From now on SIP goes both ways."""
        self._enter(State.OPEN)
        if self._queue:
            self._write(b"".join(self._queue))
            self._queue.clear()

    def data_received(self, data: bytes) -> None:
        """Octets, cut anywhere."""
        self._deliver(data)

    def _deliver(self, data: bytes) -> None:
        now = monotonic()
        try:
            for octets in self._framing.feed(data, now):
                if self.state == State.CLOSED:
                    return
                if octets is KEEP_ALIVE:
                    self.send(KEEP_ALIVE_ANSWER)
                else:
                    self._owner.message_framed(self, octets, now)
        except PeerError:
            self._owner.octets_read(self, now)      # the answer to what was wrong goes out first
            self.close("unframed", is_graceful=True)
            return
        self._owner.octets_read(self, now)

    def pause_writing(self) -> None:
        """The kernel takes no more for now; what is written waits here."""
        self.is_behind = True
        self._owner.writing_changed(self)

    def resume_writing(self) -> None:
        """It has taken everything."""
        self.is_behind = False
        self._owner.writing_changed(self)

    def descriptor(self) -> int:
        """Of its socket, for who keeps it; -1 where there is none."""
        opened = None if self._transport is None else self._transport.get_extra_info("socket")
        return -1 if opened is None else opened.fileno()

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer or the network ended it."""
        self.close("")
