# SPDX-License-Identifier: Apache-2.0
"""Ports for media: pairs of sockets, RTP on the even port and RTCP above it (RFC 3550 11), leased at random.

A port that was used rests before it is used again, so that a late packet of one call reaches no other; where nothing
else is left, the one that has rested longest serves. Changed by `lease` and `give_back`; `now` is monotonic seconds.
"""

import errno
import socket
from collections import deque
from collections.abc import Callable
from socket import SocketType
from typing import NamedTuple

from appliance.errors import MachineError
from appliance.rtp.relaying import LocalPort

QUARANTINE_S = 30.0
BUSY_TRIES = 64
_OCCUPIED = (errno.EADDRINUSE, errno.EACCES)


class Lease(NamedTuple):
    """Two bound sockets, owned by whoever has the lease."""

    port: LocalPort
    rtp: SocketType
    rtcp: SocketType

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()


class PortPool:
    """Even ports from first to last for every address of ours; choose(n): a random number below n."""

    def __init__(self, first: int, last: int, choose: Callable[[int], int], quarantine_s: float = QUARANTINE_S) -> None:
        self._even = range(first + first % 2, last, 2)      # last itself may be the RTCP port, not the RTP port
        self._choose = choose
        self._quarantine_s = quarantine_s
        self._free: dict[str, list[int]] = {}
        self._resting: dict[str, deque[tuple[float, int]]] = {}

    def lease(self, host: str, now: float) -> Lease:
        """A pair on a random port. Raises MachineError when none is left or the address is not ours."""
        free, resting = self._collect_free(host, now), self._resting[host]
        for _ in range(min(BUSY_TRIES, len(free) + len(resting))):
            port = self._draw(free) if free else resting.popleft()[1]
            try:
                return open_pair(host, port)
            except OSError as error:
                resting.append((now + self._quarantine_s, port))
                if error.errno not in _OCCUPIED:
                    raise MachineError(f"media port {host} {port}: {error.strerror}", error.errno or 0) from error
        raise MachineError(f"no media port is left on {host}", errno.EADDRINUSE, self._quarantine_s)

    def give_back(self, port: LocalPort, now: float) -> None:
        """Its sockets are closed; it rests, then it may be leased again, unless it is none of ours any more."""
        if port.port in self._even:
            self._resting[port.host].append((now + self._quarantine_s, port.port))

    def change_range(self, first: int, last: int) -> None:
        """Other ports from now on; what is leased stays leased. Those that were leased before and are among the new
        ones turn out to be occupied when their turn comes."""
        self._even = range(first + first % 2, last, 2)
        for host, resting in self._resting.items():
            kept = [(until, port) for until, port in resting if port in self._even]
            self._resting[host] = deque(kept)
            rests = {port for _, port in kept}
            self._free[host] = [port for port in self._even if port not in rests]

    def count_free(self, host: str, now: float) -> int:
        """How many pairs could be leased now, as far as we know."""
        return len(self._collect_free(host, now))

    def _draw(self, free: list[int]) -> int:
        index = self._choose(len(free))
        free[index], free[-1] = free[-1], free[index]
        return free.pop()

    def _collect_free(self, host: str, now: float) -> list[int]:
        free = self._free[host] if host in self._free else self._begin(host)
        resting = self._resting[host]
        while resting and resting[0][0] <= now:
            free.append(resting.popleft()[1])
        return free

    def _begin(self, host: str) -> list[int]:
        self._resting[host] = deque()
        self._free[host] = list(self._even)
        return self._free[host]


def open_pair(host: str, port: int) -> Lease:
    """Bind both or none. Raises OSError."""
    rtp = _bind(host, port)
    try:
        return Lease(LocalPort(host, port), rtp, _bind(host, port + 1))
    except OSError:
        rtp.close()
        raise


def _bind(host: str, port: int) -> SocketType:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # what `socket.socket` wraps: the wrapping costs as much as the kernel does
    opened = SocketType(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind((host, port))
    except OSError:
        opened.close()
        raise
    return opened
