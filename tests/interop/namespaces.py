# SPDX-License-Identifier: Apache-2.0
"""Several hosts on one machine: network namespaces joined by a bridge in a namespace of its own. Needs root.

Every name begins with `dw` and this process's number; `close` takes everything away again.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

CLONE_NEWNET = 0x40000000
Result = TypeVar("Result")


def require_namespaces() -> None:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("needs root to make network namespaces")
    probe = f"dw{os.getpid()}probe"
    if subprocess.run(["ip", "netns", "add", probe], capture_output=True, check=False).returncode != 0:
        pytest.skip("needs root to make network namespaces")
    run_ip("netns", "del", probe)


def run_ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def list_processes(namespace: str) -> list[int]:
    """Who runs there; [] where there is no such namespace."""
    listed = subprocess.run(["ip", "netns", "pids", namespace], capture_output=True, text=True, check=False)
    return [int(word) for word in listed.stdout.split()]


def remove_namespace(namespace: str) -> None:
    """Ends what still runs there and deletes it; a namespace that is gone already is no error."""
    for process_id in list_processes(namespace):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process_id, signal.SIGKILL)
    subprocess.run(["ip", "netns", "del", namespace], capture_output=True, check=False)


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
            remove_namespace(name)


def call_inside(namespace: str, act: Callable[[], Result]) -> Result:
    """What `act` returns or raises, called by a thread that stands in that namespace; what it opens stays there."""
    def enter_and_act() -> Result:
        libc = ctypes.CDLL(None, use_errno=True)
        with open(f"/run/netns/{namespace}") as handle:
            if libc.setns(handle.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"setns {namespace}")
        return act()
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(enter_and_act).result()


def connect_inside(namespace: str, address: tuple[str, int], timeout_s: float = 1) -> socket.socket:
    """A TCP connection made inside a namespace."""
    return call_inside(namespace, lambda: socket.create_connection(address, timeout_s))
