# SPDX-License-Identifier: Apache-2.0
"""The TCP side of one listener: connections accepted, connections opened to send something, and their bounds.

A flow is known by its remote address and port: what goes to an address that a connection stands with uses that
connection (RFC 3261 18.1.1, 18.2.2). Changed by the event loop's callbacks, `flush` and `flow_to` alone.
"""

import asyncio
import errno
import os
import socket
from collections import Counter
from functools import partial
from time import monotonic

from appliance.native.sip_sockets import pack_address
from appliance.sip.flow import TCP, Flow, Listener
from appliance.system.sip_sockets.bound_socket import open_outgoing_socket, open_stream_socket, tune_stream
from appliance.system.sip_sockets.connection import NEVER_KEPT, NOT_KEPT, Connection, State
from appliance.system.sip_sockets.half_open import HalfOpen
from appliance.system.sip_sockets.kept_sockets import keep_nothing
from appliance.system.sip_sockets.receiver import Seams

HALF_OPEN_S = 30.0
CONNECT_LIMIT_S = 32.0          # 64*T1: nobody waits longer for what is queued
CONNECTION_LIMIT = 10_000
SOURCE_SHARE = 8                # one source has at most an eighth of all connections
ACCEPTS_PER_WAKE = 64
ACCEPT_PAUSE_S = 1.0            # after the machine had no descriptor or memory left for another connection
SWEEP_S = 1.0
FlowKey = tuple[bytes, int, bytes]
"""Remote host and port, and the domain that a certificate has to prove (b"" without TLS)."""
EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class TcpPort:
    """One listening TCP socket and every connection on it."""

    def __init__(self, listener: Listener, seams: Seams, connection_limit: int = CONNECTION_LIMIT) -> None:
        """Bind and listen. Raises MachineError."""
        self.listener = listener
        self._stack = seams.stack
        self._tap = seams.tap
        self._settle = seams.settle
        self._counters = seams.counters
        self._limit = connection_limit
        self._source_limit = max(1, connection_limit // SOURCE_SHARE)
        self._flows: dict[FlowKey, Flow] = {}
        self._connections: set[Connection] = set()
        self._sources: Counter[bytes] = Counter()
        self._strangers: HalfOpen[Connection] = HalfOpen(HALF_OPEN_S)
        self._unfinished: HalfOpen[Connection] = HalfOpen(HALF_OPEN_S)
        self._failed: dict[Flow, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sweep_handle: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._kept = seams.kept or keep_nothing()
        self._socket = self._kept.take_bound(listener) or open_stream_socket(listener)
        self._kept.keep_bound(listener, self._socket)
        self._adopted = self._adopt() if listener.transport == TCP else []

    # what the composition and the port set call

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Accept and connect from now on."""
        self._loop = loop
        loop.add_reader(self._socket.fileno(), self._accept)
        for connection, opened in self._adopted:
            self._run(self._attach(connection, opened))
        self._adopted.clear()

    @property
    def bound(self) -> socket.socket:
        """The socket of the listener itself."""
        return self._socket

    def move_to(self, opened: socket.socket) -> None:
        """This listening socket is the listener's from now on. Connections stand on where they are as long as our
        address of before is one of this machine."""
        before, self._socket = self._socket, opened
        if self._loop is not None:
            self._loop.remove_reader(before.fileno())
            self._loop.add_reader(opened.fileno(), self._accept)
        before.close()

    def drop_connections(self) -> None:
        """Their address is none of this machine any more: who is at the other end is to come anew."""
        for connection in list(self._connections):
            connection.close("moved")

    def flush(self, now: float = 0.0) -> None:
        """Write what waits in the listener's outbox; a flow without a connection gets one."""
        outbox = self.listener.outbox
        if not outbox:
            return
        if self._tap is not None:
            self._tap.append_sent(outbox, now or monotonic())
        for octets, flow in outbox:
            if not flow.is_open:
                self._report_failure(flow)
                continue
            connection = flow.stream
            if connection is None:
                connection = self._connect(flow)
                if connection is None:
                    continue
            assert isinstance(connection, Connection)
            connection.send(octets)
        outbox.clear()

    def flow_to(self, host: bytes, port: int, domain: bytes = b"") -> Flow:
        """The open flow to a numeric address; a new one connects when something is first sent. domain: whom the address
        was looked up for, which matters to TLS alone. Raises ValueError."""
        flow = self._flows.get((host, port, domain))
        if flow is None:
            raw = pack_address(host, port)
            if len(self._flows) >= 2 * self._limit:
                self._forget_unconnected_flows()
            flow = self._flows[host, port, domain] = Flow(self.listener, host, port, raw)
            flow.domain = domain
        return flow

    def find_flow(self, host: bytes, port: int) -> Flow | None:
        """The flow of a connection that stands with that address; opens none."""
        return self._flows.get((host, port, b""))

    def statistics(self) -> dict[str, int]:
        """How many connections stand, and of how many sources."""
        return {"connections": len(self._connections), "connection_sources": len(self._sources)}

    def close(self) -> None:
        """Write what waits, close every connection and the listening socket; for good unless what is kept has been
        frozen."""
        self.flush()
        self._kept.forget_bound(self.listener)
        if self._loop is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._loop = None
        self._socket.close()
        if self._sweep_handle is not None:
            self._sweep_handle.cancel()
        for task in list(self._tasks):
            task.cancel()
        for connection in list(self._connections):
            connection.close("stopped", is_graceful=True)
        for _, opened in self._adopted:
            opened.close()

    # what outlives the process

    def _adopt(self) -> list[tuple[Connection, socket.socket]]:
        """The connections that the last process had accepted: their flows stand from now on, before bindings are taken
        up, and are read and written from `start` on."""
        adopted = []
        for number, opened, host, port in self._kept.take_connections(self.listener):
            connection = self._add(Flow(self.listener, host, port, pack_address(host, port)), True)
            connection.kept_as = number
            self._counters["connections_adopted"] += 1
            adopted.append((connection, opened))
        return adopted

    def _review_keeping(self, connection: Connection) -> None:
        """Whether it is kept: once it has spoken, and while it is between two messages both ways."""
        if connection.kept_as == NEVER_KEPT or not self._kept.is_keeping:
            return
        may_be_kept = not (connection.has_unfinished_message or connection.is_behind or connection in self._strangers)
        if may_be_kept and connection.kept_as == NOT_KEPT:
            connection.kept_as = self._kept.keep_connection(connection.descriptor())
        elif not may_be_kept and connection.kept_as != NOT_KEPT:
            self._kept.forget_connection(connection.kept_as)
            connection.kept_as = NOT_KEPT

    # accepting

    def _accept(self) -> None:
        assert self._loop is not None
        for _ in range(ACCEPTS_PER_WAKE):
            try:
                accepted, address = self._socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in EXHAUSTED:
                    self._counters["connections_postponed"] += 1
                    self._loop.remove_reader(self._socket.fileno())
                    self._loop.call_later(ACCEPT_PAUSE_S, self._resume_accepting)
                    return
                continue        # accept(2): an error of the connection that was waiting, gone with it
            self._admit(accepted, address[0].partition("%")[0].encode("ascii"), address[1])

    def _resume_accepting(self) -> None:
        if self._loop is not None:
            self._loop.add_reader(self._socket.fileno(), self._accept)

    def _admit(self, accepted: socket.socket, host: bytes, port: int) -> None:
        """Take a connection, or close it where a bound is reached; a stranger makes room for a newcomer."""
        source = source_of(host)
        if self._sources[source] >= self._source_limit or not self._has_room():
            if not self._sources[source]:
                del self._sources[source]
            self._counters["connections_refused"] += 1
            accepted.close()
            return
        accepted.setblocking(False)
        self._counters["connections_accepted"] += 1
        flow = Flow(self.listener, host, port, pack_address(host, port))
        connection = self._add(flow, True)
        self._strangers.begin(connection, self._now())
        self._schedule_sweep()
        self._run(self._attach(connection, accepted))

    def _has_room(self) -> bool:
        if len(self._connections) < self._limit:
            return True
        stranger = self._strangers.oldest()
        if stranger is None:
            return False
        stranger.close("crowded_out")
        return True

    async def _attach(self, connection: Connection, accepted: socket.socket) -> None:
        """Give an accepted or connected socket to the loop."""
        assert self._loop is not None
        try:
            tune_stream(accepted)
            await self._loop.connect_accepted_socket(lambda: connection, accepted)
        except OSError:         # reset before we came to it
            accepted.close()
            connection.close("")

    # connecting

    def _connect(self, flow: Flow) -> Connection | None:
        """Begin a connection for a flow that has none; None where that is impossible (the flow has failed then)."""
        connection = self._add(flow, False)
        self._run(self._open(connection))
        return connection

    async def _open(self, connection: Connection) -> None:
        """Connect from our address (any port of it) within the limit, or fail the flow."""
        assert self._loop is not None
        flow = connection.flow
        try:
            opened = open_outgoing_socket(self.listener)
            try:
                async with asyncio.timeout(CONNECT_LIMIT_S):
                    await self._loop.sock_connect(opened, (flow.host.decode("ascii"), flow.port))
            except BaseException:
                opened.close()
                raise
        except OSError as error:    # TimeoutError is one
            flow.failure = os.strerror(error.errno) if error.errno else "no connection in time"
            self._counters["connections_failed"] += 1
            connection.close("unreachable")
            return
        self._counters["connections_opened"] += 1
        await self._attach(connection, opened)

    # what connections call

    def message_framed(self, connection: Connection, octets: bytes, now: float) -> None:
        """A whole message came in on a connection."""
        self._strangers.end(connection)
        self._unfinished.end(connection)
        if self._tap is not None:
            self._tap.append_received([(octets, connection.flow)], now)
        if not self._stack.receive_message(octets, connection.flow, now):
            self._settle(now)       # what answers earlier requests goes out first
            connection.close("unanswerable", is_graceful=True)

    def octets_read(self, connection: Connection, now: float) -> None:
        """Octets came in: has a message begun that is not whole, or has the last one been completed?"""
        if connection.has_unfinished_message:
            self._unfinished.begin(connection, now)
            self._schedule_sweep()
        else:
            self._unfinished.end(connection)
        if connection.state == State.OPEN:
            self._review_keeping(connection)
        self._settle(now)

    def writing_changed(self, connection: Connection) -> None:
        """What was written waits for the peer, or does so no more."""
        if connection.state == State.OPEN:
            self._review_keeping(connection)

    def connection_closed(self, connection: Connection, reason: str) -> None:
        """A connection is gone: its flow has failed, its source has room again."""
        flow = connection.flow
        if connection.kept_as > NOT_KEPT:
            self._kept.forget_connection(connection.kept_as)
            connection.kept_as = NEVER_KEPT
        self._connections.discard(connection)
        self._strangers.end(connection)
        self._unfinished.end(connection)
        source = source_of(flow.host)
        self._sources[source] -= 1
        if not self._sources[source]:
            del self._sources[source]
        if self._flows.get((flow.host, flow.port, flow.domain)) is flow:
            del self._flows[flow.host, flow.port, flow.domain]
        if reason:
            self._counters[f"connections_closed_{reason}"] += 1
        self._report_failure(flow)

    # in here

    def _add(self, flow: Flow, is_accepted: bool) -> Connection:
        connection = self._make_connection(flow, is_accepted)
        self._connections.add(connection)
        self._sources[source_of(flow.host)] += 1
        self._flows[flow.host, flow.port, flow.domain] = flow
        return connection

    def _make_connection(self, flow: Flow, is_accepted: bool) -> Connection:
        connection = Connection(self, flow)
        connection.kept_as = NOT_KEPT if is_accepted else NEVER_KEPT
        return connection

    def _now(self) -> float:
        assert self._loop is not None
        return self._loop.time()

    def _run(self, work: "asyncio._CoroutineLike[None]") -> None:
        assert self._loop is not None
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _report_failure(self, flow: Flow) -> None:
        """Tell the stack, once, and not from inside whatever it is doing now."""
        if self._loop is None or flow in self._failed:
            return
        self._failed[flow] = None
        self._loop.call_soon(partial(self._deliver_failure, flow))

    def _deliver_failure(self, flow: Flow) -> None:
        self._failed.pop(flow, None)
        if self._loop is not None:
            now = self._now()
            self._stack.flow_failed(flow, now)
            self._settle(now)

    def _forget_unconnected_flows(self) -> None:
        """Addresses that were asked for and never written to."""
        self._flows = {address: flow for address, flow in self._flows.items() if flow.stream is not None}

    def _schedule_sweep(self) -> None:
        if self._sweep_handle is None and self._loop is not None:
            self._sweep_handle = self._loop.call_later(SWEEP_S, self._sweep)

    def _sweep(self) -> None:
        """Close what has been half-open for too long, however it drips."""
        self._sweep_handle = None
        now = self._now()
        if self._close_overdue(now):
            self._schedule_sweep()

    def _close_overdue(self, now: float) -> bool:
        """Whether somebody still owes us something."""
        for connection in self._strangers.overdue(now) + self._unfinished.overdue(now):
            connection.close("half_open")
        return len(self._strangers) > 0 or len(self._unfinished) > 0


def source_of(host: bytes) -> bytes:
    """What counts as one source: an IPv4 address, or the /64 network of an IPv6 one (any host has all of its /64)."""
    return pack_address(host, 0)[8:16] if b":" in host else host
