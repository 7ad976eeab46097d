# SPDX-License-Identifier: Apache-2.0
"""All SIP sockets of the process, one port for each listener, and the stack's timer beside them.

`settle(now)` ends every wake: it empties all outboxes, since what came in on one listener may leave on another.
Listeners come, move and go while it runs: `prepare` opens what is new and may fail, `take_up` cannot.
"""

import asyncio
import socket
from collections.abc import Iterable, Sequence

from appliance.errors import MisuseError
from appliance.sip.flow import TCP, TLS, UDP, Flow, Listener
from appliance.system.descriptors import raise_descriptor_limit
from appliance.system.sip_sockets.bound_socket import has_address, open_datagram_socket, open_stream_socket
from appliance.system.sip_sockets.closed_port import ClosedPort
from appliance.system.sip_sockets.kept_sockets import KeptSockets, keep_nothing
from appliance.system.sip_sockets.receiver import PressureGauge, Seams, SipReceiver, WireTap
from appliance.system.sip_sockets.stack_timer import StackTimer
from appliance.system.sip_sockets.tcp import CONNECTION_LIMIT, TcpPort
from appliance.system.sip_sockets.tls import TlsPort, TlsSurroundings
from appliance.system.sip_sockets.udp import UdpPort
from appliance.system.traffic_mark import mark_traffic
from appliance.vocabulary.counters import Counters

DESCRIPTORS_RESERVED = 256      # for everything that is no SIP connection
FAREWELL_S = 5.0                # a listener that goes is heard for so long: the answers to its last BYEs
Port = UdpPort | TcpPort
Move = tuple[Listener, Listener]
"""A listener of ours, and how it is to be."""


class OpenedSockets:
    """What `PortSet.prepare` has bound: new ports, and sockets for listeners that move."""

    __slots__ = ("added", "moved", "removed")

    def __init__(self, removed: Sequence[Listener]) -> None:
        self.added: dict[Listener, Port] = {}
        self.moved: list[tuple[Listener, Listener, socket.socket | None]] = []
        self.removed = removed

    def close(self) -> None:
        """They are not wanted after all."""
        for port in self.added.values():
            port.close()
        for _, _, opened in self.moved:
            if opened is not None:
                opened.close()


class PortSet:
    """Opens, starts, flushes and closes the ports of a list of listeners.

    counters: takes what happens to connections; tap: hears all octets; gauge: told of full buffers; tls: what listeners
    with TLS need; kept: what outlives the process; all three are set before `open`.
    """

    def __init__(self, counters: Counters, tap: WireTap | None = None) -> None:
        self._tap = tap
        self.gauge: PressureGauge | None = None
        self.tls: TlsSurroundings | None = None
        self.kept: KeptSockets = keep_nothing()
        self._counters = counters
        self._ports: dict[Listener, Port | ClosedPort] = {}
        self._seams: Seams
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: StackTimer | None = None

    def open(self, listeners: Iterable[Listener], stack: SipReceiver) -> None:
        """Bind every listener; all or none. Raises MachineError naming address, port and remedy."""
        wanted = list(listeners)
        self._seams = Seams(stack, self.settle, self._counters, self._tap, self.gauge, self.kept)
        connection_limit = self._share_connections(wanted)
        try:
            for listener in wanted:
                self._ports[listener] = self._open_port(listener, connection_limit)
        except BaseException:
            self.close()
            raise

    @staticmethod
    def _share_connections(listeners: Iterable[Listener]) -> int:
        """How many connections each of the listeners may have."""
        streams = sum(listener.is_reliable for listener in listeners)
        if not streams:
            return CONNECTION_LIMIT
        return min(CONNECTION_LIMIT, max(64, raise_descriptor_limit() - DESCRIPTORS_RESERVED) // streams)

    def prepare(self, added: Sequence[Listener], moved: Sequence[Move], removed: Sequence[Listener]) -> OpenedSockets:
        """Bind everything that is new; all or none. Nothing is heard there and nothing else changes before `take_up`.
        Raises MachineError as `open`."""
        opened = OpenedSockets(removed)
        connection_limit = self._share_connections([*self._ports, *added])
        try:
            for listener in added:
                opened.added[listener] = self._open_port(listener, connection_limit)
            for listener, wanted in moved:
                opened.moved.append((listener, wanted, self._open_again(listener, wanted)))
        except BaseException:
            opened.close()
            raise
        return opened

    def _open_again(self, listener: Listener, wanted: Listener) -> socket.socket | None:
        """A socket where the listener is to be; None where it is there already."""
        if listener.hostport == wanted.hostport:
            return None
        if wanted.transport != UDP:
            return open_stream_socket(wanted)
        port = self._ports[listener]
        former = port.find_former(wanted) if isinstance(port, UdpPort) else None
        return former or open_datagram_socket(wanted)

    def take_up(self, opened: OpenedSockets) -> None:
        """Hear what was prepared, let go what is not wanted. Listeners have their new addresses when this returns."""
        for listener, port in opened.added.items():
            self._ports[listener] = port
            if self._loop is not None:
                port.start(self._loop)
        for listener, wanted, one in opened.moved:
            self._move(listener, wanted, one)
        for listener in opened.removed:
            self._part_with(listener)

    def _move(self, listener: Listener, wanted: Listener, opened: socket.socket | None) -> None:
        port, before = self._ports[listener], listener.address
        if isinstance(port, ClosedPort):
            return
        port.flush()                        # by the way on which it was meant to go
        self.kept.forget_bound(listener)
        listener.move(wanted.name, wanted.host, wanted.port, wanted.side)
        if opened is not None:
            port.move_to(opened)
        self.kept.keep_bound(listener, port.bound)
        if isinstance(port, TcpPort) and not has_address(before):
            port.drop_connections()

    def _part_with(self, listener: Listener) -> None:
        """Its last BYEs are said again where they are lost, and answered; then nothing goes out that way any more."""
        if self._loop is None:
            self._close_one(listener)
        else:
            self._loop.call_later(FAREWELL_S, self._close_one, listener)

    def _close_one(self, listener: Listener) -> None:
        port = self._ports.get(listener)
        if port is None or isinstance(port, ClosedPort):
            return
        self._ports[listener] = ClosedPort(listener, self._seams, self._loop)
        port.close()

    def _open_port(self, listener: Listener, connection_limit: int) -> Port:
        seams = self._seams
        if listener.transport == UDP:
            return UdpPort(listener, seams)
        if listener.transport == TCP:
            return TcpPort(listener, seams, connection_limit)
        if listener.transport == TLS and self.tls is not None:
            return TlsPort(listener, seams, self.tls, connection_limit)
        raise MisuseError(f"no socket for transport {listener.transport!r}")

    def start(self, loop: asyncio.AbstractEventLoop, stack: SipReceiver) -> None:
        """Read from every port and run the stack's timer from now on."""
        self._loop = loop
        self._timer = StackTimer(loop, stack, self.settle)
        for port in self._ports.values():
            port.start(loop)
        self._timer.arm()

    def mark_datagrams(self, dscp: int) -> None:
        """What is sent over UDP from the sockets that are open now carries this mark (RFC 2474)."""
        for port in self._ports.values():
            if isinstance(port, UdpPort):
                mark_traffic(port.bound, dscp)

    def settle(self, now: float) -> None:
        """Send what waits and arm the stack's timer; after anything that made the stack work outside a wake, too."""
        self.flush(now)
        if self._timer is not None:
            self._timer.arm()

    def flush(self, now: float = 0.0) -> None:
        """Send what waits on every listener."""
        for listener, port in self._ports.items():
            if listener.outbox:
                port.flush(now)

    def flow_to(self, listener: Listener, host: bytes, port: int, domain: bytes = b"") -> Flow:
        """The flow from a listener to a numeric address without brackets, the same object while it is open. domain:
        whom the address was looked up for: over TLS the peer has to prove that it is that domain.

        Raises ValueError for an address that is not numeric, or of the other family than the listener's.
        """
        if (b":" in host) != (listener.family == 6):
            raise ValueError(f"{host!r} cannot be reached from {listener!r}")
        ours = self._ports.get(listener)
        if ours is None:
            raise ValueError(f"{listener!r} is not open")
        return ours.flow_to(host, port) if isinstance(ours, UdpPort) else ours.flow_to(host, port, domain)

    def flow_again(self, listener: Listener, host: bytes, port: int) -> Flow:
        """What a flow of the last process has become: a datagram's is the same, a connection's stands where its socket
        has been kept for us, and is closed otherwise."""
        ours = self._ports[listener]
        if isinstance(ours, UdpPort):
            return ours.flow_to(host, port)
        flow = ours.find_flow(host, port)
        if flow is None:
            flow = Flow(listener, host, port)
            flow.is_open = False
        return flow

    def count_connections(self, listener: Listener) -> int:
        """How many connections stand on a listener, 0 for UDP."""
        return self._ports[listener].statistics().get("connections", 0) if listener in self._ports else 0

    def statistics(self) -> dict[str, int]:
        """Sums over all ports, by counter name."""
        sums = Counters()
        for port in self._ports.values():
            for name, count in port.statistics().items():
                sums[name] += count
        return dict(sums)

    def close(self) -> None:
        """Send what waits and close everything, what is kept for the next process excepted; a second call does
        nothing."""
        self.kept.freeze()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for port in self._ports.values():
            port.close()
        self._ports.clear()
