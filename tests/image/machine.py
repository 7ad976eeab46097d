# SPDX-License-Identifier: Apache-2.0
"""The image in the emulator: a card, a serial line, a network cable into a namespace, and a power switch."""

import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pexpect

from tests.box.technician import plain
from tests.interop.wide_network import WideNetwork

PROGRAM = shutil.which("qemu-system-aarch64")
KERNEL_LINE = ("console=ttyAMA0 panic=5 quiet TERM=vt100 systemd.tty.term.console=dumb systemd.tty.term.ttyAMA0=dumb "
               "systemd.show_status=0")
MAC = "52:54:00:99:00:02"
PROMPT, CONFIGURATION = "denwaban> ", "denwaban# "
BOOT_LIMIT_S = 600.0


class Machine:
    """One emulated board. card: its file, which is written to unless is_card_locked; log: everything that came on the
    serial line."""

    def __init__(self, card: Path, build: Path, network: tuple[str, str], log: Path,
                 words: str = "") -> None:
        """build: where kernel and RAM disk are; network: namespace and tap device; words: for the kernel."""
        self.network = network
        namespace, tap = network
        self.is_card_locked = False
        self._command = [
            "netns", "exec", namespace, PROGRAM or "qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a72",
            "-smp", "2", "-m", "1024", "-nographic", "-kernel", str(build / "vmlinuz"),
            "-initrd", str(build / "initrd.img"), "-append", f"{KERNEL_LINE} {words}",
            "-drive", f"file={card},format=raw,if=none,id=card,cache=writethrough", "-device",
            "virtio-blk-pci,drive=card", "-netdev", f"tap,id=cable,ifname={tap},script=no,downscript=no",
            "-device", f"virtio-net-pci,netdev=cable,mac={MAC}", "-device", "i6300esb", "-action", "watchdog=reset"]
        self._log_path = log
        self._log = log.open("a", encoding="utf-8")
        self._terminal: pexpect.spawn | None = None
        self.began = 0.0

    def power_on(self) -> None:
        """Nothing is waited for."""
        self.began = time.monotonic()
        locked = ",readonly=on" if self.is_card_locked else ""
        command = [f"{word}{locked}" if word.startswith("file=") else word for word in self._command]
        self._terminal = pexpect.spawn("ip", command, dimensions=(24, 80), encoding="utf-8",
                                       codec_errors="replace", timeout=60)
        self._terminal.logfile_read = self._log

    def power_off(self) -> None:
        """The plug is pulled."""
        if self._terminal is not None:
            self._terminal.kill(signal.SIGKILL)
            self._terminal.wait()
            self._terminal.close()
            self._terminal = None

    def seconds_on(self) -> float:
        """Since power came."""
        return time.monotonic() - self.began

    def wait_console(self, limit_s: float = BOOT_LIMIT_S) -> float:
        """Until the console of the phone system answers on the serial line; seconds since power came."""
        end = time.monotonic() + limit_s
        while True:
            self._serial.send("\r")
            if self._serial.expect_exact([PROMPT, pexpect.TIMEOUT], timeout=5) == 0:
                break
            assert time.monotonic() < end, f"no console after {limit_s:.0f} s"
        took_s = time.monotonic() - self.began
        self.drain()
        return took_s

    @property
    def _serial(self) -> pexpect.spawn:
        assert self._terminal is not None, "the machine is off"
        return self._terminal

    def drain(self, quiet_s: float = 1.5) -> None:
        """Read what still comes."""
        while self._serial.expect([r".+", pexpect.TIMEOUT], timeout=quiet_s) == 0:
            pass

    def read_for(self, seconds: float) -> None:
        """Read what comes in that time, and wait no longer."""
        end = time.monotonic() + seconds
        while (left_s := end - time.monotonic()) > 0:
            self._serial.expect([r".+", pexpect.TIMEOUT], timeout=left_s)

    def type(self, line: str, answer: str = PROMPT, limit_s: float = 60) -> str:
        """A line and Enter; what came before the answer, without what moves the cursor."""
        for character in line:                                     # a person types no faster; a UART has 16 octets
            self._serial.send(character)
        self._serial.send("\r")
        self._serial.expect_exact("\r\n", timeout=limit_s)         # before, the line is drawn with its prompt
        self._serial.expect_exact(answer, timeout=limit_s)
        return plain(self._serial.before)

    def send(self, line: str) -> None:
        """A line and Enter; nothing is waited for."""
        self._serial.send(line + "\r")

    def expect(self, what: str, limit_s: float) -> str:
        """Until the text comes."""
        self._serial.expect(re.escape(what), timeout=limit_s)
        return plain(self._serial.before)

    def kernel_log(self) -> str:
        """Everything that has been on the serial line since the first start."""
        self._log.flush()
        return self._log_path.read_text(encoding="utf-8", errors="replace")

    def close(self) -> None:
        self.power_off()
        self._log.close()


def add_tap(network: WideNetwork, bridge: str, name: str) -> None:
    """A socket for the machine's cable in the namespace of the bridges."""
    for words in (("tuntap", "add", name, "mode", "tap"), ("link", "set", name, "master", bridge, "up")):
        subprocess.run(["ip", "-n", network.internet, *words], check=True, capture_output=True)
