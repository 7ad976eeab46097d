# SPDX-License-Identifier: Apache-2.0
"""Ports that the call server has leased ahead, for each of its addresses: a call takes one without asking anybody.

Changed by its RelayClient alone.
"""

from collections import deque
from collections.abc import Iterator, Sequence

from appliance.rtp.relaying import LocalPort

STOCK_SIZE = 128                # of each address: more than the calls of one wake take
ORDER_SIZE = 32                 # of one order; it goes out when so many are missing


class PortStock:
    """hosts: our addresses that media may use."""

    def __init__(self, hosts: Sequence[str], size: int = STOCK_SIZE) -> None:
        self._size = size
        self._ports: dict[str, deque[LocalPort]] = {host: deque() for host in hosts}
        self._ordered = dict.fromkeys(hosts, 0)

    def take(self, host: str) -> LocalPort | None:
        """None where the stock is empty."""
        ports = self._ports.get(host)
        return ports.popleft() if ports else None

    def add(self, host: str, ports: list[LocalPort], asked: int) -> None:
        """The answer to an order: fewer may have come than were asked for."""
        if host in self._ports:
            self._ports[host].extend(ports)
            self._ordered[host] -= asked

    def clear(self) -> None:
        """Nothing of it is leased any more."""
        for host, ports in self._ports.items():
            ports.clear()
            self._ordered[host] = 0

    def order(self) -> Iterator[tuple[str, int]]:
        """What to order now: (host, count)."""
        for host in self._ports:
            while count := self._missing(host):
                self._ordered[host] += count
                yield host, count

    def _missing(self, host: str) -> int:
        missing = self._size - len(self._ports[host]) - self._ordered[host]
        return ORDER_SIZE if missing >= ORDER_SIZE else 0
