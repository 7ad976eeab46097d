# SPDX-License-Identifier: Apache-2.0
"""The UDP side of one listener: the hot path from the kernel to the stack and back (RFC 3261 18).

The loop wakes `drain` when datagrams wait; it reads up to 64 at a time, hands them to the stack and sends what the
stack wants sent after each batch, so that an answer never waits for more than 64 messages. Where more waits, all of it
is read, and registrations and calls in progress are served before new calls (`triage`). Where a listener has moved,
its former socket is heard while somebody may use it: answers to what went out from there still come in, on the same
flows, and what came in there is answered from there.
"""

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from time import monotonic

from appliance.native.sip_sockets import DatagramSocket, pack_address
from appliance.sip.flow import Flow, Listener
from appliance.system.sip_sockets.bound_socket import open_datagram_socket
from appliance.system.sip_sockets.former_socket import FormerSocket
from appliance.system.sip_sockets.kept_sockets import keep_nothing
from appliance.system.sip_sockets.receiver import PressureGauge, Seams
from appliance.system.sip_sockets.triage import Datagram, Triage

FORMER_S = 32.0             # 64*T1: by then every transaction has its answer or has given up (17.1), but for
FORMER_LIMIT_S = 300.0      # INVITEs: a telephone rings for three minutes, and its 200 may be said for another 32 s
BATCHES_PER_WAKE = 16       # then everyone else on the loop has a turn: streams, timers, the control socket
BATCH_DATAGRAMS = 64
READ_AHEAD_DATAGRAMS = 2048 # what is read before it is served where much waits: a millisecond's work


class UdpPort:
    """One bound UDP socket."""

    __slots__ = ("_dropped", "_former", "_gauge", "_kept", "_loop", "_settle", "_socket", "_stack", "_tap", "_triage",
                 "_wire", "listener")

    def __init__(self, listener: Listener, seams: Seams) -> None:
        """Bind. Raises MachineError."""
        self._tap = seams.tap
        self._gauge = seams.gauge
        self._triage = Triage()
        self._kept = seams.kept or keep_nothing()
        self.listener = listener
        self._stack = seams.stack
        self._settle = seams.settle
        self._socket = self._kept.take_bound(listener) or open_datagram_socket(listener)
        self._kept.keep_bound(listener, self._socket)
        self._wire = DatagramSocket(self._socket.fileno(), partial(make_flow, listener))
        self._dropped = self._wire.pressure()[2]        # of a socket that is older than we are, by the last process
        self._loop: asyncio.AbstractEventLoop | None = None
        self._former: list[FormerSocket] = []

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Read from now on."""
        self._loop = loop
        loop.add_reader(self._socket.fileno(), self.drain)

    @property
    def bound(self) -> socket.socket:
        """The socket of the listener itself."""
        return self._socket

    def move_to(self, opened: socket.socket) -> None:
        """This socket is the listener's from now on, bound to the address that the listener has moved to."""
        before, self._socket = self._socket, opened
        self._wire.rebind(opened.fileno())
        self._dropped = 0
        if self._loop is None:
            before.close()
            return
        former = FormerSocket(before, self._wire.find_flow, monotonic() + FORMER_LIMIT_S)
        former.is_awaited = self._stack.listener_moved(self.listener, former.answer_by)
        self._loop.remove_reader(before.fileno())
        self._loop.add_reader(before.fileno(), self._drain_former, former)
        former.timer = self._loop.call_later(FORMER_S, self._review_former, former)
        self._former.append(former)
        self._loop.add_reader(opened.fileno(), self.drain)
        for one in tuple(self._former):
            if one.bound.getsockname() == opened.getsockname():     # back where it was: one descriptor is enough
                self._drop_former(one)

    def find_former(self, wanted: Listener) -> socket.socket | None:
        """Another descriptor of the socket that was there a moment ago, where the listener moves back."""
        place = (wanted.address, wanted.port)
        return next((one.bound.dup() for one in self._former if one.bound.getsockname()[:2] == place), None)

    def _review_former(self, former: FormerSocket) -> None:
        """Whoever called before the listener moved, and still waits for somebody to answer, is answered from there."""
        if self._loop is not None and former.is_awaited() and monotonic() < former.give_up:
            former.timer = self._loop.call_later(FORMER_S, self._review_former, former)
        else:
            self._drop_former(former)

    def _drop_former(self, former: FormerSocket) -> None:
        self._former.remove(former)
        if self._loop is not None:
            self._loop.remove_reader(former.bound.fileno())
        former.close()

    def _drain_former(self, former: FormerSocket) -> None:
        """What still comes where the listener was: little, and in nobody's way."""
        listener, receive_datagram = self.listener, self._stack.receive_datagram
        for _ in range(BATCHES_PER_WAKE):
            batch = former.wire.receive()
            if not batch:
                return
            now = monotonic()
            if self._tap is not None:
                self._tap.append_received(batch, now)
            listener.answer_by = former.answer_by
            try:
                for data, flow in batch:
                    receive_datagram(data, flow, now)
            finally:
                listener.answer_by = None
            self._settle(now)

    def drain(self) -> None:
        """Everything that waits, up to a bound: from the kernel to the stack."""
        receive, settle = self._wire.receive, self._settle
        receive_datagram = self._stack.receive_datagram
        tap, gauge, triage = self._tap, self._gauge, self._triage
        for _ in range(BATCHES_PER_WAKE):
            batch = receive()
            if not (batch or triage):
                return
            now = monotonic()
            if tap is not None and batch:
                tap.append_received(batch, now)
            if gauge is not None and (len(batch) == BATCH_DATAGRAMS or triage or gauge.is_pressed):
                triage.add(batch)
                batch = self._read_ahead(gauge, receive, len(batch), now)
            for data, flow in batch:
                receive_datagram(data, flow, now)
            settle(now)  # and look again: more has come meanwhile, and looking costs less than a turn of the loop
        if triage and self._loop is not None:
            self._loop.call_soon(self._drain_rest)      # the kernel may have nothing more to tell of

    def _drain_rest(self) -> None:
        if self._loop is not None:
            self.drain()

    def _read_ahead(self, gauge: PressureGauge, receive: Callable[[], list[Datagram]], read: int,
                    now: float) -> list[Datagram]:
        """Look at all that waits, so that what matters most is served first; what is to be served now. read: datagrams
        of the last batch."""
        triage, tap = self._triage, self._tap
        while read == BATCH_DATAGRAMS and len(triage) < READ_AHEAD_DATAGRAMS:
            batch = receive()
            read = len(batch)
            triage.add(batch)
            if tap is not None and batch:
                tap.append_received(batch, now)
        served = triage.take()
        waiting, size, dropped = self._wire.pressure()
        gauge.observe(waiting + triage.waiting_octets, size, dropped > self._dropped, now, len(served))
        self._dropped = dropped
        return served

    def flush(self, now: float = 0.0) -> None:
        """Send what waits in the listener's outbox; what the kernel refuses is lost, as on a network."""
        outbox = self.listener.outbox
        if outbox:
            if self._tap is not None:
                self._tap.append_sent(outbox, now or monotonic())
            if self._former:
                self._send_apart(outbox)
            else:
                self._wire.send(outbox)
            outbox.clear()

    def _send_apart(self, outbox: list[Datagram]) -> None:
        """Each by its own socket. Where an address is gone the kernel refuses it, and the present one must do."""
        for datagram in outbox:
            former = datagram[1].stream
            if not isinstance(former, FormerSocket) or former.wire.send([datagram]):
                self._wire.send([datagram])

    def flow_to(self, host: bytes, port: int) -> Flow:
        """The flow to a numeric address, the same object that its datagrams arrive with. Raises ValueError."""
        flow: Flow = self._wire.find_flow(pack_address(host, port))
        return flow

    def statistics(self) -> dict[str, int]:
        """What went through since the start, by counter name."""
        wire = self._wire
        return {
            "datagrams_received": wire.datagrams_received,
            "datagrams_sent": wire.datagrams_sent,
            "datagrams_refused": wire.datagrams_refused,
            "datagrams_truncated": wire.datagrams_truncated,
            "datagrams_dropped_by_kernel": wire.pressure()[2],
            "invites_lost_in_overload": self._triage.lost,
            "datagram_batches": wire.batches,
            "udp_flows": wire.flow_count,
        }

    def close(self) -> None:
        """Send what waits and close the socket, for good unless what is kept has been frozen."""
        for former in tuple(self._former):
            self._drop_former(former)
        if self._loop is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._loop = None
        self.flush()
        self._kept.forget_bound(self.listener)
        self._socket.close()


def make_flow(listener: Listener, raw: bytes, host: bytes, port: int) -> Flow:
    """The flow of a remote address heard of for the first time."""
    return Flow(listener, host, port, raw)
