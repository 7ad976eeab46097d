# SPDX-License-Identifier: Apache-2.0
"""The Internet provider of the box: gives the outside interface its address and answers names, both by dnsmasq."""

import shutil
import subprocess
from pathlib import Path

from tests.interop.network import wait_until

PROGRAM = shutil.which("dnsmasq", path="/usr/sbin:/usr/bin:/usr/local/sbin")
LEASE_S = 120


class Provider:
    """One dnsmasq in its namespace; a context manager. names: what the provider's name server knows."""

    def __init__(self, folder: Path, at: tuple[str, str], router: str, pool: tuple[str, str],
                 names: dict[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.namespace, self.host = at
        self.log, self.leases = folder / "log", folder / "leases"
        known = [f"--host-record={name},{address}" for name, address in names.items()]
        self.command = [
            PROGRAM or "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--no-resolv",
            "--no-hosts", f"--listen-address={self.host}", "--bind-interfaces", f"--dhcp-leasefile={self.leases}",
            f"--dhcp-range={pool[0]},{pool[1]},{LEASE_S}", f"--dhcp-option=3,{router}", f"--dhcp-option=6,{self.host}",
            "--dhcp-authoritative", "--log-dhcp", "--log-facility=-", *known]

    def __enter__(self) -> "Provider":
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(["ip", "netns", "exec", self.namespace, *self.command], stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        wait_until(self._is_listening, 10, f"the provider's dnsmasq: {self.log}")
        return self

    def _is_listening(self) -> bool:
        assert self.process.poll() is None, self.log.read_text(errors="replace")[-2000:]
        table = Path(f"/proc/{self.process.pid}/net/udp").read_text()
        ports = {line.split()[1].rpartition(":")[2] for line in table.splitlines()[1:]}
        return {"0035", "0043"} <= ports                           # DNS and DHCP

    def given(self) -> list[str]:
        """The addresses that are let now."""
        lines = self.leases.read_text().splitlines() if self.leases.exists() else []
        return [line.split()[2] for line in lines]

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(10)
