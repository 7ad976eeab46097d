# SPDX-License-Identifier: Apache-2.0
"""The handset daemon under test, with a sound card of alsa-lib's own plugins: `file` speaks a recording and writes what
is heard, paced by the daemon's clock.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from appliance.control.client import ControlClient
from tests.interop.network import PATIENCE_S, wait_until
from tests.interop.server import PROGRAM, Server
from tests.interop.sound import RATE_HZ, read_wav, write_wav

SILENT_S = 0.2


def write_file_card(folder: Path, voice: Path, seconds: int = 60) -> Path:
    """alsa-lib's configuration of a device `desk`: its microphone hears `voice` again and again, its earpiece writes
    heard.raw."""
    samples = read_wav(voice)
    said = np.tile(samples, int(seconds * RATE_HZ / len(samples)) + 1)
    (folder / "said.raw").write_bytes(said.astype("<i2").tobytes())
    path = folder / "asound.conf"
    path.write_text("</usr/share/alsa/alsa.conf>\n"
                    "pcm.desk { type asym\n"
                    f' playback.pcm {{ type file slave.pcm null file "{folder}/heard.raw" format raw }}\n'
                    f' capture.pcm {{ type file slave.pcm null file /dev/null infile "{folder}/said.raw" '
                    "format raw }\n"
                    "}\n")
    return path


def write_handset_configuration(office: Path, folder: Path) -> Path:
    """The office's configuration with a handset for 1001; a file of its own, since `run` would start one as well."""
    path = folder / "handset.conf"
    path.write_text(office.read_text() + "set handset desk extension 1001\nset handset desk device desk\n"
                    "set handset desk echo-cancel false\n")
    return path


class Handset:
    """One `denwaban handset`; a context manager that ends it by SIGTERM and insists on exit 0."""

    def __init__(self, config: Path, state: Path, folder: Path, card: Path | None, name: str = "desk",
                 environment: dict[str, str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.config, self.state, self.folder, self.name = config, state, folder, name
        self._card = card
        self._environment = environment or {}
        self.log = folder / "handset.log"

    def __enter__(self) -> "Handset":
        environment = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
        environment.update(self._environment)
        if self._card is not None:
            environment["ALSA_CONFIG_PATH"] = str(self._card)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "handset", "--config", self.config, "--state", self.state], stdout=log,
                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment, start_new_session=True)
        try:
            wait_until(lambda: self._alive() and "ready" in self.read_log().split("\n"), PATIENCE_S, "ready")
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(8)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        assert code == 0, self.read_log()[-2000:]
        assert "Traceback" not in self.read_log(), self.read_log()[-3000:]

    def _alive(self) -> bool:
        assert self.process.poll() is None, self.read_log()[-2000:]
        return True

    def read_log(self) -> str:
        return self.log.read_text(errors="replace")

    def ask(self, *words: str) -> dict:
        self._alive()
        client = ControlClient(str(self.state), socket_name=f"handset-{self.name}.sock")
        try:
            return client.ask(list(words))
        finally:
            client.close()

    def show(self) -> dict:
        return self.ask("show")

    def wait_state(self, state: str) -> dict:
        def is_there():
            shown = self.show()
            return shown if shown["state"] == state else None
        try:
            return wait_until(is_there, PATIENCE_S, f"the handset {state}")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.show()}\n{self.read_log()[-2000:]}") from None

    def wait_registered(self) -> None:
        wait_until(lambda: self.show()["registered"], PATIENCE_S, "registration of the handset")

    def processor_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_kib(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    def frame(self) -> int:
        """The number of the frame that its earpiece is at."""
        return self.show()["sound"]["frames"]

    def heard(self) -> np.ndarray:
        """All that its earpiece has sounded so far, but for what alsa-lib has not written yet."""
        octets = (self.folder / "heard.raw").read_bytes()
        return np.frombuffer(octets[:len(octets) // 2 * 2], "<i2").astype(float)

    def heard_wav(self, first_frame: int, last_frame: int) -> Path:
        """The same between two frames, as a file; what is silent at its beginning is left out."""
        wait_until(lambda: len(self.heard()) >= 80 * last_frame, PATIENCE_S, "what was heard")
        samples = self.heard()[80 * first_frame:80 * last_frame]
        loud = np.flatnonzero(np.abs(samples) > 200)
        path = self.folder / f"heard-{time.monotonic_ns()}.wav"
        return write_wav(path, samples[loud[0] if len(loud) else 0:])


@contextlib.contextmanager
def open_desk(office: Server, folder: Path, voice: Path) -> Iterator[Handset]:
    """A handset for 1001 of this office that speaks `voice`, registered."""
    folder.mkdir()
    config = write_handset_configuration(office.config, folder)
    with Handset(config, office.state, folder, write_file_card(folder, voice)) as desk:
        desk.wait_registered()
        yield desk


def build_porch(folder: Path, office_host: str, voice: Path, *lines: str) -> Handset:
    """A handset without a server, not started yet. lines: more of its configuration; office_host: where the rest of the
    configuration would listen."""
    folder.mkdir()
    config = folder / "denwaban.conf"
    config.write_text("\n".join(["# denwaban-config 1", "set system domain office.test",
                                 f"set sip listener office address {office_host}", *lines,
                                 "set handset porch device desk", "set handset porch echo-cancel false", ""]))
    return Handset(config, folder / "state", folder, write_file_card(folder, voice), name="porch")
