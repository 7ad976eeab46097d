# SPDX-License-Identifier: Apache-2.0
"""The servers under load, each on its own port of 127.0.0.1 and pinned to the first processor."""

import socket
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path

from tests.bench.process_tree import cpu_ns, memory_mib
from tests.bench.sipp_load import CARRIER_PORT, PHONES, TRUSTED

HOST = "127.0.0.1"
SERVER_CPU = "0"
START_LIMIT_S = 30.0
STOP_LIMIT_S = 10.0
CARRIER = f"{PHONES}:{CARRIER_PORT}"
OPTIONS = (b"OPTIONS sip:%b SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bKprobe%d;rport\r\n"
           b"Max-Forwards: 70\r\nFrom: <sip:probe@%b>;tag=probe\r\nTo: <sip:%b>\r\nCall-ID: probe%d\r\n"
           b"CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")


class Server(AbstractContextManager["Server"]):
    """A running server; `start_s` is the time from exec to ready."""

    name = ""

    def __init__(self, port: int, folder: Path, extensions: int) -> None:
        self.port = port
        self.folder = folder
        self.target = f"{HOST}:{port}"
        folder.mkdir(parents=True, exist_ok=True)
        command = ["taskset", "-c", SERVER_CPU, *self.prepare(extensions)]
        self.errors = (folder / "stderr").open("wb")
        begun = time.monotonic()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.errors, cwd=folder)
        self.wait_until_ready()
        self.start_s = time.monotonic() - begun

    def prepare(self, extensions: int) -> list[str]:
        """Write the configuration; the command that runs the server in the foreground."""
        raise NotImplementedError

    def wait_until_ready(self) -> None:
        raise NotImplementedError

    def wait_for_answer(self) -> None:
        """Ready once it answers an OPTIONS: for those that say nothing themselves."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((HOST, 0))
            probe.settimeout(0.005)
            own_port = probe.getsockname()[1]
            limit = time.monotonic() + START_LIMIT_S
            attempt = 0
            while time.monotonic() < limit and self.process.poll() is None:
                attempt += 1
                domain = self.target.encode()
                request = OPTIONS % (domain, own_port, attempt, domain, domain, attempt)
                probe.sendto(request, (HOST, self.port))
                try:
                    probe.recv(4096)
                except OSError:  # not yet bound, or not yet answered
                    continue
                return
        self.fail("did not answer")

    def find_complaints(self) -> str:
        """The last lines in which the server says that something was wrong with itself."""
        lines = (self.folder / "stderr").read_text(errors="replace").splitlines()
        return "\n".join([line for line in lines if "ERROR" in line or "Traceback" in line or '"alarm' in line][-5:])

    def cpu_ns(self) -> int:
        return cpu_ns(self.process.pid)

    def memory_mib(self, kind: str = "Rss") -> float:
        return memory_mib(self.process.pid, kind)

    def __exit__(self, *_: object) -> None:
        complaints = self.find_complaints()
        if complaints:
            print(f"{self.name} complained, its figures do not count:\n{complaints}", file=sys.stderr)
        self.process.terminate()
        try:
            self.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.errors.close()

    def fail(self, why: str) -> None:
        self.process.kill()
        sys.exit(f"{self.name} {why}:\n" + (self.folder / "stderr").read_text(errors="replace")[-3000:])


class Kamailio(Server):
    """kamailio as a registrar and record-routing proxy: one UDP worker, memory manager fm."""

    name = "kamailio"

    def prepare(self, extensions: int) -> list[str]:
        text = (Path(__file__).parent / "kamailio.cfg").read_text()
        for word, value in (("@HOST@", HOST), ("@PORT@", str(self.port)), ("@EXTENSIONS@", str(extensions)),
                            ("@TRUSTED@", TRUSTED)):
            text = text.replace(word, value)
        path = self.folder / "kamailio.cfg"
        path.write_text(text)
        return ["kamailio", "-f", str(path), "-DD", "-E", "-x", "fm", "-X", "fm", "-n", "1", "-m", "2048", "-M", "32",
                "-Y", str(self.folder), "-P", str(self.folder / "pid"), "-w", str(self.folder)]

    def wait_until_ready(self) -> None:
        self.wait_for_answer()


class Denwaban(Server):
    """Ours, with what a box has by default besides: store, journal, trace."""

    name = "denwaban"
    role = "proxy"
    further: tuple[str, ...] = ()

    def prepare(self, extensions: int) -> list[str]:
        lines = ["# denwaban-config 1", f"set system domain {HOST}", f"set sip listener office address {HOST}",
                 f"set sip listener office port {self.port}", "set sip listener office transport udp",
                 f"set sip listener office trusted {TRUSTED}/32", f"set sip role {self.role}",
                 "set sip record-route true", *self.further]
        lines += [f"set extension u{number:05} secret pw{number:05}" for number in range(extensions)]
        path = self.folder / "denwaban.conf"
        path.write_text("\n".join([*lines, ""]))
        program = Path(sys.executable).parent / "denwaban"
        return [str(program), "run", "--config", str(path), "--state", str(self.folder / "state")]

    def wait_until_ready(self) -> None:
        for line in self.process.stdout:
            if line.strip() == b"ready":
                return
        self.fail("did not become ready")


class DenwabanB2bua(Denwaban):
    """Ours as it is by default: a B2BUA with the relay's ports opened for every call, and one static trunk."""

    name = "denwaban b2bua"
    role = "b2bua"
    further = ("set trunk carrier listener office", f"set trunk carrier peer {CARRIER}", "set emergency none",
               "set route outside prefix 0", "set route outside trunk carrier")
