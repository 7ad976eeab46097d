# SPDX-License-Identifier: Apache-2.0
"""`denwaban configd`: keeps the configuration and its history, has the other daemons take up what is committed.

It listens on DIR/config.sock and on nothing else. Exit codes: 0 stopped, 1 the machine says no, 2 the configuration is
wrong. SIGHUP reads FILE again.
"""

import asyncio
import gc
import os
import signal
import sys

from appliance.config.configuration import Configuration
from appliance.control.address import SOCKET_NAME
from appliance.control.configuring.part import RemotePart
from appliance.control.recent_events import RecentEvents
from appliance.daemons.configuration_file import print_findings, read_configuration
from appliance.daemons.configuring import Archive, Configuring, open_archive
from appliance.daemons.first_start import provide_box_configuration
from appliance.system.journal import ProcessJournal
from appliance.system.sd_notify import notify_manager
from appliance.system.watchdog import LoopWatchdog

EXIT_STOPPED, EXIT_CONFIGURATION = 0, 2


def run_configd(config_path: str, state_directory: str, is_first_start: bool = False) -> int:
    """Run until SIGTERM or SIGINT; is_first_start: write a box's first configuration where there is none. Returns the
    exit code."""
    os.umask(0o077)     # secrets are in it; whoever shares a group shares what is given to it
    if is_first_start:
        provide_box_configuration(config_path, state_directory)
    archive, troubles = open_archive(config_path, state_directory)
    result = read_configuration(config_path, explain_files=None)
    print_findings(result, sys.stderr)
    if result.configuration is None:
        return EXIT_CONFIGURATION
    os.makedirs(state_directory, mode=0o700, exist_ok=True)
    asyncio.run(ConfigurationDaemon(archive, result.configuration, state_directory, troubles).run())
    return EXIT_STOPPED


class ConfigurationDaemon:
    """Everything of the process, joined."""

    def __init__(self, archive: Archive, running: Configuration, state_directory: str, troubles: list[str]) -> None:
        self._journal = ProcessJournal()
        self._configuring = Configuring(archive, running, state_directory, self._journal)
        self._configuring.tell_events(RecentEvents(self._journal.recent))
        self._configuring.join(RemotePart("calls", state_directory, SOCKET_NAME), self._note_alarm, troubles)
        self._watchdog = LoopWatchdog()
        self._stop = asyncio.Event()
        self._reloading: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Have everybody take up what the file says, serve until told to stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        self._journal.start(loop)
        try:
            await self._configuring.open()
            gc.collect()
            gc.freeze()
            print("ready", flush=True)
            notify_manager("READY=1")
            self._watchdog.start(loop)
            await self._stop.wait()
            notify_manager("STOPPING=1")
        finally:
            await self._configuring.close()
            self._journal.close()

    def _reload(self) -> None:
        notify_manager("RELOADING=1")
        self._reloading = asyncio.get_running_loop().create_task(self._configuring.reload())
        self._reloading.add_done_callback(lambda _task: notify_manager("READY=1"))

    def _note_alarm(self, name: str, sentence: str, _remedy: str, is_raised: bool) -> None:
        self._journal.record("alarm_raised" if is_raised else "alarm_cleared", alarm=name, sentence=sentence)
