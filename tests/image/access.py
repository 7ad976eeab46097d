# SPDX-License-Identifier: Apache-2.0
"""SSH into the emulated box from the office's network: the operators' way in, and root's, for what tests look at."""

import base64
import subprocess
from pathlib import Path

OPERATOR, STRANGER, LATER, ROOT = "operator", "stranger", "later", "root"
PATIENCE_S = 240                    # an emulated board takes seconds to say hello


class Access:
    """Keys of four people in a folder, and a namespace to come from. known: where the box's own key is kept."""

    def __init__(self, folder: Path, namespace: str, known: str = "known") -> None:
        self._folder = folder
        self.namespace = namespace
        self._known = folder / known
        for name in (OPERATOR, STRANGER, LATER, ROOT):
            if not (folder / name).exists():
                subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"{name} of the test", "-f",
                                folder / name], check=True, timeout=PATIENCE_S)

    def public(self, name: str) -> str:
        """The line of a .pub file."""
        return (self._folder / f"{name}.pub").read_text().strip()

    def credential(self) -> str:
        """Words of a kernel's command line that let the test in as root: whoever writes them holds the card."""
        encoded = base64.b64encode(f"{self.public(ROOT)}\n".encode()).decode()
        return f"systemd.set_credential_binary=ssh.authorized_keys.root:{encoded}"

    def ssh(self, key: str, target: str, *words: str,
            options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        """target: USER@ADDRESS; a box whose own key has changed is refused."""
        return subprocess.run(
            ["ip", "netns", "exec", self.namespace, "ssh", "-F", "none", "-o", "BatchMode=yes", "-o",
             "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=accept-new", "-o", "ConnectTimeout=60", "-o",
             f"UserKnownHostsFile={self._known}", "-o", "ExitOnForwardFailure=yes", *options, "-i",
             self._folder / key, target, *words],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE_S, check=False)

    def run_as_root(self, address: str, script: str) -> str:
        """What a script of the shell prints. Raises AssertionError where it fails."""
        done = self.ssh(ROOT, f"root@{address}", script)
        assert done.returncode == 0, f"{script[:80]}: exit {done.returncode}: {done.stdout[-300:]}{done.stderr[-500:]}"
        return done.stdout

    def start_as_root(self, address: str, script: str) -> "subprocess.Popen[bytes]":
        """The same: it has begun, and is not waited for."""
        begun = subprocess.Popen(
            ["ip", "netns", "exec", self.namespace, "ssh", "-F", "none", "-o", "BatchMode=yes", "-o",
             "StrictHostKeyChecking=accept-new", "-o", f"UserKnownHostsFile={self._known}", "-i", self._folder / ROOT,
             f"root@{address}", f"echo begun; exec {script}"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL)
        assert begun.stdout is not None
        assert begun.stdout.readline() == b"begun\n", "no root over SSH"
        return begun
