# SPDX-License-Identifier: Apache-2.0
"""The unit files of systemd/ as the tests read them, and a root directory in which systemd's own tools find them."""

import shutil
import subprocess
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "systemd"
DAEMONS = ("configd", "netd", "mediad", "callserver", "handset")
PROGRAM = "/usr/lib/denwaban/bin/denwaban"
PROGRAMS = (PROGRAM, "/usr/lib/denwaban/bin/denwaban-shell", "/bin/kill", "/sbin/agetty")
TARGETS = ("sysinit", "basic", "shutdown", "network", "network-pre", "multi-user")
"""Of systemd, which ours are ordered by."""
SERIAL = "serial-getty@.service"
SERIAL_UNIT = """[Unit]
Description=Serial Getty on %I
[Service]
ExecStart=-/sbin/agetty -o '-p -- \\\\u' --keep-baud 115200,57600,38400,9600 - $TERM
Type=idle
"""


def read_unit(name: str) -> dict[str, dict[str, list[str]]]:
    """Section -> setting -> its values in order."""
    sections: dict[str, dict[str, list[str]]] = {}
    for line in (FOLDER / name).read_text().splitlines():
        if line.startswith("["):
            section = sections.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            section.setdefault(key, []).append(value)
    return sections


def read_service(daemon: str) -> dict[str, list[str]]:
    return read_unit(f"denwaban-{daemon}.service")["Service"]


def build_root(root: Path) -> Path:
    """As the image has them: our units, and programs that need only be there."""
    units = root / "usr/lib/systemd/system"
    units.mkdir(parents=True)
    for pattern in ("*.service", "*.target"):
        for path in FOLDER.glob(pattern):
            shutil.copy(path, units)
    for name in TARGETS:
        (units / f"{name}.target").write_text(f"[Unit]\nDescription={name}\n")
    (units / SERIAL).write_text(SERIAL_UNIT)
    shutil.copytree(FOLDER / f"{SERIAL}.d", units / f"{SERIAL}.d")
    for program in PROGRAMS:
        path = root / program.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    return units


def verify(root: Path) -> subprocess.CompletedProcess[str]:
    """What systemd has to say about all of them."""
    names = ["denwaban.target", *(f"denwaban-{daemon}.service" for daemon in DAEMONS), SERIAL]
    return analyze("verify", f"--root={root}", *names)


def analyze(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", "--no-pager", *map(str, words)], capture_output=True, text=True,
                          timeout=60, check=False)
