# SPDX-License-Identifier: Apache-2.0
"""Sees to it that the handsets of the configuration have their process: starts one, another when it dies, ends it.

With DENWABAN_HANDSET=service it is a unit of the service manager, and none of our business.
"""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic
from typing import Final

from appliance.vocabulary.journal import Journal

SOURCE_DIRECTORY: Final = str(Path(__file__).parents[2])
VARIABLE: Final = "DENWABAN_HANDSET"
SERVICE: Final = "service"
ENDING_LIMIT_S: Final = 3.0
FIRST_DELAY_S, LONGEST_DELAY_S, STEADY_S = 1.0, 30.0, 60.0


class HandsetKeeper:
    """On the running event loop. The process looks itself whether its configuration has changed."""

    def __init__(self, config_path: str, state_directory: str, journal: Journal) -> None:
        self._command = [sys.executable, "-P", "-m", "appliance", "handset", "--config", os.path.abspath(config_path),
                         "--state", os.path.abspath(state_directory)]
        self._journal = journal
        self._process: subprocess.Popen[bytes] | None = None
        self._descriptor = -1           # of the process, readable once it has ended
        self._began = 0.0
        self._delay_s = FIRST_DELAY_S
        self._retry: asyncio.TimerHandle | None = None
        self._is_closing = False

    def want(self) -> None:
        """There are handsets: it is to be there from now on."""
        if self._process is None and self._retry is None and os.environ.get(VARIABLE) != SERVICE:
            self._start()

    def _start(self) -> None:
        self._retry = None
        environment = {name: value for name, value in os.environ.items()
                       if name not in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")}
        environment["PYTHONPATH"] = SOURCE_DIRECTORY
        try:
            process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                       env=environment)
            self._descriptor = os.pidfd_open(process.pid)
        except OSError as error:
            self._journal.record("handset_failed", reason=error.strerror or str(error))
            self._start_later()
            return
        self._process = process
        self._began = monotonic()
        self._journal.record("handset_started", pid=process.pid)
        asyncio.get_running_loop().add_reader(self._descriptor, self._bury)

    def _start_later(self) -> None:
        self._retry = asyncio.get_running_loop().call_later(self._delay_s, self._start)
        self._delay_s = min(LONGEST_DELAY_S, 2 * self._delay_s)

    def _bury(self) -> None:
        code = self._forget()
        self._journal.record("handset_ended", exit_code=code)
        if monotonic() - self._began >= STEADY_S:
            self._delay_s = FIRST_DELAY_S
        if code != 0 and not self._is_closing:      # 0: told to end
            self._start_later()

    def _forget(self) -> int:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = -1
        process, self._process = self._process, None
        return process.wait() if process is not None else 0

    async def close(self) -> None:
        """End it; its calls are ended with it."""
        self._is_closing = True
        if self._retry is not None:
            self._retry.cancel()
        process = self._process
        if process is None:
            return
        asyncio.get_running_loop().remove_reader(self._descriptor)
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(process.wait, ENDING_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
        self._forget()
