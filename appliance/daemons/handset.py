# SPDX-License-Identifier: Apache-2.0
"""`denwaban handset`: the telephones at the sound card and the pins of the box, as SIP phones of the loopback.

It looks itself whether FILE has changed for it, and starts afresh once nobody talks. Exit codes: 0 stopped, 1 the
machine says no, 2 the configuration is wrong, 3 no handset is configured any more.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from functools import partial
from time import monotonic

from appliance.config.configuration import Configuration
from appliance.config.handset_configuration import HandsetConfiguration
from appliance.control.recent_events import RecentEvents
from appliance.daemons.configuration_file import print_findings, read_configuration
from appliance.daemons.file_identity import NO_FILE, read_identity
from appliance.daemons.handset_alarms import AlarmTeller, Trouble
from appliance.daemons.handset_care import StationCare
from appliance.daemons.handset_desk import HandsetDesk
from appliance.daemons.handset_station import HandsetStation
from appliance.daemons.own_bugs import OwnBugs
from appliance.errors import MachineError
from appliance.system.address_watch import AddressWatch, ask_addresses
from appliance.system.journal import ProcessJournal
from appliance.system.sd_notify import notify_manager
from appliance.system.watchdog import LoopWatchdog
from appliance.vocabulary import handset_alarm

EXIT_STOPPED, EXIT_MACHINE, EXIT_CONFIGURATION, EXIT_UNWANTED = 0, 1, 2, 3
LOOK_S = 1.0
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}


def run_handsets(config_path: str, state_directory: str) -> int:
    """Run until SIGTERM or SIGINT. Returns the exit code."""
    os.umask(0o077)
    os.makedirs(state_directory, mode=0o700, exist_ok=True)
    while True:
        seen = read_identity(config_path)
        result = read_configuration(config_path, None)
        if result.configuration is None:
            print_findings(result, sys.stderr)
            return EXIT_CONFIGURATION
        if not result.configuration.handsets:
            return EXIT_UNWANTED
        daemon = HandsetDaemon(result.configuration, config_path, state_directory, seen)
        asyncio.run(daemon.run())
        if daemon.own_bugs.has_given_up:
            return EXIT_MACHINE
        if not daemon.is_starting_afresh:
            return EXIT_STOPPED


def find_server(configuration: Configuration, addresses: Mapping[str, str]) -> str:
    """host:port of our own server, for UDP; "" where it has no address yet. addresses: by role. The public side is the
    last choice: who comes from there is a stranger."""
    for one in sorted(configuration.listeners.values(), key=lambda one: one.side == "public"):
        host = addresses.get(one.interface, "") if one.interface else one.address
        if host and "udp" in one.transports:
            host = EVERYWHERE.get(host, f"[{host}]" if ":" in host else host)
            return f"{host}:{one.port}"
    return ""


def ask_for_addresses(configuration: Configuration, state_directory: str) -> dict[str, str]:
    """By role, where a listener has its address from one; none where nobody says it yet."""
    if not any(one.interface for one in configuration.listeners.values()):
        return {}
    try:
        return ask_addresses(state_directory)
    except MachineError:
        return {}       # AddressWatch waits for it


def read_concern(configuration: Configuration, addresses: Mapping[str, str]) -> tuple[object, ...]:
    """What of a configuration makes a difference to the handsets."""
    handsets = configuration.handsets
    wanted = [configuration.extensions.get(one.extension) for one in handsets.values()]
    server = find_server(configuration, addresses)
    return (handsets, wanted, configuration.domain, configuration.country, server, configuration.name_servers,
            configuration.firewall.dscp_media, configuration.firewall.dscp_signalling,
            tuple(configuration.extensions), tuple(route.prefix for route in configuration.routes.values()))


class HandsetDaemon:
    """Everything of the process, joined."""

    def __init__(self, configuration: Configuration, config_path: str, state_directory: str,
                 seen: tuple[int, int]) -> None:
        """seen: the identity of FILE before it was read."""
        self._configuration = configuration
        self._config_path = config_path
        self._directory = state_directory
        self._addresses = ask_for_addresses(configuration, state_directory)
        self._address_watch = AddressWatch(state_directory, self._take_addresses)
        self._concern = read_concern(configuration, self._addresses)
        self._latest = configuration
        self._journal = ProcessJournal()
        self._cares = [StationCare(one.name, partial(self._build, one), self._journal)
                       for one in configuration.handsets.values()]
        self._desk = HandsetDesk(state_directory, self._cares, RecentEvents(self._journal.recent))
        self._teller = AlarmTeller(state_directory)
        self._bug = ""
        self._stop = asyncio.Event()
        self._watchdog = LoopWatchdog()
        self.own_bugs = OwnBugs(self._journal, self._raise_alarm, self._stop.set)
        self._seen = seen
        self._parent = os.getppid()
        self._is_outdated = False
        self.is_starting_afresh = False

    async def run(self) -> None:
        """Serve every handset until told to stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.set_exception_handler(self.own_bugs.handle)
        self._journal.start(loop)
        try:
            await self._desk.open()
            for care in self._cares:
                await care.open()
            print("ready", flush=True)
            notify_manager("READY=1")
            notify_manager("STATUS=")
            self._watchdog.start(loop)
            self._teller.start()
            if any(one.interface for one in self._configuration.listeners.values()):
                self._address_watch.open()
            loop.call_later(LOOK_S, self._look)
            await self._stop.wait()
        finally:
            self._watchdog.stop()
            await self._address_watch.close()
            await self._teller.close()
            await asyncio.gather(*(care.close() for care in self._cares))
            await self._desk.close()
            self._journal.close()

    def _build(self, one: HandsetConfiguration) -> HandsetStation:
        return HandsetStation(one, self._configuration, str(self._concern[4]), self._directory, self._journal)

    def _raise_alarm(self, sentence: str) -> None:
        self._journal.record("alarm", sentence=sentence)
        self._bug = sentence

    def _look(self) -> None:
        """Once a second: what is wrong, and what FILE says."""
        asyncio.get_running_loop().call_later(LOOK_S, self._look)
        now = monotonic()
        troubles = [trouble for care in self._cares for trouble in care.look(now)]
        if self._bug:
            troubles.append(Trouble("handset_bug", handset_alarm.BUG, "", self._bug))
        self._teller.tell(troubles)
        self._follow_file()

    # what FILE and the network say now

    def _take_addresses(self, addresses: dict[str, str]) -> None:
        self._addresses = addresses
        self._compare()

    def _compare(self) -> None:
        self._is_outdated = read_concern(self._latest, self._addresses) != self._concern

    def _follow_file(self) -> None:
        seen = read_identity(self._config_path)
        if seen not in (self._seen, NO_FILE):       # none: what we have goes on
            self._seen = seen
            result = read_configuration(self._config_path, None)
            if result.configuration is not None:
                self._latest = result.configuration
                self._compare()
        is_quiet = all(care.is_quiet for care in self._cares)
        is_orphaned = os.getppid() != self._parent      # whoever has started us starts another
        self.is_starting_afresh = self._is_outdated and is_quiet and not is_orphaned
        if self.is_starting_afresh or (is_orphaned and is_quiet):
            self._stop.set()
