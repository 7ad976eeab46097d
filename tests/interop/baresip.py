# SPDX-License-Identifier: Apache-2.0
"""A real telephone without hands: baresip 1.0 driven over its JSON control port, no sound card.

What the phone says is read by its `aufile` source; what it hears the `sndfile` filter writes to dump-*-dec.wav; the
`aubridge` player only keeps the clock.
"""

import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.interop.namespaces import connect_inside
from tests.interop.network import PATIENCE_S, LoopbackNetwork, free_port, wait_until

PROGRAM = shutil.which("baresip")
MODULE_FOLDERS = ("/usr/lib/baresip/modules", "/usr/lib64/baresip/modules", "/usr/local/lib/baresip/modules")
MODULES = ("g711", "aufile", "ausine", "aubridge", "sndfile", "uuid")


@dataclass
class Account:
    """What a person types into a phone."""

    user: str
    secret: str
    server: str
    domain: str = "office.test"
    transport: str = "udp"
    username: str = ""
    contacts: str = field(default="", repr=False)
    applications: tuple[str, ...] = ()
    more: str = field(default="", repr=False)

    def line(self) -> str:
        username = f";auth_user={self.username}" if self.username else ""
        return (f"<sip:{self.user}@{self.domain};transport={self.transport}>;auth_pass={self.secret}{username}"
                f';outbound="sip:{self.server};transport={self.transport}";regint=60;answermode=manual'
                f";audio_codecs=PCMU/8000/1,PCMA/8000/1{self.more}\n")


class Baresip:
    """One phone; a context manager that starts and ends its process."""

    def __init__(self, network: LoopbackNetwork, folder: Path, account: Account, voice: Path,
                 at: tuple[str, str] | None = None) -> None:
        """at: namespace and address of the host it stands on; without it 127.0.0.1, from which its voice comes on
        loopback whatever its signalling is bound to: a relay hears nobody who speaks from somewhere else."""
        self.account, self.folder = account, folder
        self.namespace, self.host = at or ("", "127.0.0.1")
        self.control_port, self.sip_port, rtp_port = (
            (network.port(), network.port(), network.port()) if at else [free_port(self.host) for _ in range(3)])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config").write_text("\n".join(self._config(rtp_port, voice)) + "\n")
        (folder / "accounts").write_text(account.line())
        (folder / "contacts").write_text(account.contacts)
        self.log = folder / "log"
        self.events: list[dict[str, object]] = []
        self._buffer = b""

    def _config(self, rtp_port: int, voice: Path) -> list[str]:
        modules = next((folder for folder in MODULE_FOLDERS if Path(folder).is_dir()), MODULE_FOLDERS[0])
        return [f"module_path {modules}", f"sip_listen {self.host}:{self.sip_port}", f"net_interface {self.host}",
                f"ctrl_tcp_listen {self.host}:{self.control_port}", f"audio_player aubridge,null{self.sip_port}",
                f"snd_path {self.folder}", f"audio_source aufile,{voice}", f"audio_alert aubridge,alert{self.sip_port}",
                "audio_path /nonexistent", f"rtp_ports {rtp_port}-{rtp_port + 9}", "jitter_buffer_delay 2-10",
                "call_local_timeout 60", "call_max_calls 4", "ring_aufile none",
                *(f"module {name}.so" for name in MODULES), "module_tmp account.so",
                "module_app ctrl_tcp.so", "module_app menu.so",
                *(f"module_app {name}.so" for name in self.account.applications)]

    def __enter__(self) -> "Baresip":
        assert PROGRAM is not None
        with self.log.open("wb") as log:
            before = ["ip", "netns", "exec", self.namespace] if self.namespace else []
            self.process = subprocess.Popen([*before, PROGRAM, "-4", "-f", self.folder], stdout=log,
                                            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            self.socket = self._connect(self.control_port)
        except BaseException:
            self.kill()
            raise
        return self

    def _connect(self, port: int) -> socket.socket:
        """A connection to one of the modules that listen, as soon as the phone has loaded it."""
        def try_it() -> socket.socket | None:
            assert self.process.poll() is None, self.read_log()
            address = (self.host, port)
            try:
                return connect_inside(self.namespace, address) if self.namespace \
                    else socket.create_connection(address, PATIENCE_S)
            except ConnectionRefusedError:
                return None
        return wait_until(try_it, PATIENCE_S, f"port {port} of the phone of {self.account.user}")

    def __exit__(self, *_: object) -> None:
        try:
            self.command("quit", has_answer=False)
            self.process.wait(8)
        except (subprocess.TimeoutExpired, OSError):
            self.process.kill()
            self.process.wait(5)
        self.socket.close()

    def kill(self) -> None:
        """The power fails: no BYE, no deregistration."""
        self.process.kill()
        self.process.wait(5)

    def read_log(self) -> str:
        return self.log.read_text(errors="replace")

    # the control port speaks netstrings with JSON inside
    def _read(self, timeout_s: float) -> None:
        self.socket.settimeout(max(timeout_s, 0.01))
        try:
            octets = self.socket.recv(65536)
        except TimeoutError:
            return
        assert octets, f"the phone of {self.account.user} has gone:\n{self.read_log()[-1500:]}"
        self._buffer += octets
        self.events += self._take_netstrings()

    def _take_netstrings(self) -> Iterator[dict[str, object]]:
        while b":" in self._buffer:
            size, _, rest = self._buffer.partition(b":")
            if len(rest) <= int(size):
                return
            self._buffer = rest[int(size) + 1:]
            yield json.loads(rest[:int(size)].decode("utf-8", "replace"))

    def command(self, name: str, parameter: str = "", *, has_answer: bool = True) -> None:
        token = f"t{time.monotonic_ns()}"
        text = json.dumps({"command": name, "token": token, **({"params": parameter} if parameter else {})})
        self.socket.sendall(f"{len(text)}:{text},".encode())
        if has_answer:
            self._await(lambda event: event.get("token") == token, PATIENCE_S, f"an answer to {name}")

    def _await(self, is_wanted, timeout_s: float, what: str) -> dict[str, object]:
        end = time.monotonic() + timeout_s
        while True:
            for place, event in enumerate(self.events):
                if is_wanted(event):
                    return self.events.pop(place)
            seen = [event.get("type") for event in self.events]
            log = self.read_log()[-2500:]
            assert time.monotonic() < end, f"{self.account.user}: not {what}; seen {seen}; log:\n{log}"
            self._read(min(0.5, end - time.monotonic()))

    def wait(self, *types: str, timeout_s: float = PATIENCE_S) -> dict[str, object]:
        """The next event of one of `types`: CALL_INCOMING, CALL_ESTABLISHED, CALL_CLOSED ..."""
        what = " or ".join(types)
        return self._await(lambda event: event.get("event") and event.get("type") in types, timeout_s, what)

    def wait_registered(self, timeout_s: float = PATIENCE_S) -> None:
        """The first registration may be over before the control connection is: the log is the witness."""
        name = re.escape(f"{self.account.user}@{self.account.domain}")
        pattern = re.compile(rf"{name}: (?:{{0/)?[^\n]*200 OK")
        what = f"registration of {self.account.user}: {self.log}"
        wait_until(lambda: pattern.search(self.read_log()), timeout_s, what)

    # the telephone
    def dial(self, number: str) -> None:
        self.command("dial", f"sip:{number}@{self.account.domain}")

    def answer(self) -> None:
        self.command("accept")

    def hang_up(self) -> None:
        self.command("hangup")

    def hold(self) -> None:
        self.command("hold")

    def resume(self) -> None:
        self.command("resume")

    def wait_recorded(self) -> None:
        """The end of a call is told before its recording is closed, in the same turn of the phone's loop."""
        self.command("listcalls")

    def heard(self) -> Path:
        """The recording of what this phone heard in its last call; whole once the call has ended."""
        recordings = sorted(self.folder.glob("dump-*-dec.wav"), key=lambda file: file.stat().st_mtime)
        assert recordings, f"{self.account.user} recorded nothing"
        return recordings[-1]
