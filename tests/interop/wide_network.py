# SPDX-License-Identifier: Apache-2.0
"""The networks of the chapter's figures in namespaces: an office, two public networks, the Internet between them.

A host has one leg for each network it is plugged into. The NAT router is the kernel's own masquerading. Whatever
happens, `close` ends what still runs in the namespaces and takes them away.
"""

import os
import subprocess
from pathlib import Path

from tests.interop.namespaces import call_inside, remove_namespace, run_ip

PREFIX = "dwfig"
PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
MASQUERADE = """add table ip nat
add chain ip nat outwards { type nat hook postrouting priority srcnat; }
add rule ip nat outwards oifname "%s" masquerade"""


class WideNetwork:
    """Networks are named by the first part of their addresses ("192.168.1"); each is a bridge in one namespace.

    That namespace is the Internet too: it routes between those of its networks that are public, and drops what is
    addressed to private networks, as every carrier does.
    """

    def __init__(self) -> None:
        self.prefix = f"{PREFIX}{os.getpid()}"
        self.namespaces: list[str] = []
        self._ports = 0
        self.internet = self._add_namespace("internet")

    def _add_namespace(self, name: str) -> str:
        namespace = f"{self.prefix}-{name}"
        run_ip("netns", "add", namespace)
        self.namespaces.append(namespace)
        set_sysctl(namespace, "net/ipv6/conf/all/disable_ipv6", "1")
        set_sysctl(namespace, "net/ipv4/ip_forward", "0")
        run_ip("-n", namespace, "link", "set", "lo", "up")
        return namespace

    def add_network(self, network: str, router: str = "") -> None:
        """A network of 256 addresses; with `router` a public one, which the Internet routes from that address."""
        run_ip("-n", self.internet, "link", "add", network, "type", "bridge")
        run_ip("-n", self.internet, "link", "set", network, "up")
        if router:
            run_ip("-n", self.internet, "address", "add", f"{router}/24", "dev", network)
            set_sysctl(self.internet, "net/ipv4/ip_forward", "1")
            for private in PRIVATE:
                run_ip("-n", self.internet, "route", "replace", "blackhole", private)

    def add_host(self, name: str, **legs: str) -> str:
        """A host with one interface for each leg, `lan="192.168.1.11"`; the name of its namespace.

        `lan="192.168.1."` is plugged into that network and has no address, nor is its interface up.
        """
        namespace = self._add_namespace(name)
        for device, address in legs.items():
            self._ports += 1
            port = f"p{self._ports}"
            run_ip("link", "add", port, "netns", self.internet, "type", "veth", "peer", "name", device,
                   "netns", namespace)
            run_ip("-n", self.internet, "link", "set", port, "master", address.rpartition(".")[0], "up")
            if not address.endswith("."):
                run_ip("-n", namespace, "address", "add", f"{address}/24", "dev", device)
                run_ip("-n", namespace, "link", "set", device, "up")
        return namespace

    def route(self, namespace: str, router: str) -> None:
        """Everything that is not in a network of its own goes to that router."""
        run_ip("-n", namespace, "route", "replace", "default", "via", router)

    def unroute(self, namespace: str) -> None:
        """Nothing outside its own networks is reached any more."""
        run_ip("-n", namespace, "route", "del", "default")

    def translate(self, namespace: str, device: str) -> None:
        """Make that host a plain NAT router: whatever leaves by `device` has its address, and nothing else changes."""
        set_sysctl(namespace, "net/ipv4/ip_forward", "1")
        subprocess.run(["ip", "netns", "exec", namespace, "nft", "-f", "-"], input=MASQUERADE % device, text=True,
                       check=True, capture_output=True)

    def unplug(self, namespace: str, device: str) -> None:
        run_ip("-n", namespace, "link", "set", device, "down")

    def close(self) -> None:
        for namespace in reversed(self.namespaces):
            remove_namespace(namespace)
        self.namespaces.clear()

    def __enter__(self) -> "WideNetwork":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def set_sysctl(namespace: str, name: str, value: str) -> None:
    call_inside(namespace, lambda: Path("/proc/sys", name).write_text(value))


def remove_orphans() -> list[str]:
    """Take away the namespaces of runs that were killed before they could; their names, for the record."""
    folder = Path("/run/netns")
    orphans = []
    for namespace in sorted(path.name for path in folder.glob(f"{PREFIX}*")) if folder.is_dir() else []:
        number = namespace[len(PREFIX):].partition("-")[0]
        if number.isdigit() and not Path("/proc", number).exists():
            remove_namespace(namespace)
            orphans.append(namespace)
    return orphans
