# SPDX-License-Identifier: Apache-2.0
"""The box under measurement: its daemons with 500 extensions, in the network namespace of the benchmark itself, which
has two network sockets for them. What SIPp is to reach is on loopback, as elsewhere here.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from tests.bench.isolation import MARK
from tests.bench.process_tree import cpu_ns, tree_of
from tests.bench.servers import CARRIER, HOST
from tests.bench.sipp_load import TRUSTED

PROGRAM = Path(sys.executable).parent / "denwaban"
EXTENSIONS = 500
PORT = 5060
WAN, ROUTER = "203.0.113.5", "203.0.113.1"
START_LIMIT_S = 60.0
STOP_LIMIT_S = 15.0
LINES = (
    "# denwaban-config 1", f"set system domain {HOST}", "set system country de",
    f"set sip listener office address {HOST}", f"set sip listener office port {PORT}",
    "set sip listener office transport udp", f"set sip listener office trusted {TRUSTED}/32",
    "set sip listener wan interface wan", "set sip listener wan side public", "set sip role b2bua",
    "set trunk carrier listener office", f"set trunk carrier peer {CARRIER}", "set emergency none",
    "set route outside prefix 0", "set route outside trunk carrier",
    "set network managed true", "set network interface eth0 role wan", "set network interface eth1 role lan",
    f"set network wan address {WAN}/24", f"set network wan gateway {ROUTER}",
    "set network lan address 192.168.1.1/24", "set network dhcp range 192.168.1.100-192.168.1.199",
)
DAEMONS = ("configd", "netd", "mediad", "callserver")


def explain_missing() -> str:
    """Why there can be no box here, "" where there can."""
    if os.environ.get(MARK) != "own" or os.geteuid() or not shutil.which("ip"):
        return "it needs root, ip(8) and a network namespace of its own"
    return "" if shutil.which("dnsmasq", path="/usr/sbin:/usr/bin") else "it needs dnsmasq"


def write_configuration(path: Path, *further: str) -> Path:
    """That of the box, with the extensions u00000 to u00499."""
    extensions = [f"set extension u{number:05} secret pw{number:05}" for number in range(EXTENSIONS)]
    path.write_text("\n".join([*LINES, *extensions, *further, ""]))
    return path


@contextlib.contextmanager
def plug_in() -> Iterator[None]:
    """eth0 and eth1, whose other ends are in a namespace that stands for everybody else."""
    outside = f"dw{os.getpid()}bench"
    subprocess.run(["ip", "netns", "add", outside], check=True)
    try:
        for name in ("eth0", "eth1"):
            subprocess.run(["ip", "link", "add", name, "type", "veth", "peer", "name", name, "netns", outside],
                           check=True)
            subprocess.run(["ip", "-n", outside, "link", "set", name, "up"], check=True)
        yield
    finally:
        subprocess.run(["ip", "netns", "del", outside], check=True)     # the pairs go with it
        subprocess.run(["ip", "link", "del", "br-lan"], check=False, capture_output=True)


class Box(AbstractContextManager["Box"]):
    """is_whole: one `denwaban run`, which starts what it needs; else each daemon as its unit starts it."""

    name = "box"

    def __init__(self, folder: Path, is_whole: bool) -> None:
        self.is_whole, self.folder = is_whole, folder
        self.state = folder / "state"
        self.state.mkdir(parents=True)
        self.config = write_configuration(folder / "box.conf")
        self.target = f"{HOST}:{PORT}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.start_s: dict[str, float] = {}     # from exec to ready
        self._stack = contextlib.ExitStack()
        self._stack.enter_context(plug_in())
        self._stack.callback(self._undo_network)
        try:
            for part in ("run",) if is_whole else DAEMONS:
                self._start(part)
        except BaseException:
            self._stack.close()
            raise

    def _start(self, part: str) -> None:
        foreign = ("NOTIFY_SOCKET", "JOURNAL_STREAM")
        environment = {name: value for name, value in os.environ.items() if name not in foreign}
        if not self.is_whole:
            environment["DENWABAN_MEDIAD"] = "service"
        output = self._stack.enter_context((self.folder / f"{part}.out").open("wb"))
        errors = self._stack.enter_context((self.folder / f"{part}.err").open("wb"))
        self.processes[part] = subprocess.Popen(
            [PROGRAM, part, "--config", self.config, "--state", self.state], stdin=subprocess.DEVNULL, stdout=output,
            stderr=errors, env=environment, start_new_session=True)
        self._stack.callback(self._stop, part)
        began = time.monotonic()
        limit = began + START_LIMIT_S
        while not self._is_ready(part):
            if self.processes[part].poll() is not None or time.monotonic() > limit:
                said = (self.folder / f"{part}.err").read_text(errors="replace")
                raise RuntimeError(f"{part} did not become ready:\n{said[-3000:]}")
            time.sleep(0.01)
        self.start_s[part] = time.monotonic() - began

    def _is_ready(self, part: str) -> bool:
        if part == "mediad":        # it tells nobody but a service manager
            return (self.state / "media.sock").exists()
        return b"ready" in (self.folder / f"{part}.out").read_bytes().split(b"\n")

    def _stop(self, part: str) -> None:
        process = self.processes[part]
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        wrong = [line for line in (self.folder / f"{part}.err").read_text(errors="replace").splitlines()
                 if "Traceback" in line or '"alarm_raised"' in line]
        if wrong:
            print(f"{part} complained, its figures do not count:\n" + "\n".join(wrong[-5:]), file=sys.stderr)

    def _undo_network(self) -> None:
        subprocess.run([PROGRAM, "netd", "--config", self.config, "--state", self.state, "--undo"], check=False,
                       capture_output=True, timeout=START_LIMIT_S)

    @contextlib.contextmanager
    def before_others(self) -> Iterator[None]:
        """The daemons, we and what we start run before whatever else is on this machine, which on a box is nothing."""
        processes = [os.getpid(), *(member for process in self.processes.values() for member in tree_of(process.pid))]
        threads = [int(one) for process in processes for one in os.listdir(f"/proc/{process}/task")]
        ordinary = [one for one in threads if os.sched_getscheduler(one) == os.SCHED_OTHER]
        try:
            for thread in ordinary:
                os.sched_setscheduler(thread, os.SCHED_RR, os.sched_param(1))
            yield
        finally:
            for thread in ordinary:
                with contextlib.suppress(ProcessLookupError):
                    os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))

    def cpu_ns(self) -> int:
        """Processor time of everything that runs here, what was started by it included."""
        return sum(cpu_ns(process.pid) for process in self.processes.values())

    def close(self) -> None:
        """End everything, leave the network as it was."""
        self._stack.close()

    def __exit__(self, *_: object) -> None:
        self.close()


class LineClient(AbstractContextManager["LineClient"]):
    """A connection to one of the sockets that speak JSON lines."""

    def __init__(self, state: Path, name: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(START_LIMIT_S)
        self._socket.connect(str(state / name))
        self._lines = self._socket.makefile("rb")

    def ask(self, *words: object) -> object:
        """Its result. Raises RuntimeError where it refuses."""
        self._socket.sendall(json.dumps({"id": 1, "command": words}).encode() + b"\n")
        answer = json.loads(self._lines.readline())
        if not answer["ok"]:
            raise RuntimeError(f"{words}: {answer['error']}")
        return answer["result"]

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self._socket.close()
