# SPDX-License-Identifier: Apache-2.0
"""Sees to it that somebody looks after the network where the configuration wants it: finds the process that does, or
starts one, starts another when it dies, ends it in the end. It has a session of its own and outlives a crash of ours.

With DENWABAN_NETD=service it is a unit of the service manager, and none of our business. `open` may wait.
"""

import asyncio
import os
import selectors
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic
from typing import Final

from appliance.errors import MachineError
from appliance.system.address_watch import connect_network
from appliance.system.peer_access import read_peer
from appliance.vocabulary.journal import Journal

SOURCE_DIRECTORY: Final = str(Path(__file__).parents[2])
VARIABLE: Final = "DENWABAN_NETD"
SERVICE: Final = "service"
READY_LIMIT_S: Final = 10.0
ENDING_LIMIT_S: Final = 2.0
FIRST_DELAY_S, LONGEST_DELAY_S, STEADY_S = 1.0, 30.0, 60.0


class NetdKeeper:
    """command: what starts one; it says `ready` on standard output, and its journal is ours."""

    def __init__(self, state_directory: str, command: list[str], journal: Journal) -> None:
        self._directory = state_directory
        self._command = command
        self._journal = journal
        self._process: subprocess.Popen[bytes] | None = None
        self._descriptor = -1           # of its process, readable once it has ended
        self._began = 0.0
        self._delay_s = FIRST_DELAY_S
        self._retry: asyncio.TimerHandle | None = None
        self._is_closing = False

    def open(self) -> None:
        """Find it or start it, and wait until it is ready. Raises MachineError where it cannot be had."""
        if self._descriptor >= 0 or os.environ.get(VARIABLE) == SERVICE:
            return
        self._is_closing = False
        if not self._find():
            self._start(subprocess.PIPE)
            self._await_ready()

    def want(self) -> None:
        """It is wanted from now on, without waiting for it; on the running loop."""
        if self._descriptor < 0 and self._retry is None and os.environ.get(VARIABLE) != SERVICE:
            self._is_closing = False
            self._start_again()

    def watch(self) -> None:
        """Hear of its end from now on; on the running loop."""
        if self._descriptor >= 0:
            asyncio.get_running_loop().add_reader(self._descriptor, self._bury)

    async def close(self) -> None:
        """End it; the network stays as it is."""
        self._is_closing = True
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if self._descriptor < 0:
            return
        asyncio.get_running_loop().remove_reader(self._descriptor)
        self._signal(signal.SIGTERM)
        if not await asyncio.to_thread(self._has_ended, ENDING_LIMIT_S):
            self._signal(signal.SIGKILL)
            await asyncio.to_thread(self._has_ended, ENDING_LIMIT_S)
        self._forget()

    def _find(self) -> bool:
        """One that a former call server has started, or somebody else."""
        try:
            with connect_network(self._directory) as probe:
                pid = read_peer(probe)[0]
                self._descriptor = os.pidfd_open(pid)
        except OSError:
            return False
        self._began = monotonic()
        self._journal.record("netd_found", pid=pid)
        return True

    def _start(self, output: int) -> None:
        environment = {name: value for name, value in os.environ.items()
                       if name not in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")}
        environment["PYTHONPATH"] = SOURCE_DIRECTORY
        try:
            process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=output,
                                       env=environment, start_new_session=True)
            self._descriptor = os.pidfd_open(process.pid)
        except OSError as error:
            raise MachineError(f"starting netd: {error.strerror}", error.errno or 0) from error
        self._process = process
        self._began = monotonic()
        self._journal.record("netd_started", pid=process.pid)

    def _await_ready(self) -> None:
        process = self._process
        assert process is not None
        assert process.stdout is not None
        said = b""
        deadline = monotonic() + READY_LIMIT_S
        with selectors.DefaultSelector() as selector, process.stdout as output:
            os.set_blocking(output.fileno(), False)
            selector.register(output, selectors.EVENT_READ)
            while b"ready\n" not in said:
                if not selector.select(max(0.0, deadline - monotonic())):
                    self._give_up("it is not ready")
                octets = os.read(output.fileno(), 4096)
                if not octets:
                    self._give_up("it has ended at its start")
                said += octets

    def _give_up(self, reason: str) -> None:
        self._signal(signal.SIGKILL)
        self._has_ended(ENDING_LIMIT_S)
        self._forget()
        raise MachineError(f"netd: {reason}; what it says is in the journal")

    def _bury(self) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        self._journal.record("netd_ended")
        self._forget()
        if monotonic() - self._began >= STEADY_S:
            self._delay_s = FIRST_DELAY_S
        if not self._is_closing:
            self._retry = asyncio.get_running_loop().call_later(self._delay_s, self._start_again)
            self._delay_s = min(LONGEST_DELAY_S, 2 * self._delay_s)

    def _start_again(self) -> None:
        """Nobody waits: who needs it watches its sockets."""
        self._retry = None
        try:
            if not self._find():
                self._start(subprocess.DEVNULL)
        except MachineError as error:
            self._journal.record("netd_failed", reason=error.operation)
            self._retry = asyncio.get_running_loop().call_later(self._delay_s, self._start_again)
            return
        self.watch()

    def _signal(self, number: int) -> None:
        try:
            signal.pidfd_send_signal(self._descriptor, number)
        except ProcessLookupError:
            return

    def _has_ended(self, limit_s: float) -> bool:
        with selectors.DefaultSelector() as selector:
            selector.register(self._descriptor, selectors.EVENT_READ)
            return bool(selector.select(limit_s))

    def _forget(self) -> None:
        os.close(self._descriptor)
        self._descriptor = -1
        if self._process is not None:
            self._process.wait()
            self._process = None


def write_command(config_path: str, state_directory: str) -> list[str]:
    """What starts one for this configuration."""
    return [sys.executable, "-P", "-m", "appliance", "netd", "--config", os.path.abspath(config_path),
            "--state", os.path.abspath(state_directory)]
