# SPDX-License-Identifier: Apache-2.0
"""The firewall of the box: from what is said at the gate until the kernel has it, and a whole ruleset in the place of
the last one. Of bans the kernel itself tells when it has them (nftables' notifications).
"""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from ipaddress import IPv4Interface, ip_address
from pathlib import Path

from appliance.daemons.configuration_file import read_configuration
from appliance.networking.side import Side
from appliance.system.firewall.firewall import Firewall
from appliance.system.firewall.keeping import describe_wanted
from appliance.system.firewall.nftables_socket import RECEIVE_BUFFER_FORCE
from tests.bench.box import EXTENSIONS, WAN, Box, LineClient, write_configuration
from tests.bench.figures import Figure, Report, median, spread

BAN_LIMIT_US, RULESET_LIMIT_MS = 1000, 50
PAUSE_S = 0.01                  # between two bans: netd sleeps when one comes, as in life
NETLINK_NETFILTER, NFTABLES_CHANGES = 12, 7
ECHO = """import socket, sys
with socket.socket(fileno=int(sys.argv[1])) as echoing:
    while octets := echoing.recv(64):
        echoing.send(octets)"""
FORWARDS = 64
REPLACEMENTS = 30
SIDES = {"wan": Side("wan", "eth0", IPv4Interface(f"{WAN}/24"), True, None),
         "lan": Side("lan", "eth1", IPv4Interface("192.168.1.1/24"), True, None)}


def time_bans(box: Box, bans: int, first: int) -> tuple[list[float], list[float]]:
    """Microseconds of each, from the message's `send` to the kernel's word that it is in the set: what comes later is
    dropped. Between them the same of a process that is woken and answers: what the machine takes for that alone."""
    bans_us, wakes_us = [], []
    with (socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as gate, start_echo() as echo,
          socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as told):
        told.setsockopt(socket.SOL_SOCKET, RECEIVE_BUFFER_FORCE, 1 << 24)
        told.bind((0, 1 << (NFTABLES_CHANGES - 1)))
        told.settimeout(10)
        gate.connect(str(box.state / "gate.sock"))
        for number in range(first, first + bans):
            address = f"198.18.{number // 250}.{number % 250 + 1}"
            message, octets = json.dumps(["ban", address, 600, "measured"]).encode(), ip_address(address).packed
            time.sleep(PAUSE_S)
            began = time.perf_counter()
            gate.send(message)
            while octets not in told.recv(1 << 18):
                pass
            bans_us.append(1e6 * (time.perf_counter() - began))
            time.sleep(PAUSE_S)
            began = time.perf_counter()
            echo.send(b"wake")
            echo.recv(64)
            wakes_us.append(1e6 * (time.perf_counter() - began))
    return sorted(bans_us), sorted(wakes_us)


@contextmanager
def start_echo() -> Iterator[socket.socket]:
    """A connection to a process that sends back what it is sent."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs, subprocess.Popen([sys.executable, "-c", ECHO, str(theirs.fileno())], pass_fds=[theirs.fileno()]), ours:
        ours.send(b"ready?")
        ours.recv(64)
        yield ours


def measure_bans(report: Report, box: Box, bans: int) -> None:
    """On an idle box, and while netd does nothing but take up one configuration after the other."""
    used = box.cpu_ns()
    times = time_bans(box, bans, 0)
    cpu_us = (box.cpu_ns() - used) / 1000 / bans
    add_bans(report, "a ban in force", *times, BAN_LIMIT_US, f"CPU of all daemons meanwhile {cpu_us:.0f} us a ban")
    with Applying(box):
        times = time_bans(box, bans, bans)
    add_bans(report, "a ban while netd takes up configurations", *times, None, "the file read without pause")


def add_bans(report: Report, what: str, bans_us: list[float], wakes_us: list[float], limit_us: float | None,
             note: str) -> None:
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        place = int(share * len(bans_us))
        report.add(Figure(f"{what}: {name}", "us", bans_us[place], spread(bans_us), "a process woken",
                          wakes_us[place], judged="ours" if limit_us else "", limit=limit_us, note=note))


class Applying(AbstractContextManager["Applying"]):
    """Has netd take up one configuration after the other, all the time."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._is_over = False
        self._thread = threading.Thread(target=self._apply)

    def _apply(self) -> None:
        with LineClient(self._box.state, "net.sock") as desk:
            while not self._is_over:
                desk.ask("apply", str(self._box.config))

    def __enter__(self) -> "Applying":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self._thread.join()


def write_forwards(count: int) -> list[str]:
    """Ports that are forwarded to machines on the LAN."""
    return [f"set network forward f{number} {line}" for number in range(count)
            for line in ("protocol tcp", f"port {20000 + number}", f"to 192.168.1.{10 + number}")]


def measure_rulesets(report: Report, folder: Path) -> None:
    """What is wanted made of the configuration, written, sent to the kernel and taken by it, in this process; no box
    may be here."""
    paths = [write_configuration(folder / f"rules-{count}.conf", *write_forwards(count)) for count in (0, FORWARDS)]
    configurations = [read_configuration(str(path)).configuration for path in paths]
    firewall = Firewall(time.monotonic)
    took_ms: list[list[float]] = [[], []]
    try:
        for _ in range(REPLACEMENTS):
            for configuration, taken in zip(configurations, took_ms, strict=True):
                began = time.perf_counter()
                firewall.apply(describe_wanted(configuration, SIDES))
                taken.append(1000 * (time.perf_counter() - began))
    finally:
        firewall.apply(None)
        firewall.close()
    for count, taken in zip((0, FORWARDS), took_ms, strict=True):
        report.add(Figure(f"ruleset replaced, {count} port forwards", "ms", median(taken), spread(taken), judged="ours",
                          limit=RULESET_LIMIT_MS))


def measure_applies(report: Report, box: Box, applies: int) -> None:
    """The whole way at netd: the configuration read from disk, the network looked at, the rules replaced, answered."""
    paths = [write_configuration(box.folder / f"apply-{count}.conf", *write_forwards(count)) for count in (0, FORWARDS)]
    took_ms, cpu_ms = [], []
    with LineClient(box.state, "net.sock") as desk:
        for number in range(applies):
            used, began = box.cpu_ns(), time.perf_counter()
            desk.ask("apply", str(paths[number % 2]))
            took_ms.append(1000 * (time.perf_counter() - began))
            cpu_ms.append((box.cpu_ns() - used) / 1e6)
        desk.ask("apply", str(box.config))
    report.add(Figure(f"netd: `apply` of a file with {EXTENSIONS} extensions", "ms", median(took_ms), spread(took_ms),
                      note=f"CPU {median(cpu_ms):.0f} ms, nearly all to read the file"))
