# SPDX-License-Identifier: Apache-2.0
"""Several hosts on one machine: network namespaces joined by a bridge in a namespace of its own. Needs root.

Every name begins with `dw` and this process's number; `close` takes everything away again.
"""

import ctypes
import os
import shutil
import socket
import subprocess
import threading

import pytest

CLONE_NEWNET = 0x40000000


def require_namespaces() -> None:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("needs root to make network namespaces")
    probe = f"dw{os.getpid()}probe"
    if subprocess.run(["ip", "netns", "add", probe], capture_output=True, check=False).returncode != 0:
        pytest.skip("needs root to make network namespaces")
    run_ip("netns", "del", probe)


def run_ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


class Office:
    """A switch and the hosts plugged into it; `add_host("10.77.0.2")` gives the name of its namespace."""

    def __init__(self) -> None:
        self.prefix = f"dw{os.getpid() % 100000}"
        self.switch = f"{self.prefix}s"
        self.hosts: list[str] = []
        run_ip("netns", "add", self.switch)
        run_ip("-n", self.switch, "link", "add", "bridge0", "type", "bridge")
        run_ip("-n", self.switch, "link", "set", "bridge0", "up")

    def add_host(self, address: str) -> str:
        name = f"{self.prefix}h{len(self.hosts)}"
        port = f"{self.prefix}p{len(self.hosts)}"
        run_ip("netns", "add", name)
        self.hosts.append(name)
        run_ip("link", "add", port, "netns", self.switch, "type", "veth", "peer", "name", "eth0", "netns", name)
        run_ip("-n", self.switch, "link", "set", port, "master", "bridge0", "up")
        run_ip("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
        for device in ("lo", "eth0"):
            run_ip("-n", name, "link", "set", device, "up")
        return name

    def unplug(self, host: str) -> None:
        run_ip("-n", host, "link", "set", "eth0", "down")

    def close(self) -> None:
        for name in (*self.hosts, self.switch):
            run_ip("netns", "del", name)


def connect_inside(namespace: str, address: tuple[str, int], timeout_s: float = 1) -> socket.socket:
    """A TCP connection made inside a namespace: a thread goes there, the socket stays when the thread has ended."""
    result: list[socket.socket | OSError] = []

    def enter_and_connect() -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        with open(f"/run/netns/{namespace}") as handle:
            if libc.setns(handle.fileno(), CLONE_NEWNET) != 0:
                result.append(OSError(ctypes.get_errno(), f"setns {namespace}"))
                return
        try:
            result.append(socket.create_connection(address, timeout_s))
        except OSError as error:
            result.append(error)
    thread = threading.Thread(target=enter_and_connect)
    thread.start()
    thread.join()
    if isinstance(result[0], OSError):
        raise result[0]
    return result[0]
