# SPDX-License-Identifier: Apache-2.0
"""Runs SIPp, one process a role, and tells what went over the wire when a scenario fails."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.interop.network import PATIENCE_S, LoopbackNetwork, free_port, is_bound, wait_until
from tests.interop.sipp_script import Script

PROGRAM = shutil.which("sipp")


@dataclass
class Party:
    """Whose telephone this SIPp plays and whom it calls."""

    user: str
    secret: str = ""
    peer: str = "0"
    domain: str = "office.test"


class Sipp:
    """One SIPp process with one scenario against `server`; `finish` insists that it ended well."""

    def __init__(self, network: LoopbackNetwork, folder: Path, server: tuple[str, int], *, host: str = "",
                 transport: str = "u1") -> None:
        self.folder, self.server, self.transport = folder, server, transport
        folder.mkdir(parents=True, exist_ok=True)
        self.host = host or network.new_host()
        is_shared = ":" in self.host                               # there is one ::1 for everybody
        self.port, self.media_port = (free_port(self.host) if is_shared else network.port() for _ in range(2))
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def contact(self) -> str:
        """The address of this SIPp for a Contact header, without the user."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def start(self, script: Script, party: Party, *, calls: int = 1, timeout_s: int = 60,
              more: tuple[str, ...] = ()) -> "Sipp":
        (self.folder / "scenario.xml").write_text(script.xml())
        host = f"[{self.server[0]}]" if ":" in self.server[0] else self.server[0]
        command = [PROGRAM or "sipp", f"{host}:{self.server[1]}", "-sf", "scenario.xml", "-m", str(calls),
                   "-i", self.host, "-p", str(self.port), "-mi", self.host, "-mp", str(self.media_port),
                   "-t", self.transport, "-key", "domain", party.domain, "-key", "user", party.user,
                   "-key", "peer", party.peer, "-au", party.user, "-ap", party.secret, "-timeout", f"{timeout_s}s",
                   "-timeout_error", "-recv_timeout", f"{PATIENCE_S * 1000:.0f}", "-nostdin",
                   "-trace_err", "-error_file", "errors", "-trace_msg", "-message_file", "messages", *more]
        with (self.folder / "screen").open("wb") as screen:
            self.process = subprocess.Popen(command, cwd=self.folder, stdout=screen, stderr=screen,
                                            stdin=subprocess.DEVNULL, start_new_session=True)
        return self

    def wait_listening(self) -> "Sipp":
        """Until the kernel shows the socket bound (a UAS must be there before the call is)."""
        transport = "tcp" if self.transport.startswith("t") else "udp"
        process = self.process

        def is_listening() -> bool:
            assert process is not None
            assert process.poll() is None, f"SIPp ended with {process.returncode}\n{self.evidence()}"
            return is_bound(self.host, self.port, transport)
        wait_until(is_listening, PATIENCE_S, f"SIPp listening on {self.host}:{self.port}")
        return self

    def finish(self, timeout_s: float = 60) -> "Sipp":
        assert self.process is not None
        try:
            returncode = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.stop()
            raise AssertionError(f"SIPp did not end in {timeout_s} s\n{self.evidence()}") from None
        assert returncode == 0, f"SIPp ended with {returncode}\n{self.evidence()}"
        return self

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(5)

    def messages(self) -> list[tuple[str, str]]:
        """("sent" | "received", text) of every message, in order."""
        file = self.folder / "messages"
        text = file.read_text(errors="replace") if file.exists() else ""
        parts = re.split(r"-{20,} [^\n]*\n(?:UDP|TCP) message (sent|received)[^\n]*\n\n", text)
        return [(parts[i], parts[i + 1].strip() + "\n") for i in range(1, len(parts) - 1, 2)]

    def received(self, start: str) -> list[str]:
        """The messages received whose first line begins with `start`."""
        return [text for direction, text in self.messages() if direction == "received" and text.startswith(start)]

    def evidence(self) -> str:
        errors = self.folder / "errors"
        shown = "\n".join(f"--- {direction}\n{text}" for direction, text in self.messages())
        return f"{errors.read_text(errors='replace')[-1500:] if errors.exists() else ''}\n{shown[-6000:]}"

    def __enter__(self) -> "Sipp":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
