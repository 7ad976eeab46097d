# SPDX-License-Identifier: Apache-2.0
"""A program of Debian's that serves the LAN for us: started with our configuration, started again when it ends, ended
when we end. One that a killed netd has left behind is ended first.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Final

from appliance.errors import MachineError
from appliance.system.disk import write_over
from appliance.vocabulary.journal import Journal

FIRST_DELAY_S, LAST_DELAY_S = 0.5, 30.0
GOOD_RUN_S: Final = 60.0        # after so long its next end is the first one again
END_LIMIT_S: Final = 3.0


class ServedProgram:
    """State: the text that it runs with ("" for not at all), its process, when to start it again."""

    def __init__(self, name: str, directory: Path, command: Callable[[Path], list[str]], journal: Journal) -> None:
        """command: the arguments for a configuration file."""
        self._name = name
        self._file = directory / f"{name}.conf"
        self._pid_file = directory / f"{name}.child"
        self._command = command
        self._journal = journal
        self._text = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._pidfd = -1
        self._started_at = 0.0
        self._delay_s = FIRST_DELAY_S
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_running(self) -> bool:
        """Whether its process is there."""
        return self._process is not None

    def configure(self, text: str) -> None:
        """Run with this from now on; "": do not run. Nothing happens where the text is the same."""
        if text == self._text:
            return
        self._text = text
        self._delay_s = FIRST_DELAY_S
        self._cancel_timer()
        if self._process is not None:
            self._process.terminate()       # its end starts it with the new text
            self._delay_s = 0.0
            self._timer = asyncio.get_running_loop().call_later(END_LIMIT_S, self._kill)
        elif text:
            self._start()

    def sweep(self) -> None:
        """End what a killed netd has left behind: a process that runs with our file, and no other."""
        try:
            pid = int(self._pid_file.read_text(encoding="ascii"))
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if os.fsencode(self._file) not in command:
                return
            pidfd = os.pidfd_open(pid)
        except (OSError, ValueError):
            return
        try:
            signal.pidfd_send_signal(pidfd, signal.SIGTERM)
            if not select.select([pidfd], [], [], END_LIMIT_S)[0]:
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        except OSError as error:
            self._journal.record("service_left_behind", name=self._name, pid=pid, error=str(error))
        finally:
            os.close(pidfd)

    async def close(self) -> None:
        """End it, and wait until it has ended."""
        self._text = ""
        self._cancel_timer()
        process = self._process
        if process is None:
            return
        self._forget()
        process.terminate()
        try:
            await asyncio.get_running_loop().run_in_executor(None, process.wait, END_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._pid_file.unlink(missing_ok=True)

    def _start(self) -> None:
        self._timer = None
        try:
            write_over(self._file, self._text.encode())
            self._process = subprocess.Popen(self._command(self._file), stdin=subprocess.DEVNULL,
                                             stdout=subprocess.DEVNULL, start_new_session=True)
            self._pidfd = os.pidfd_open(self._process.pid)
            write_over(self._pid_file, str(self._process.pid).encode())
        except (MachineError, OSError) as error:
            self._journal.record("service_start_failed", name=self._name, error=str(error))
            if self._process is None or self._pidfd < 0:
                self._start_later()
                return
        self._started_at = monotonic()
        asyncio.get_running_loop().add_reader(self._pidfd, self._note_end)
        self._journal.record("service_started", name=self._name)

    def _note_end(self) -> None:
        assert self._process is not None    # the reader is there only while it runs
        status = self._process.wait()
        self._forget()
        self._cancel_timer()
        if not self._text:
            self._journal.record("service_stopped", name=self._name)
            return
        if self._delay_s == 0.0:            # we have ended it for its new configuration
            self._delay_s = FIRST_DELAY_S
            self._start()
            return
        if monotonic() - self._started_at > GOOD_RUN_S:
            self._delay_s = FIRST_DELAY_S
        self._journal.record("service_failed", name=self._name, status=status, retry_s=self._delay_s)
        self._start_later()

    def _start_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._delay_s, self._start)
        self._delay_s = min(2 * self._delay_s, LAST_DELAY_S)

    def _kill(self) -> None:
        self._timer = None
        if self._process is not None:
            self._process.kill()

    def _forget(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._pidfd = -1
        self._process = None

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
