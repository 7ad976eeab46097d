# SPDX-License-Identifier: Apache-2.0
"""The real daemon under test: `denwaban run` in a process of its own, driven by signals, files and its console.

Nothing in here imports the appliance: what it knows is what an operator knows.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from tests.interop.network import PATIENCE_S, wait_until

PROGRAM = Path(sys.executable).parent / "denwaban"
SECRETS = {"1001": "alpha-1001", "1002": "bravo-1002", "1003": "charlie-1003", "1004": "delta-1004",
           "1005": "echo-1005", "1006": "foxtrot-1006", "1007": "golf-1007", "1008": "hotel-1008"}
DOMAIN = "office.test"


def configuration(host: str, port: int = 5060, *, lines: Iterable[str] = (), secrets: dict[str, str] = SECRETS,
                  domain: str = DOMAIN, role: str = "proxy") -> str:
    """A configuration with one listener (UDP and TCP), a role and the extensions of `secrets`."""
    text = ["# denwaban-config 1", f"set system domain {domain}", f"set sip listener office address {host}",
            f"set sip listener office port {port}", "set sip listener office transport udp",
            "set sip listener office transport tcp", f"set sip role {role}"]
    text += [f"set extension {number} secret {secret}" for number, secret in secrets.items()]
    return "\n".join([*text, *lines]) + "\n"


class OwnBug(AssertionError):
    """The program has ended by itself or written a traceback: no accident of the machine, whatever the test was."""


class Server:
    """One `denwaban run`; a context manager that ends it by SIGTERM and insists on exit 0 within 5 s."""

    def __init__(self, folder: Path, host: str, port: int = 5060, *, lines: Iterable[str] = (),
                 secrets: dict[str, str] = SECRETS, state: Path | None = None, domain: str = DOMAIN,
                 namespace: str = "", notify_socket: str = "", role: str = "proxy") -> None:
        self._notify_socket = notify_socket
        self._before = ["ip", "netns", "exec", namespace] if namespace else []
        self.host, self.port, self.folder = host, port, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "denwaban.conf"
        self.config.write_text(configuration(host, port, lines=lines, secrets=secrets, domain=domain, role=role))
        self.state = state or folder / "state"
        self.state.mkdir(parents=True, exist_ok=True)
        self.output, self.errors = folder / "stdout", folder / "stderr"
        self.process: subprocess.Popen[bytes] | None = None
        self.start_s = 0.0

    def start(self, timeout_s: float = PATIENCE_S) -> "Server":
        began = time.monotonic()
        offset = self.output.stat().st_size if self.output.exists() else 0
        foreign = ("NOTIFY_SOCKET", "JOURNAL_STREAM")              # of whoever runs the tests
        environment = {name: value for name, value in os.environ.items() if name not in foreign}
        if self._notify_socket:
            environment["NOTIFY_SOCKET"] = self._notify_socket
        with self.output.open("ab") as output, self.errors.open("ab") as errors:
            command = [*self._before, PROGRAM, "run", "--config", self.config, "--state", self.state]
            self.process = self._launch(command, stdout=output, stderr=errors, stdin=subprocess.DEVNULL,
                                        env=environment, start_new_session=True)

        def is_ready() -> bool:
            self._alive()
            with self.output.open("rb") as stream:
                stream.seek(offset)
                return b"ready" in stream.read().split(b"\n")
        try:
            wait_until(is_ready, timeout_s, "the line `ready` on standard output")
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        self.start_s = time.monotonic() - began
        return self

    def _launch(self, command: "list[str | Path]", **how: object) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(command, **how)

    def stop(self, timeout_s: float = 5) -> None:
        """SIGTERM; the contract gives the daemon 5 s to leave with 0."""
        process = self._alive()
        process.send_signal(signal.SIGTERM)
        try:
            returncode = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still running {timeout_s} s after SIGTERM:\n{self.tail()}") from None
        if returncode != 0:
            raise OwnBug(f"exit {returncode} after SIGTERM:\n{self.tail()}")

    def kill(self) -> None:
        """kill -9, as a crash or the power would."""
        process = self._alive()
        process.kill()
        process.wait(5)

    def reload(self) -> None:
        self._alive().send_signal(signal.SIGHUP)

    def _alive(self) -> "subprocess.Popen[bytes]":
        assert self.process is not None, "the server was not started"
        if self.process.poll() is not None:
            raise OwnBug(f"the server has ended with {self.process.returncode}:\n{self.tail()}")
        return self.process

    def tail(self, size_octets: int = 3000) -> str:
        return self.errors.read_text(errors="replace")[-size_octets:] if self.errors.exists() else ""

    def journal(self, event: str | None = None) -> list[dict[str, object]]:
        """What the journal says so far: its whole JSON lines, those of one event if named."""
        entries = []
        for line in self.errors.read_text(errors="replace").splitlines(keepends=True):
            if line.startswith("{") and line.endswith("\n"):
                entries.append(json.loads(line))
        return [entry for entry in entries if event is None or entry.get("event") == event]

    def console(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([PROGRAM, "console", "--state", self.state, "-c", command, "--json"],
                              capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    def show(self, command: str) -> object:
        """The JSON answer of one console command; AssertionError when the console failed."""
        done = self.console(command)
        assert done.returncode == 0, f"console {command!r}: exit {done.returncode}: {done.stderr or done.stdout}"
        return json.loads(done.stdout)

    def processor_s(self) -> float:
        """Processor time it has used so far, whatever else the machine was doing."""
        fields = Path(f"/proc/{self._alive().pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")      # proc(5): utime, stime

    def resident_kib(self) -> int:
        status = Path(f"/proc/{self._alive().pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    def __enter__(self) -> "Server":
        return self.start()

    def __exit__(self, exception: type[BaseException] | None, *_: object) -> None:
        if self.process is None:
            return
        if self.process.poll() is None:
            self.stop() if exception is None else self.kill()
        elif self.process.returncode not in (0, -signal.SIGKILL):
            raise OwnBug(f"ended by itself with {self.process.returncode}:\n{self.tail()}")
        if "Traceback" in self.errors.read_text(errors="replace"):
            raise OwnBug(self.tail())
