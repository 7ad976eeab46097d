# SPDX-License-Identifier: Apache-2.0
"""Ports for media: pairs of sockets, RTP on the even port and RTCP above it (RFC 3550 11), leased at random.

A port that was used rests before it is used again, so that a late packet of one call reaches no other; where nothing
else is left, the one that has rested longest serves. To open and close sockets is most of what a call costs here, so
some rest with theirs open. What nobody reads has room for a packet or two, or a stranger could fill the kernel's memory
for UDP (udp_mem), and nothing on this machine would hear any more. Changed by `lease`, `give_back` and `close`; `now`
is monotonic seconds.
"""

import errno
import os
import socket
from collections import deque
from collections.abc import Callable
from socket import SocketType
from typing import TypeVar

from appliance.errors import MachineError
from appliance.native.packet_relay import set_receive_buffer
from appliance.rtp.relaying import LocalPort

QUARANTINE_S = 30.0
BUSY_TRIES = 64
OPEN_LIMIT = 1024               # pairs that rest with open sockets: 5 KiB of the kernel's memory each
UNREAD_OCTETS = 1               # of receive buffer; the kernel makes its least of it, 2,304
READ_OCTETS = 106_496           # what a socket has by itself, as it is asked for: the kernel doubles it
RTCP_OCTETS = 4096              # a report each few seconds
_OCCUPIED = (errno.EADDRINUSE, errno.EACCES)
_Drawn = TypeVar("_Drawn")


class Lease:
    """Descriptors of two bound sockets, owned by whoever has the lease. dscp: how both mark what they send, which stays
    with them while they rest; -1 where nobody has said."""

    __slots__ = ("dscp", "port", "rtcp", "rtp")

    def __init__(self, port: LocalPort, rtp: int, rtcp: int) -> None:
        self.port = port
        self.rtp = rtp
        self.rtcp = rtcp
        self.dscp = -1

    def set_read(self, is_read: bool) -> None:
        """Whether somebody reads it from now on. Raises OSError."""
        set_receive_buffer(self.rtp, READ_OCTETS if is_read else UNREAD_OCTETS)

    def close(self) -> None:
        os.close(self.rtp)
        os.close(self.rtcp)


class _HostPorts:
    """The ports of one address that nobody has leased. free: without sockets; rested: with open ones; resting, open:
    the same, with the time when each has rested long enough, in this order."""

    __slots__ = ("free", "open", "rested", "resting")

    def __init__(self, free: list[int]) -> None:
        self.free = free
        self.rested: list[Lease] = []
        self.resting: deque[tuple[float, int]] = deque()
        self.open: deque[tuple[float, Lease]] = deque()

    def pop_open(self) -> list[Lease]:
        """Everything that has open sockets; its ports rest among the others, behind them."""
        leases = [*self.rested, *[lease for _, lease in self.open]]
        self.resting.extend([(0.0, lease.port.port) for lease in self.rested])
        self.resting.extend([(until, lease.port.port) for until, lease in self.open])
        self.rested.clear()
        self.open.clear()
        return leases


class PortPool:
    """Even ports from first to last for every address of ours; choose(n): a random number below n; open_limit: pairs
    that may keep their sockets while nobody has them."""

    def __init__(self, first: int, last: int, choose: Callable[[int], int], quarantine_s: float = QUARANTINE_S,
                 open_limit: int = OPEN_LIMIT) -> None:
        self._even = range(first + first % 2, last, 2)      # last itself may be the RTCP port, not the RTP port
        self._choose = choose
        self._quarantine_s = quarantine_s
        self._open_limit = open_limit
        self._open_count = 0
        self._hosts: dict[str, _HostPorts] = {}

    def lease(self, host: str, now: float) -> Lease:
        """A pair on a random port. Raises MachineError when none is left or the address is not ours."""
        ports = self._collect_rested(host, now)
        if ports.rested or (ports.open and not ports.free):
            self._open_count -= 1
            return self._draw(ports.rested) if ports.rested else ports.open.popleft()[1]
        free, resting = ports.free, ports.resting
        for _ in range(min(BUSY_TRIES, len(free) + len(resting))):
            port = self._draw(free) if free else resting.popleft()[1]
            try:
                return open_pair(host, port)
            except OSError as error:
                resting.append((now + self._quarantine_s, port))
                if error.errno not in _OCCUPIED:
                    raise MachineError(f"media port {host} {port}: {error.strerror}", error.errno or 0) from error
        raise MachineError(f"no media port is left on {host}", errno.EADDRINUSE, self._quarantine_s)

    def give_back(self, lease: Lease, now: float) -> None:
        """Nobody reads it any more; it rests, then it may be leased again, unless it is none of ours any more."""
        if self._open_count < self._open_limit and lease.port.port in self._even:
            self._open_count += 1
            self._hosts[lease.port.host].open.append((now + self._quarantine_s, lease))
            return
        lease.close()
        self.give_back_closed(lease.port, now)

    def give_back_closed(self, port: LocalPort, now: float) -> None:
        """The same of a lease whose sockets are closed already."""
        if port.port in self._even:
            self._hosts[port.host].resting.append((now + self._quarantine_s, port.port))

    def change_range(self, first: int, last: int) -> None:
        """Other ports from now on; what is leased stays leased. Those that were leased before and are among the new
        ones turn out to be occupied when their turn comes."""
        self._even = range(first + first % 2, last, 2)
        for ports in self._hosts.values():
            for lease in ports.pop_open():
                self._open_count -= 1
                lease.close()
            ports.resting = deque(sorted([(until, port) for until, port in ports.resting if port in self._even]))
            rests = {port for _, port in ports.resting}
            ports.free = [port for port in self._even if port not in rests]

    def count_free(self, host: str, now: float) -> int:
        """How many pairs could be leased now, as far as we know."""
        ports = self._collect_rested(host, now)
        return len(ports.free) + len(ports.rested)

    def close(self) -> None:
        """Close what rests with open sockets."""
        for ports in self._hosts.values():
            for lease in ports.pop_open():
                lease.close()
        self._hosts.clear()
        self._open_count = 0

    def _draw(self, ports: list[_Drawn]) -> _Drawn:
        index = self._choose(len(ports))
        ports[index], ports[-1] = ports[-1], ports[index]
        return ports.pop()

    def _collect_rested(self, host: str, now: float) -> _HostPorts:
        ports = self._hosts.get(host)
        if ports is None:
            ports = self._hosts[host] = _HostPorts(list(self._even))
        while ports.resting and ports.resting[0][0] <= now:
            ports.free.append(ports.resting.popleft()[1])
        while ports.open and ports.open[0][0] <= now:
            ports.rested.append(ports.open.popleft()[1])
        return ports


def open_pair(host: str, port: int) -> Lease:
    """Bind both or none. Raises OSError."""
    rtp = _bind(host, port, UNREAD_OCTETS)
    try:
        return Lease(LocalPort(host, port), rtp, _bind(host, port + 1, RTCP_OCTETS))
    except OSError:
        os.close(rtp)
        raise


def _bind(host: str, port: int, buffer_octets: int) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # what `socket.socket` wraps: the wrapping costs as much as the kernel does
    opened = SocketType(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_octets)
        opened.bind((host, port))
    except OSError:
        opened.close()
        raise
    return opened.detach()
