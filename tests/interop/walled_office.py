# SPDX-License-Identifier: Apache-2.0
"""Three hosts: somebody on the WAN, the box with its firewall, a machine on the LAN. Needs root.

The WAN's host has every address of the outside world: its router's, a carrier's, a manager's and a stranger's.
"""

import contextlib
import itertools
import os
import socket
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import TypeVar

from appliance.networking.ruleset_values import Ruleset
from appliance.system.firewall.firewall import Firewall
from tests.interop.namespaces import call_inside, remove_namespace, run_ip

Result = TypeVar("Result")
ROUTER, CARRIER, STRANGER, MANAGER = "203.0.113.1", "203.0.113.9", "203.0.113.66", "198.51.100.7"
BOX_WAN, BOX_LAN, MACHINE = "203.0.113.5", "192.168.1.1", "192.168.1.10"
CARRIER_6, STRANGER_6, BOX_6 = "2001:db8::9", "2001:db8::66", "2001:db8::5"
PATIENCE_S = 20.0       # for what must come
SILENCE_S = 0.7         # for a connection that must not come about
_numbers = itertools.count()


class WalledOffice:
    """`wan`, `box` and `lan` are the names of the namespaces; `close` takes everything away."""

    def __init__(self) -> None:
        prefix = f"dw{os.getpid() % 100000}w{next(_numbers)}"
        self.wan, self.box, self.lan = (f"{prefix}{letter}" for letter in "wbl")
        self._open: list[socket.socket] = []
        for name in (self.wan, self.box, self.lan):
            run_ip("netns", "add", name)
            run_ip("-n", name, "link", "set", "lo", "up")
        self._join(self.box, "eth0", self.wan, "eth0")
        self._join(self.box, "eth1", self.lan, "eth0")
        for address in (f"{ROUTER}/24", f"{CARRIER}/24", f"{STRANGER}/24", f"{MANAGER}/32"):
            run_ip("-n", self.wan, "address", "add", address, "dev", "eth0")
        for address in (f"{CARRIER_6}/64", f"{STRANGER_6}/64"):
            run_ip("-n", self.wan, "address", "add", address, "dev", "eth0", "nodad")
        run_ip("-n", self.box, "address", "add", f"{BOX_WAN}/24", "dev", "eth0")
        run_ip("-n", self.box, "address", "add", f"{BOX_6}/64", "dev", "eth0", "nodad")
        run_ip("-n", self.box, "address", "add", f"{BOX_LAN}/24", "dev", "eth1")
        run_ip("-n", self.lan, "address", "add", f"{MACHINE}/24", "dev", "eth0")
        run_ip("-n", self.box, "route", "add", "default", "via", ROUTER)
        run_ip("-n", self.lan, "route", "add", "default", "via", BOX_LAN)
        run_ip("-n", self.wan, "route", "add", "192.168.1.0/24", "via", BOX_WAN)    # a neighbour who tries
        self.inside(self.box, lambda: Path("/proc/sys/net/ipv4/ip_forward").write_text("1\n"))
        for name in ("all", "eth0", "eth1"):        # what is dropped is to be dropped by us
            path = Path(f"/proc/sys/net/ipv4/conf/{name}/rp_filter")
            self.inside(self.box, lambda: path.write_text("0\n"))       # noqa: B023, called at once
        self.firewall: Firewall = self.inside(self.box, lambda: Firewall(monotonic))

    @staticmethod
    def _join(one: str, device: str, other: str, other_device: str) -> None:
        run_ip("link", "add", device, "netns", one, "type", "veth", "peer", "name", other_device, "netns", other)
        run_ip("-n", one, "link", "set", device, "up")
        run_ip("-n", other, "link", "set", other_device, "up")

    def close(self) -> None:
        self.close_sockets()
        self.firewall.close()
        for name in (self.wan, self.box, self.lan):
            remove_namespace(name)

    def close_sockets(self) -> None:
        for one in self._open:
            one.close()
        self._open.clear()

    def inside(self, host: str, act: Callable[[], Result]) -> Result:
        return call_inside(host, act)

    def apply(self, ruleset: Ruleset) -> None:
        self.inside(self.box, lambda: self.firewall.apply(ruleset))

    def count(self, words: str) -> int:
        """What the rules of these words have counted."""
        return sum(one.packets for one in self.firewall.read_rules() if one.words == words)

    # ---- sockets

    def udp(self, host: str, address: str, port: int = 0) -> socket.socket:
        """A bound socket of that host."""
        return self._keep(host, address, port, socket.SOCK_DGRAM)

    def listen(self, host: str, address: str, port: int) -> socket.socket:
        listening = self._keep(host, address, port, socket.SOCK_STREAM)
        listening.listen(8)
        return listening

    def connect(self, host: str, source: str, to: tuple[str, int], timeout_s: float = PATIENCE_S) -> socket.socket:
        """A TCP connection from that source. Raises OSError, TimeoutError among them."""
        connecting = self._keep(host, source, 0, socket.SOCK_STREAM)
        connecting.settimeout(timeout_s)
        connecting.connect(to)
        connecting.settimeout(PATIENCE_S)
        return connecting

    def may_connect(self, host: str, source: str, to: tuple[str, int]) -> bool:
        """Whether a connection comes about within a moment."""
        with contextlib.suppress(TimeoutError):
            self.connect(host, source, to, SILENCE_S)
            return True
        return False

    def _keep(self, host: str, address: str, port: int, kind: int) -> socket.socket:
        def make() -> socket.socket:
            made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind((address, port))
            made.settimeout(PATIENCE_S)
            return made
        made = self.inside(host, make)
        self._open.append(made)
        return made


def hear(listening: socket.socket) -> tuple[bytes, str]:
    """The next datagram, and from whom."""
    octets, address = listening.recvfrom(2000)
    return octets, address[0]
