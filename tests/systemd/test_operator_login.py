# SPDX-License-Identifier: Apache-2.0
"""A real sshd with the drop-in of systemd/: a key of the configuration opens the console and nothing beside it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.config.text import VERSION_LINE
from tests.interop.network import free_port, wait_until
from tests.systemd.units import FOLDER

SSHD = "/usr/sbin/sshd"
CHECKOUT = FOLDER.parent
NAMES = ("anna", "eve")
PATIENCE_S = 60

pytestmark = [pytest.mark.skipif(not os.path.exists(SSHD), reason="sshd is not installed"),
              pytest.mark.skipif(shutil.which("ssh") is None, reason="ssh is not installed"),
              pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]


class Box:
    """sshd on a port of the loopback, which takes root for the technician."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port("127.0.0.1")
        self.configuration = folder / "running.conf"
        self.configuration.write_text(f"{VERSION_LINE}\n")
        for name in (*NAMES, "host"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / name],
                           check=True, timeout=PATIENCE_S)

    def write_sshd_configuration(self) -> Path:
        """As it is, but for what this machine has elsewhere: its program, its user, and a shell that says its name."""
        shell = self.folder / "shell"
        shell.write_text('#!/bin/sh\necho "console: $SSH_ORIGINAL_COMMAND"\n')
        shell.chmod(0o755)
        text = (FOLDER / "sshd_config.d/denwaban.conf").read_text()
        for here, there in (
                ("Match Group denwaban-operators", "Match User root"), ("denwaban-sshkeys", "root"),
                ("/usr/lib/denwaban/bin/denwaban-shell", str(shell)),
                ("/usr/lib/denwaban/bin/denwaban ",
                 f"/usr/bin/env PYTHONPATH={CHECKOUT} {sys.executable} -m appliance "),
                ("/var/lib/denwaban/config/running.conf", str(self.configuration))):
            assert here in text
            text = text.replace(here, there)
        path = self.folder / "sshd_config"
        path.write_text(f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.folder}/host\nUsePAM no\n"
                        f"PidFile none\nPermitRootLogin prohibit-password\n{text}")
        return path

    def let_in(self, *names: str) -> None:
        """As a commit would."""
        lines = [f'set system operator {name} ssh-key "{(self.folder / f"{name}.pub").read_text().strip()}"\n'
                 for name in names]
        fresh = self.configuration.with_suffix(".new")
        fresh.write_text(f"{VERSION_LINE}\n{''.join(lines)}")
        fresh.replace(self.configuration)

    def ssh(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no",
             "-o", f"UserKnownHostsFile={self.folder}/known", "-o", "ExitOnForwardFailure=yes", "-i",
             self.folder / name, "-p", str(self.port), *words],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE_S, check=False)


@contextmanager
def run_sshd(box: Box) -> Iterator[None]:
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    log = box.folder / "sshd.log"
    with log.open("w") as file:
        server = subprocess.Popen([SSHD, "-D", "-e", "-f", box.write_sshd_configuration()], stderr=file)
    try:
        wait_until(lambda: "Server listening" in log.read_text() or server.poll() is not None, PATIENCE_S, "sshd")
        assert server.poll() is None, log.read_text()
        yield
    finally:
        server.terminate()
        server.wait(PATIENCE_S)


def test_a_key_is_good_from_its_commit_to_the_next_and_for_the_console_alone(tmp_path):
    box, away = Box(tmp_path), free_port("127.0.0.1")
    with run_sshd(box):
        assert "Permission denied (publickey" in box.ssh("anna", "root@127.0.0.1", "show calls").stderr
        box.let_in("anna")
        said = box.ssh("anna", "root@127.0.0.1", "show calls; id")
        assert (said.stdout, said.returncode) == ("console: show calls; id\n", 0), said.stderr
        assert box.ssh("anna", "root@127.0.0.1").stdout == "console: \n"
        assert box.ssh("eve", "root@127.0.0.1").returncode == 255
        forwarded = box.ssh("anna", "-R", f"{away}:127.0.0.1:{box.port}", "root@127.0.0.1")
        assert forwarded.returncode == 255
        assert "forwarding failed" in forwarded.stderr
        inwards = box.ssh("anna", "-W", f"127.0.0.1:{box.port}", "root@127.0.0.1")
        assert "administratively prohibited" in inwards.stderr
        box.let_in("eve")
        assert box.ssh("anna", "root@127.0.0.1").returncode == 255
        assert box.ssh("eve", "root@127.0.0.1").returncode == 0
        (tmp_path / "running.conf").unlink()
        assert box.ssh("eve", "root@127.0.0.1").returncode == 255
