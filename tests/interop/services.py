# SPDX-License-Identifier: Apache-2.0
"""The daemons as services beside one another: each a user of its own, all in one group, each under a manager of its own
that hands it what was stored. What the units say of users, group and environment is read from them.
"""

import functools
import grp
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.interop.network import PATIENCE_S, wait_until
from tests.interop.small_systemd import SmallSystemd
from tests.systemd.units import DAEMONS, read_service

ROOT = Path(__file__).resolve().parents[2]
FIRST_UID = 61100       # nobody's
STRANGER_UID = 61199
TRIED = "import os, sys, appliance.__main__, dns.message; sys.exit(not os.access(sys.executable, os.X_OK))"
GROUP = "users"         # any that the machine has: the units' own is made by systemd-sysusers


@functools.cache
def find_interpreter() -> tuple[list[str], dict[str, str]] | None:
    """A Python that other users may execute, and what it needs; None where there is none."""
    paths = {"PYTHONPATH": f"{ROOT}:{sysconfig.get_path('purelib')}"}
    for program in (sys.executable, f"/usr/bin/python{sys.version_info[0]}.{sys.version_info[1]}"):
        tried = [*become(STRANGER_UID), program, "-c", TRIED]
        try:
            done = subprocess.run(tried, env=paths, cwd="/", capture_output=True, timeout=60, check=False)
        except OSError:
            continue
        if done.returncode == 0:
            return [program, "-m", "appliance"], paths
    return None


def become(uid: int, is_member: bool = False) -> list[str]:
    """setpriv(1): that user, without a capability; in the group or in none that matters."""
    gid = grp.getgrnam(GROUP).gr_gid if is_member else uid
    return ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--inh-caps=-all"]


class Service:
    """One daemon of the box."""

    def __init__(self, daemon: str, folder: Path, state: Path, config: Path) -> None:
        self.uid = FIRST_UID + DAEMONS.index(daemon)
        self.daemon, self.state, self.config = daemon, state, config
        self.folder = folder / daemon
        self.folder.mkdir()
        self.folder.chmod(0o755)
        self.manager = SmallSystemd(self.folder)
        os.chmod(self.manager.address, 0o666)
        self.process: subprocess.Popen[bytes] | None = None
        self.errors = self.folder / "stderr"

    def start(self) -> "Service":
        interpreter, environment = find_interpreter() or ([], {})
        environment = environment | {"NOTIFY_SOCKET": self.manager.address, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        for line in read_service(self.daemon)["Environment"]:
            environment |= dict(word.split("=", 1) for word in line.split())
        environment["DENWABAN_GROUP"] = GROUP
        told = len(self.manager.said("READY=1"))
        command = [*interpreter, self.daemon, "--config", str(self.config), "--state", str(self.state)]
        with self.errors.open("ab") as errors:
            self.process = self.manager.launch([*self.find_setpriv(), *command], env=environment, cwd="/",
                                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors)
        wait_until(lambda: len(self.manager.said("READY=1")) > told or self.process.poll() is not None, PATIENCE_S,
                   f"{self.daemon} being ready")
        assert self.process.poll() is None, self.errors.read_text()
        return self

    def find_setpriv(self) -> list[str]:
        setpriv, *words = become(self.uid, True)
        return [f"/usr/bin/{setpriv}", *words]

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE_S)
        self.manager.close()


def ask(state: Path, command: str, uid: int, is_member: bool) -> subprocess.CompletedProcess[str]:
    """One command of the console, as that user."""
    interpreter, environment = find_interpreter() or ([], {})
    return subprocess.run([*become(uid, is_member), *interpreter, "console", "--state", state, "-c", command, "--json"],
                          env=environment | {"PATH": "/usr/bin:/bin"}, cwd="/", capture_output=True, text=True,
                          timeout=2 * PATIENCE_S, check=False)
