# SPDX-License-Identifier: Apache-2.0
"""What the demonstration needs of the machine, and the one command that provides it. Imports nothing from outside."""

import importlib.util
import os
import shutil
import subprocess

PACKAGES = {"ip": "iproute2", "nft": "nftables", "kamailio": "kamailio", "baresip": "baresip-core"}
PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
MODULES = ("numpy", "pytest")


def missing_requirements() -> str:
    """Why this machine cannot show the demonstration, "" where it can."""
    if os.geteuid() != 0:
        return "needs root to make network namespaces: sudo make demo"
    packages = [package for program, package in PACKAGES.items() if shutil.which(program, path=PATH) is None]
    if packages:
        return (f"not installed: {' '.join(packages)}. This one command installs them:\n"
                f"  apt-get update && apt-get install --yes --no-install-recommends {' '.join(packages)}")
    if any(importlib.util.find_spec(name) is None for name in MODULES):
        return f"needs the Python packages {' and '.join(MODULES)}; `make demo` installs them"
    probe = f"dwfig{os.getpid()}-probe"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        return f"needs root to make network namespaces: {made.stderr.strip()}"
    subprocess.run(["ip", "netns", "del", probe], capture_output=True, check=False)
    return ""
