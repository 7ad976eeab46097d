# SPDX-License-Identifier: Apache-2.0
"""The firewall of the box: from what is said at the gate until the kernel has it, and a whole ruleset in the place of
the last one. Of bans the kernel itself tells when it has them (nftables' notifications).
"""

import json
import socket
import time
from ipaddress import IPv4Interface, ip_address
from pathlib import Path

from appliance.daemons.configuration_file import read_configuration
from appliance.networking.side import Side
from appliance.system.firewall.firewall import Firewall
from appliance.system.firewall.keeping import describe_wanted
from tests.bench.box import EXTENSIONS, WAN, Box, LineClient, write_configuration
from tests.bench.figures import Figure, Report, median, spread

BAN_LIMIT_US, RULESET_LIMIT_MS = 1000, 50
PAUSE_S = 0.01                  # between two bans: netd sleeps when one comes, as in life
NETLINK_NETFILTER, NFTABLES_CHANGES = 12, 7
FORWARDS = 64
REPLACEMENTS = 30
SIDES = {"wan": Side("wan", "eth0", IPv4Interface(f"{WAN}/24"), True, None),
         "lan": Side("lan", "eth1", IPv4Interface("192.168.1.1/24"), True, None)}


def measure_bans(report: Report, box: Box, bans: int) -> None:
    """Each from the message's `send` to the kernel's word that it is in the set: what comes later is dropped."""
    took_us = []
    with (socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as gate,
          socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as told):
        told.bind((0, 1 << (NFTABLES_CHANGES - 1)))
        told.settimeout(10)
        gate.connect(str(box.state / "gate.sock"))
        used = box.cpu_ns()
        for number in range(bans):
            address = f"198.18.{number // 250}.{number % 250 + 1}"
            message, octets = json.dumps(["ban", address, 600, "measured"]).encode(), ip_address(address).packed
            time.sleep(PAUSE_S)
            began = time.perf_counter()
            gate.send(message)
            while octets not in told.recv(65536):
                pass
            took_us.append(1e6 * (time.perf_counter() - began))
        cpu_us = (box.cpu_ns() - used) / 1000 / bans
    took_us.sort()
    report.add(Figure("a ban, from the gate to the kernel: p50", "us", median(took_us), spread(took_us), judged="ours",
                      limit=BAN_LIMIT_US, note=f"CPU of all daemons meanwhile {cpu_us:.0f} us a ban"))
    report.add(Figure("the same: p99", "us", took_us[bans * 99 // 100], judged="ours", limit=BAN_LIMIT_US))


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
