# SPDX-License-Identifier: Apache-2.0
"""Runs sipsak, the SIP swiss army knife: pings, registrations, floods and trashed messages."""

import shutil
import subprocess

PROGRAM = shutil.which("sipsak")


def run_sipsak(server: tuple[str, int], *arguments: str, user: str = "", local_host: str = "",
               timeout_s: float = 30) -> subprocess.CompletedProcess[str]:
    """One sipsak run; what it prints and its exit status are for the caller to judge."""
    host, port = server
    # -H: otherwise it ends where the machine's own name is in no DNS
    source = ("-H", local_host or host, *(("-k", local_host) if local_host else ()))
    target = f"sip:{user}@{host}:{port}" if user else f"sip:{host}:{port}"
    return subprocess.run([PROGRAM or "sipsak", *source, *arguments, "-s", target], capture_output=True, text=True,
                          timeout=timeout_s, check=False, errors="replace")
