# SPDX-License-Identifier: Apache-2.0
"""Which name servers are asked, in which order: those of the configuration, else those of /etc/resolv.conf.

A server that has not answered goes behind the others for a while. Changed by the resolver and its exchanges alone.
"""

import os
from ipaddress import ip_address
from typing import NamedTuple

RESOLV_CONF = "/etc/resolv.conf"
PORT = 53
SERVERS_LIMIT = 3           # resolv.conf(5): MAXNS
PENALTY_S = 30.0
LOOK_AGAIN_S = 5.0


class ServerAddress(NamedTuple):
    """host: numeric, without brackets."""

    host: str
    port: int


class NameServer:
    """One server and how it has done. failed_at: when it last did not answer, 0.0 while it does; last_ms: how long its
    last answer took, -1.0 before the first."""

    __slots__ = ("address", "answers", "failed_at", "last_ms", "silences")

    def __init__(self, address: ServerAddress) -> None:
        self.address = address
        self.answers = 0
        self.silences = 0
        self.failed_at = 0.0
        self.last_ms = -1.0

    def note_answer(self, took_ms: float) -> None:
        """It has said something of use."""
        self.answers += 1
        self.failed_at = 0.0
        self.last_ms = took_ms

    def note_silence(self, now: float) -> None:
        """It has said nothing in time, or refused."""
        self.silences += 1
        self.failed_at = now

    def is_silent(self, now: float) -> bool:
        """Whether it has just not answered."""
        return bool(self.failed_at) and now - self.failed_at < PENALTY_S


class NameServers:
    """The list. configured: of `set system dns`, empty for those of the machine; path: where the machine's own are."""

    __slots__ = ("_configured", "_looked_at", "_path", "_servers", "_stamp")

    def __init__(self, configured: tuple[ServerAddress, ...] = (), path: str = RESOLV_CONF) -> None:
        self._configured = configured
        self._path = path
        self._stamp = 0
        self._looked_at = -LOOK_AGAIN_S
        self._servers: list[NameServer] = []
        self._take(configured)

    def reconfigure(self, configured: tuple[ServerAddress, ...], path: str = RESOLV_CONF) -> None:
        """Another list, or another file; servers that stay keep their record."""
        self._configured = configured
        self._path = path
        self._stamp = 0
        self._looked_at = -LOOK_AGAIN_S
        self._take(configured)

    def in_order(self, now: float) -> list[NameServer]:
        """Those to ask, the most promising first."""
        if not self._configured:
            self._look_at_file(now)
        return sorted(self._servers, key=lambda one: one.is_silent(now))

    def are_silent(self, now: float) -> bool:
        """Whether every one of them has just not answered."""
        return bool(self._servers) and all(one.is_silent(now) for one in self._servers)

    def all(self) -> list[NameServer]:
        """In the order of the list."""
        return list(self._servers)

    def _look_at_file(self, now: float) -> None:
        """The file changes when the box gets another network."""
        if now - self._looked_at < LOOK_AGAIN_S:
            return
        self._looked_at = now
        try:
            stamp = os.stat(self._path).st_mtime_ns
            if stamp != self._stamp:
                with open(self._path, encoding="utf-8", errors="replace") as file:
                    self._take(read_resolv_conf(file.read(65536)))
                self._stamp = stamp
        except OSError:     # not there, or not for us to read: resolv.conf(5) wants the machine itself asked
            self._stamp = 0
            self._take((ServerAddress("127.0.0.1", PORT),))

    def _take(self, addresses: tuple[ServerAddress, ...]) -> None:
        known = {server.address: server for server in self._servers}
        self._servers = [known.get(address) or NameServer(address) for address in addresses]


def read_resolv_conf(text: str) -> tuple[ServerAddress, ...]:
    """The `nameserver` lines; the machine itself where there is none (resolv.conf(5))."""
    found: dict[ServerAddress, None] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == "nameserver" and _is_address(words[1]):
            found[ServerAddress(words[1], PORT)] = None
    return tuple(found)[:SERVERS_LIMIT] or (ServerAddress("127.0.0.1", PORT),)


def _is_address(word: str) -> bool:
    try:
        ip_address(word)
    except ValueError:
        return False
    return True
