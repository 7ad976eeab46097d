# SPDX-License-Identifier: Apache-2.0
"""Loopback addresses of our own: every test process claims a 127.x.0.0/16 that no other one on this machine uses.

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
FIRST_PORT = 20000
SHARED_PORTS = (10000, FIRST_PORT)
PATIENCE_S = 20.0                                                  # for what is due at once, on a busy machine


class LoopbackNetwork:
    """127.x.0.0/16 claimed for this process: `host(n)` is its n-th address, `port()` a number not given out before."""

    def __init__(self) -> None:
        for attempt in range(NETWORKS):
            number = (os.getpid() * 37 + attempt) % NETWORKS
            self.prefix = f"127.{16 + number}."
            claimed = claim(self.prefix)
            if claimed is not None:
                break
        else:
            raise RuntimeError("every loopback network is taken")
        self._claim = claimed
        self._ports = itertools.count(FIRST_PORT, 10)
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
    """Poll until `condition` is truthy and return what it gave; AssertionError naming `what` after `timeout_s`.

    Less than PATIENCE_S is taken for that: how quick something was is for the caller to measure, not for this limit.
    """
    limit_s = max(timeout_s, PATIENCE_S)
    end = time.monotonic() + limit_s
    while True:
        asked = time.monotonic()
        value = condition()
        if value:
            return value
        assert asked < end, f"not within {limit_s} s: {what}"
        time.sleep(max(0.005, time.monotonic() - asked))            # a costly question leaves the others half the time


def is_bound(host: str, port: int, transport: str = "udp") -> bool:
    """Whether some process has bound host:port (for TCP: listens there), from /proc/net."""
    address = ipaddress.ip_address(host)
    octets = address.packed
    words = [octets[i:i + 4][::-1].hex().upper() for i in range(0, len(octets), 4)]      # the kernel prints host order
    wanted = f"{''.join(words)}:{port:04X}"
    table = Path(f"/proc/net/{transport}{'6' if address.version == 6 else ''}").read_text()
    rows = (line.split() for line in table.splitlines()[1:])
    return any(row[1] == wanted and (transport == "udp" or row[3] == "0A") for row in rows)


def claim(name: str) -> socket.socket | None:
    """A name on this machine that is ours until the socket is closed or the process ends; None where another has it."""
    claimed = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claimed.bind(f"\0denwaban-interop-{name}")
    except OSError:
        claimed.close()
        return None
    return claimed


_claimed_ports: list[socket.socket] = []


def free_port(host: str) -> int:
    """The first of ten ports that nobody uses, for addresses that are not ours alone (127.0.0.1, ::1). No other process
    of tests is given them while this one lives; other ports of tests, of media and of the kernel's choice are higher.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in range(*SHARED_PORTS, 10):
        claimed = claim(f"port-{port}")
        if claimed is None:
            continue
        with socket.socket(family, socket.SOCK_DGRAM) as datagrams, socket.socket(family) as streams:
            try:
                datagrams.bind((host, port))
                streams.bind((host, port))
            except OSError as error:
                claimed.close()
                if error.errno != errno.EADDRINUSE:
                    raise
                continue
        _claimed_ports.append(claimed)
        return port
    raise RuntimeError(f"no free port on {host}")
