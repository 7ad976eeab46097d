# SPDX-License-Identifier: Apache-2.0
"""The real `denwaban netd` in a network namespace that stands for the box; its interfaces lead into namespaces that
stand for the WAN's router and for hosts on the LAN. Needs root.

Nothing in here imports the appliance: what it knows is what an operator and `ip` know.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.interop.dhcp_lender import DhcpLender
from tests.interop.namespaces import list_processes, remove_namespace, require_namespaces, run_ip
from tests.interop.network import PATIENCE_S, wait_until

PROGRAM = Path(sys.executable).parent / "denwaban"
MINIMUM = ("# denwaban-config 1", "set system domain office.test", "set sip listener office address 127.0.0.1",
           "set emergency none", "set network managed true")
DNSMASQ = "/usr/sbin/dnsmasq"
_counted = iter(range(1_000_000))


class Box:
    """`ports`: the interfaces of the box; each leads to a namespace of its own, where its other end is `eth0`."""

    def __init__(self, folder: Path, ports: Iterable[str]) -> None:
        require_namespaces()
        self.program = PROGRAM
        self.name = f"dw{os.getpid() % 100000}n{next(_counted)}"
        self.folder = folder
        self.state = folder / "state"
        self.state.mkdir()
        self.config = folder / "box.conf"
        self.errors = folder / "stderr"
        self.process: subprocess.Popen[bytes] | None = None
        self._programs: list[subprocess.Popen[bytes]] = []
        self.peers: dict[str, str] = {}
        run_ip("netns", "add", self.name)
        for port in ports:
            peer = f"{self.name}{port}"
            run_ip("netns", "add", peer)
            self.peers[port] = peer
            run_ip("-n", self.name, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", peer)
            for device in ("lo", "eth0"):
                run_ip("-n", peer, "link", "set", device, "up")

    def __enter__(self) -> "Box":
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self.process is not None and self.process.poll() is None:
                self.stop()
        finally:
            for program in self._programs:
                program.kill()
                program.wait()
            for name in (self.name, *self.peers.values()):
                remove_namespace(name)

    def write(self, *lines: str) -> Path:
        """The configuration, and where it is."""
        self.config.write_text("\n".join((*MINIMUM, *lines)) + "\n")
        return self.config

    def start(self, *lines: str) -> "Box":
        if lines:
            self.write(*lines)
        foreign = ("NOTIFY_SOCKET", "JOURNAL_STREAM")
        environment = {name: value for name, value in os.environ.items() if name not in foreign}
        with self.errors.open("ab") as errors:
            command = ["ip", "netns", "exec", self.name, PROGRAM, "netd", "--config", self.config, "--state",
                       self.state]
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, stdin=subprocess.DEVNULL,
                                            env=environment, start_new_session=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n", self.errors.read_text()
        return self

    def stop(self) -> None:
        """By SIGTERM; insists on exit 0, on a journal without traceback and on nobody being left behind."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE_S) == 0, self.errors.read_text()
        assert "Traceback" not in self.errors.read_text(), self.errors.read_text()
        wait_until(lambda: not list_processes(self.name), PATIENCE_S, "the box to be empty")

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def undo(self) -> None:
        """`denwaban netd --undo`."""
        command = ["ip", "netns", "exec", self.name, PROGRAM, "netd", "--config", self.config, "--state", self.state,
                   "--undo"]
        subprocess.run(command, check=True, timeout=PATIENCE_S, capture_output=True)

    def ask(self, *words: str) -> object:
        """The result of one command of net.sock."""
        answer = self.ask_raw(*words)
        assert answer["ok"], answer
        return answer["result"]

    def ask_raw(self, *words: str) -> dict:
        with self.connect() as connection:
            connection.sendall(json.dumps({"id": 1, "command": words}).encode() + b"\n")
            return json.loads(connection.makefile().readline())

    def connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(PATIENCE_S)
        descriptor = os.open(self.state, os.O_PATH)
        try:
            connection.connect(f"/proc/self/fd/{descriptor}/net.sock")
        finally:
            os.close(descriptor)
        return connection

    def watch(self) -> "AddressWatch":
        return AddressWatch(self.connect())

    def apply(self, *lines: str) -> dict:
        """Write the configuration and have it applied; the whole answer."""
        return self.ask_raw("apply", str(self.write(*lines)))

    def journal(self) -> list[dict]:
        lines = self.errors.read_text().splitlines(keepends=True) if self.errors.exists() else []
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]

    def ip(self, *words: str, namespace: str = "") -> list[dict]:
        """`ip -j` in the box or elsewhere."""
        run = subprocess.run(["ip", "-j", "-n", namespace or self.name, *words], check=True, capture_output=True,
                             text=True)
        return json.loads(run.stdout or "[]")

    def addresses(self, link: str, namespace: str = "") -> list[str]:
        """Its IPv4 addresses with prefix."""
        return [f"{one['local']}/{one['prefixlen']}" for row in self.ip("address", "show", namespace=namespace)
                if row.get("ifname") == link for one in row["addr_info"] if one["family"] == "inet"]

    def routes(self) -> dict[str, str]:
        """Destination -> router, those of the kernel left out."""
        return {row["dst"]: row.get("gateway", "") for row in self.ip("-4", "route", "show")
                if row.get("protocol") != "kernel"}

    def execute(self, port: str, *command: str | Path, check: bool = True) -> subprocess.CompletedProcess:
        """Run a program to its end at the other end of a port; "" for the box."""
        return subprocess.run(["ip", "netns", "exec", self.peers[port] if port else self.name, *command], check=check,
                              capture_output=True, text=True, timeout=PATIENCE_S)

    def launch(self, port: str, *command: str | Path, output: Path | None = None) -> subprocess.Popen[bytes]:
        """Start a program at the other end of a port; it is ended with the box."""
        with open(output or os.devnull, "ab") as file:
            program = subprocess.Popen(["ip", "netns", "exec", self.peers[port], *command], stdin=subprocess.DEVNULL,
                                       stdout=file, stderr=file)
        self._programs.append(program)
        return program

    def lend(self, port: str, address: str, lent: str, *, lease_s: int = 600, renewal_s: int = 1) -> DhcpLender:
        """As serve_dhcp, by the server that does what no other does."""
        run_ip("-n", self.peers[port], "address", "add", f"{address}/24", "dev", "eth0")
        return DhcpLender(self.peers[port], address, lent, lease_s=lease_s, renewal_s=renewal_s)

    def serve_dhcp(self, port: str, address: str, *options: str, first: int = 100, last: int = 110) -> "DhcpServer":
        """A router at the other end that lends addresses of its network: dnsmasq."""
        return DhcpServer(self, port, address, (first, last), options)


class DhcpServer:
    """dnsmasq at the other end of a port. address: its own, with /24."""

    def __init__(self, box: Box, port: str, address: str, ends: tuple[int, int], options: Iterable[str]) -> None:
        self._box, self._port, self.address = box, port, address
        self.log = box.folder / f"dnsmasq-{port}-{address}.log"
        if f"{address}/24" not in box.addresses("eth0", box.peers[port]):
            run_ip("-n", box.peers[port], "address", "add", f"{address}/24", "dev", "eth0")
        network = address.rpartition(".")[0]
        command = [DNSMASQ, "-k", "-C", "/dev/null", "--port=0", "--interface=eth0", "--bind-dynamic", "--no-hosts",
                   "--log-facility=-", "--log-dhcp", "--dhcp-authoritative", "--pid-file=", "--no-ping",
                   f"--dhcp-leasefile={box.folder / f'{port}.leases'}",
                   f"--dhcp-range={network}.{ends[0]},{network}.{ends[1]},255.255.255.0,120",
                   *(f"--dhcp-option={option}" for option in options)]
        self._process = box.launch(port, *command, output=self.log)
        wait_until(lambda: "DHCP, IP range" in self.log.read_text(), PATIENCE_S, "dnsmasq on the WAN")

    def count(self, message: str) -> int:
        """How many messages of a kind it has told of, such as DHCPACK."""
        return self.log.read_text().count(f"{message}(eth0)")

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


class AddressWatch:
    """`watch addresses`: one answer now, one at each change."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        connection.sendall(b'{"id":1,"command":["watch","addresses"]}\n')
        self._lines = connection.makefile()

    def next(self) -> dict:
        return json.loads(self._lines.readline())["result"]

    def wait_for(self, role: str, address: str | None) -> float:
        """Until a role has the address; when that was, monotonic."""
        while self.next().get(role, {}).get("address") != address:
            pass
        return time.monotonic()

    def close(self) -> None:
        self._connection.close()


def require_dnsmasq() -> None:
    if not Path(DNSMASQ).exists():
        pytest.skip("dnsmasq is not installed")
