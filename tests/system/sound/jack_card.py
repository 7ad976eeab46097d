# SPDX-License-Identifier: Apache-2.0
"""A sound card without hardware that keeps exact time: jackd's dummy driver, and alsa-lib's jack plugin towards it."""

import contextlib
import os
import shutil
import subprocess
import time
from pathlib import Path

from tests.interop.network import PATIENCE_S, wait_until

JACKD = shutil.which("jackd")
HAS_PLUGIN = any(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_jack.so"))
REASON = "jackd is not installed"


def come_first() -> None:
    """For a process about to become a card or what listens at one: time is kept before all else that the machine does,
    as it is where a card has a quartz of its own. Where that is not ours to say, it is done without."""
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


class JackCard:
    """A server of its own name; `path` is alsa-lib's configuration of the device `desk` that leads to it. The earpiece
    leads to the dummy's output, and the microphone hears the dummy's input: silence, unless `loop` connects them."""

    def __init__(self, folder: Path) -> None:
        self.name = f"desk{os.getpid()}{time.monotonic_ns() % 100000}"
        self.path = folder / "asound.conf"
        self._log = folder / "jackd.log"
        self.path.write_text(
            "</usr/share/alsa/alsa.conf>\n"
            "pcm.ear { type plug slave.pcm { type jack name \"ear\" playback_ports { 0 \"system:playback_1\" } } }\n"
            "pcm.mouth { type plug slave.pcm { type jack name \"mouth\" capture_ports { 0 \"system:capture_1\" } "
            "playback_ports {} } }\n"
            "pcm.desk { type asym playback.pcm \"ear\" capture.pcm \"mouth\" }\n")

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to find this card."""
        return {"ALSA_CONFIG_PATH": str(self.path), "JACK_DEFAULT_SERVER": self.name, "JACK_NO_START_SERVER": "1",
                "JACK_NO_AUDIO_RESERVATION": "1"}

    def plug(self) -> None:
        """The card is there."""
        assert JACKD is not None
        with self._log.open("ab") as log:
            self.process = subprocess.Popen([JACKD, "-n", self.name, "-r", "-d", "dummy", "-r", "8000", "-p", "80",
                                             "-C", "2", "-P", "2"], stdout=log, stderr=subprocess.STDOUT,
                                            stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=come_first)
        wait_until(lambda: self._list_ports().returncode == 0, PATIENCE_S, "jackd")

    def _list_ports(self) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(["jack_lsp"], env={**os.environ, **self.environment}, capture_output=True, text=True,
                              timeout=10, check=False)

    def connect(self) -> None:
        """What the earpiece sounds, the microphone hears: the dummy has no wire of its own."""
        def has_both():
            ports = self._list_ports().stdout.split()
            ear = [port for port in ports if port.startswith("ear:")]
            mouth = [port for port in ports if port.startswith("mouth:")]
            return (ear[0], mouth[0]) if ear and mouth else None
        ear, mouth = wait_until(has_both, PATIENCE_S, "both ends of the device")
        subprocess.run(["jack_connect", ear, mouth], env={**os.environ, **self.environment}, check=True, timeout=10,
                       capture_output=True)

    def unplug(self) -> None:
        """It is pulled out."""
        self.process.kill()
        self.process.wait(10)

    def __enter__(self) -> "JackCard":
        self.plug()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.unplug()
