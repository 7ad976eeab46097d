# SPDX-License-Identifier: Apache-2.0
"""Ports that the call server has leased ahead, for each of its addresses: a call takes one without asking anybody.

A stock that nearly runs out before an order comes is made larger, one that cannot be filled smaller. Changed by its
RelayClient alone.
"""

from collections import deque
from collections.abc import Iterator, Sequence

from appliance.rtp.relaying import LocalPort

FIRST_SIZE = 512                # of each address: two legs of every INVITE that a few wakes may bring
LARGEST_SIZE = 2048
ORDER_SIZE = 32                 # of one order; it goes out when so many are missing


class PortStock:
    """hosts: our addresses that media may use."""

    def __init__(self, hosts: Sequence[str], first_size: int = FIRST_SIZE) -> None:
        self._sizes = dict.fromkeys(hosts, first_size)
        self._ports: dict[str, deque[LocalPort]] = {host: deque() for host in hosts}
        self._ordered = dict.fromkeys(hosts, 0)
        self._filled: set[str] = set()          # those that have been full since they were made larger

    def take(self, host: str) -> LocalPort | None:
        """None where the stock is empty."""
        ports = self._ports.get(host)
        if not ports:
            return None
        if host in self._filled and 4 * len(ports) < self._sizes[host]:
            self._filled.discard(host)
            self._sizes[host] = min(LARGEST_SIZE, 2 * self._sizes[host])
        return ports.popleft()

    def is_low(self, host: str) -> bool:
        """Whether the next order should not wait."""
        return host in self._ports and 2 * len(self._ports[host]) < self._sizes[host]

    def is_empty(self, host: str) -> bool:
        """Whether the next call at this address would find none."""
        return not self._ports.get(host)

    @property
    def is_awaited(self) -> bool:
        """Whether there is an address without a port whose ports are on order."""
        return any(self._ordered[host] and not ports for host, ports in self._ports.items())

    def add(self, host: str, ports: list[LocalPort], asked: int) -> None:
        """The answer to an order: fewer may have come than were asked for."""
        if host not in self._ports:
            return
        self._ports[host].extend(ports)
        self._ordered[host] -= asked
        if len(ports) < asked:
            self._sizes[host] = max(ORDER_SIZE, len(self._ports[host]) + self._ordered[host])
        if self._missing(host) < ORDER_SIZE and not self._ordered[host]:
            self._filled.add(host)

    def set_hosts(self, hosts: Sequence[str], first_size: int = FIRST_SIZE) -> list[LocalPort]:
        """Other addresses of ours; those that stay keep what they have. What was leased for the ones that went."""
        left = [port for host in self._ports if host not in hosts for port in self._ports[host]]
        self._sizes = {host: self._sizes.get(host, first_size) for host in hosts}
        self._ports = {host: self._ports.get(host) or deque() for host in hosts}
        self._ordered = {host: self._ordered.get(host, 0) for host in hosts}
        self._filled &= set(hosts)
        return left

    def empty(self) -> list[LocalPort]:
        """Take out everything; what is on order still comes."""
        left = [port for ports in self._ports.values() for port in ports]
        for ports in self._ports.values():
            ports.clear()
        self._filled.clear()
        return left

    def clear(self) -> None:
        """Nothing of it is leased any more."""
        for host, ports in self._ports.items():
            ports.clear()
            self._ordered[host] = 0
        self._filled.clear()

    def order_first(self) -> Iterator[tuple[str, int]]:
        """What to order before anything else: addresses of which nothing is there or on order. (host, count)."""
        for host, ports in self._ports.items():
            if not ports and not self._ordered[host]:
                self._ordered[host] += ORDER_SIZE
                yield host, ORDER_SIZE

    def order(self) -> Iterator[tuple[str, int]]:
        """What to order now: (host, count)."""
        for host in self._ports:
            while self._missing(host) >= ORDER_SIZE:
                self._ordered[host] += ORDER_SIZE
                yield host, ORDER_SIZE

    def _missing(self, host: str) -> int:
        return self._sizes[host] - len(self._ports[host]) - self._ordered[host]
