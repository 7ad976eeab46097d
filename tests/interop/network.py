# SPDX-License-Identifier: Apache-2.0
"""Loopback addresses of our own: every test session claims a 127.x.0.0/16 that no other session on this machine uses.

The claim is an abstract Unix socket, so it ends with the process however that ends. Readiness of a peer is read from
the kernel's socket tables rather than waited for by the clock.
"""

import errno
import ipaddress
import itertools
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

NETWORKS = 200
HOSTS_A_BLOCK = 250


class LoopbackNetwork:
    """127.x.0.0/16 claimed for this process: `host(n)` is its n-th address, `port()` a number not given out before."""

    def __init__(self) -> None:
        self._claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        for attempt in range(NETWORKS):
            number = (os.getpid() * 37 + attempt) % NETWORKS
            self.prefix = f"127.{16 + number}."
            try:
                self._claim.bind(f"\0denwaban-interop-{self.prefix}")
            except OSError:
                continue
            break
        else:
            raise RuntimeError("every loopback network is taken")
        self._ports = itertools.count(20000, 10)
        self._hosts = itertools.count(HOSTS_A_BLOCK)                # the first block is for `host`

    def host(self, number: int) -> str:
        return f"{self.prefix}{number // HOSTS_A_BLOCK}.{number % HOSTS_A_BLOCK + 1}"

    def new_host(self) -> str:
        """An address nobody in this session has used."""
        return self.host(next(self._hosts))

    def port(self) -> int:
        """A port nobody in this session has used; nine more behind it are free as well (RTP, RTCP)."""
        return next(self._ports)

    def close(self) -> None:
        self._claim.close()


def wait_until(condition: Callable[[], object], timeout_s: float, what: str) -> object:
    """Poll until `condition` is truthy and return what it gave; AssertionError naming `what` after `timeout_s`."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {timeout_s} s: {what}"
        time.sleep(0.005)


def is_bound(host: str, port: int, transport: str = "udp") -> bool:
    """Whether some process has bound host:port (for TCP: listens there), from /proc/net."""
    address = ipaddress.ip_address(host)
    octets = address.packed
    words = [octets[i:i + 4][::-1].hex().upper() for i in range(0, len(octets), 4)]      # the kernel prints host order
    wanted = f"{''.join(words)}:{port:04X}"
    table = Path(f"/proc/net/{transport}{'6' if address.version == 6 else ''}").read_text()
    rows = (line.split() for line in table.splitlines()[1:])
    return any(row[1] == wanted and (transport == "udp" or row[3] == "0A") for row in rows)


def free_port(host: str) -> int:
    """A port outside of the media ports that nobody uses just now, for addresses that are not ours alone (::1)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for attempt in range(1000):
        port = 10000 + (os.getpid() * 7 + attempt) % 18000
        with socket.socket(family, socket.SOCK_DGRAM) as datagrams, socket.socket(family) as streams:
            try:
                datagrams.bind((host, port))
                streams.bind((host, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                continue
            return port
    raise RuntimeError(f"no free port on {host}")
