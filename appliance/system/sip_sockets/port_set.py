# SPDX-License-Identifier: Apache-2.0
"""All SIP sockets of the process, one port for each listener, and the stack's timer beside them.

`settle(now)` ends every wake: it empties all outboxes, since what came in on one listener may leave on another.
"""

import asyncio
from collections.abc import Iterable

from appliance.errors import MisuseError
from appliance.sip.flow import TCP, TLS, UDP, Flow, Listener
from appliance.system.descriptors import raise_descriptor_limit
from appliance.system.sip_sockets.kept_sockets import KeptSockets, keep_nothing
from appliance.system.sip_sockets.receiver import PressureGauge, Seams, SipReceiver, WireTap
from appliance.system.sip_sockets.stack_timer import StackTimer
from appliance.system.sip_sockets.tcp import CONNECTION_LIMIT, TcpPort
from appliance.system.sip_sockets.tls import TlsPort, TlsSurroundings
from appliance.system.sip_sockets.udp import UdpPort
from appliance.vocabulary.counters import Counters

DESCRIPTORS_RESERVED = 256      # for everything that is no SIP connection


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
        self._ports: dict[Listener, UdpPort | TcpPort] = {}
        self._timer: StackTimer | None = None

    def open(self, listeners: Iterable[Listener], stack: SipReceiver) -> None:
        """Bind every listener; all or none. Raises MachineError naming address, port and remedy."""
        wanted = list(listeners)
        streams = sum(listener.is_reliable for listener in wanted)
        connection_limit = CONNECTION_LIMIT
        if streams:
            affordable = max(64, raise_descriptor_limit() - DESCRIPTORS_RESERVED) // streams
            connection_limit = min(CONNECTION_LIMIT, affordable)
        seams = Seams(stack, self.settle, self._counters, self._tap, self.gauge, self.kept)
        try:
            for listener in wanted:
                self._ports[listener] = self._open_port(listener, seams, connection_limit)
        except BaseException:
            self.close()
            raise

    def _open_port(self, listener: Listener, seams: Seams, connection_limit: int) -> UdpPort | TcpPort:
        if listener.transport == UDP:
            return UdpPort(listener, seams)
        if listener.transport == TCP:
            return TcpPort(listener, seams, connection_limit)
        if listener.transport == TLS and self.tls is not None:
            return TlsPort(listener, seams, self.tls, connection_limit)
        raise MisuseError(f"no socket for transport {listener.transport!r}")

    def start(self, loop: asyncio.AbstractEventLoop, stack: SipReceiver) -> None:
        """Read from every port and run the stack's timer from now on."""
        self._timer = StackTimer(loop, stack, self.settle)
        for port in self._ports.values():
            port.start(loop)
        self._timer.arm()

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
        ours = self._ports[listener]
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
