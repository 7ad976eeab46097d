# SPDX-License-Identifier: Apache-2.0
"""A machine of the office that knows nothing: it asks for its address (udhcpc), for names, and fetches pages."""

import http.client
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.query
import dns.rdatatype

from tests.interop.namespaces import call_inside, run_ip

SEARCHED = "/usr/sbin:/usr/bin:/sbin:/bin"
PROGRAM = shutil.which("udhcpc", path=SEARCHED)
SCRIPT = """#!/bin/sh
case "$1" in
bound|renew)
    ip address flush dev "$interface"
    ip address add "$ip/$mask" dev "$interface"
    test -z "$router" || ip route replace default via "${router%% *}"
    printf '%s\\n' "$ip" "$mask" "$router" "$dns" "$ntpsrv" "$domain" >"$LEASE"
    ;;
esac
"""


@dataclass(frozen=True)
class Lease:
    """What the DHCP server said; empty where it said nothing."""

    address: str
    prefix: str
    router: str
    name_server: str
    time_server: str
    domain: str


def take_lease(namespace: str, folder: Path, device: str = "eth0") -> Lease:
    """Asks until a server answers, takes what it gives as a machine does; AssertionError where nobody answers."""
    folder.mkdir(parents=True, exist_ok=True)
    script, lease = folder / "udhcpc.script", folder / "lease"
    script.write_text(SCRIPT)
    script.chmod(0o700)
    run_ip("-n", namespace, "link", "set", device, "up")
    done = subprocess.run(
        ["ip", "netns", "exec", namespace, PROGRAM or "udhcpc", "-i", device, "-f", "-q", "-n", "-t", "15", "-T", "1",
         "-O", "ntpsrv", "-O", "domain", "-s", script], env={"LEASE": str(lease), "PATH": SEARCHED},
        capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"no address for {namespace}: {done.stderr}"
    return Lease(*lease.read_text().split("\n")[:6])


def resolve(namespace: str, server: str, name: str) -> str:
    """The IPv4 address of the name, "" where there is none."""
    question = dns.message.make_query(name, "A")
    answer = call_inside(namespace, lambda: dns.query.udp(question, server.split()[0], timeout=10))
    return next((str(item) for found in answer.answer for item in found if item.rdtype == dns.rdatatype.A), "")


def fetch(namespace: str, address: str, timeout_s: float = 3) -> str:
    """The page at that address; "" where it cannot be had."""
    def get() -> str:
        connection = http.client.HTTPConnection(address, 80, timeout=timeout_s)
        try:
            connection.request("GET", "/")
            return connection.getresponse().read().decode()
        except OSError:
            return ""
        finally:
            connection.close()
    return call_inside(namespace, get)
