# SPDX-License-Identifier: Apache-2.0
"""What the LAN is served: dnsmasq for DHCP and DNS, chronyd for the time; and DIR/resolv.conf for our own programs."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from appliance.config.configuration import Configuration
from appliance.errors import MachineError
from appliance.networking.lan_services import (
    LentAddress,
    Places,
    decide_name_servers,
    read_lent_addresses,
    write_chrony,
    write_dnsmasq,
    write_resolv_conf,
)
from appliance.networking.side import Side
from appliance.system.disk import write_atomically, write_over
from appliance.system.network.served_program import ServedProgram
from appliance.vocabulary.journal import Journal

DNSMASQ, CHRONYD = "/usr/sbin/dnsmasq", "/usr/sbin/chronyd"
DRIFT_FILE: Final = "/var/lib/chrony/chrony.drift"
CAP_SYS_TIME: Final = 25
RESOLV_CONF_MODE: Final = 0o644


class LanDesk:
    """Files are below DIR/run but for DIR/resolv.conf and the leases, which are to outlive a reboot."""

    def __init__(self, state_directory: str, journal: Journal) -> None:
        self._journal = journal
        directory = Path(state_directory).absolute()
        self._run = directory / "run"
        self._resolv_conf = directory / "resolv.conf"
        may_set_clock = may_set_time()
        self._places = Places(str(directory / "dnsmasq.leases"), str(self._run / "chronyd.pid"),
                              self._drift_file(directory) if may_set_clock else "")
        # a user of our own has no other user to become
        user = [] if os.geteuid() == 0 else ["-U", "-u", pwd.getpwuid(os.geteuid()).pw_name]
        chronyd = [CHRONYD, "-d", *user] + ([] if may_set_clock else ["-x"])
        self._dnsmasq = ServedProgram("dnsmasq", self._run, lambda file: [DNSMASQ, "-k", "-C", str(file)], journal)
        self._chronyd = ServedProgram("chronyd", self._run, lambda file: [*chronyd, "-f", str(file)], journal)
        self._resolv_text: str | None = None
        self._is_closed = False

    @staticmethod
    def _drift_file(directory: Path) -> str:
        """As root chronyd becomes Debian's own user, which may write there and not in our directory."""
        return DRIFT_FILE if os.geteuid() == 0 else str(directory / "chrony.drift")

    def open(self) -> None:
        """Make room for the files; end what a killed netd has left behind."""
        self._run.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._dnsmasq.sweep()
        self._chronyd.sweep()

    def update(self, configuration: Configuration | None, sides: Mapping[str, Side]) -> None:
        """Serve what is wanted now. What the kernel tells while we end starts nothing again."""
        if self._is_closed:
            return
        if configuration is None or not configuration.network_managed:
            self._dnsmasq.configure("")
            self._chronyd.configure("")
            return
        self._write_resolv_conf(write_resolv_conf(decide_name_servers(configuration, sides), sides))
        self._dnsmasq.configure(write_dnsmasq(configuration, sides, self._places))
        self._chronyd.configure(write_chrony(configuration, sides, self._places))

    async def close(self) -> None:
        """End the programs, for good."""
        self._is_closed = True
        await self._dnsmasq.close()
        await self._chronyd.close()

    def list_lent(self) -> list[LentAddress]:
        """What the DHCP server has lent. Raises MachineError."""
        try:
            return read_lent_addresses(Path(self._places.lease_file).read_text(encoding="ascii", errors="replace"))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise MachineError(f"read {self._places.lease_file}: {error.strerror}", error.errno or 0) from error

    def _write_resolv_conf(self, text: str) -> None:
        if text == self._resolv_text:
            return
        octets = text.encode("ascii")
        try:
            try:
                write_atomically(self._resolv_conf, octets, RESOLV_CONF_MODE)
            except MachineError:        # a disk that is full still takes it in the place of what is there
                write_over(self._resolv_conf, octets, RESOLV_CONF_MODE)
        except MachineError as error:
            self._journal.record("resolv_conf_failed", error=error.operation)
            return
        self._resolv_text = text


def may_set_time() -> bool:
    """Whether the machine's clock is ours: with CAP_SYS_TIME, and not inside somebody's network namespace."""
    with open("/proc/self/status", encoding="ascii") as file:
        words = dict(line.split(":", 1) for line in file if ":" in line)
    if not int(words["CapEff"], 16) >> CAP_SYS_TIME & 1:
        return False
    try:
        return os.readlink("/proc/self/ns/net") == os.readlink("/proc/1/ns/net")
    except OSError:
        return os.geteuid() != 0    # who may not look has been given the capability on purpose, but root in a sandbox
