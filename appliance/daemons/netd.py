# SPDX-License-Identifier: Apache-2.0
"""`denwaban netd`: looks after the network of the host. The one privileged process; it listens on DIR/net.sock.

Exit codes: 0 stopped (the network stays as it is: calls go on), 1 the machine says no, 2 the configuration is wrong.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace

from appliance.config.configuration import Configuration
from appliance.control.asker import Asker
from appliance.control.conversation import Words, require_plain_words
from appliance.control.network_view import describe_interfaces, describe_lent, describe_plan
from appliance.control.recent_events import RecentEvents
from appliance.control.server import LineServer
from appliance.daemons.configuration_file import print_findings, read_configuration
from appliance.errors import MachineError, OperatorError
from appliance.system.firewall.keeping import FirewallKeeper
from appliance.system.journal import ProcessJournal
from appliance.system.network.dhcp_desk import DhcpDesk
from appliance.system.network.keeper import NetworkKeeper
from appliance.system.network.lan_desk import LanDesk
from appliance.system.sd_notify import notify_manager
from appliance.system.watchdog import LoopWatchdog

EXIT_STOPPED, EXIT_MACHINE, EXIT_CONFIGURATION = 0, 1, 2
SOCKET_NAME = "net.sock"
SWITCH_S = 0.0001
"""So long the thread that reads a configuration may keep the interpreter to itself: a ban waits for it."""
COMMANDS = (
    "addresses", "apply PATH", "check PATH", "log N", "revert", "show bans", "show firewall", "show interfaces",
    "show leases", "unban ADDRESS", "watch addresses",
)


def run_netd(config_path: str, state_directory: str, is_undo: bool = False) -> int:
    """Run until SIGTERM or SIGINT; is_undo: take away what is ours, and end. Returns the exit code."""
    os.umask(0o077)
    result = read_configuration(config_path, None)
    print_findings(result, sys.stderr)
    if result.configuration is None:
        return EXIT_CONFIGURATION
    os.makedirs(state_directory, mode=0o700, exist_ok=True)
    configuration = replace(result.configuration, network_managed=False) if is_undo else result.configuration
    daemon = NetworkDaemon(configuration, state_directory)
    refused = asyncio.run(daemon.run(is_single=is_undo))
    for sentence in refused if is_undo else ():
        print(sentence, file=sys.stderr)
    return EXIT_MACHINE if is_undo and refused else EXIT_STOPPED


class NetworkDaemon:
    """Everything of the process, joined."""

    def __init__(self, configuration: Configuration, state_directory: str) -> None:
        self._configuration = configuration
        self._journal = ProcessJournal()
        self._events = RecentEvents(self._journal.recent)
        self._firewall = FirewallKeeper(state_directory, self._journal)
        self._keeper = NetworkKeeper(state_directory, self._firewall, self._journal)
        self._dhcp = DhcpDesk(state_directory, self._journal, self._keeper.take_lease)
        self._lan = LanDesk(state_directory, self._journal)
        self._server = LineServer(state_directory, SOCKET_NAME, self._answer)
        self._stop = asyncio.Event()
        self._watchdog = LoopWatchdog()
        self._watchers: set[asyncio.Event] = set()
        self._addresses: dict[str, object] = {}
        self._is_ready = False

    async def run(self, is_single: bool = False) -> list[str]:
        """Set up the network, say ready, look after it until told to stop; is_single: only set it up. Returns what the
        kernel has refused."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        self._journal.start(loop)
        self._keeper.preset_leases(self._dhcp.read_kept(self._configuration))
        self._keeper.follow(self._note_change)
        try:
            await self._server.open()       # refuses where another runs on our state directory
            self._firewall.open()
            self._lan.open()
            await self._keeper.open()
            refused = await self._keeper.start(self._configuration)
            if is_single:
                return refused
            self._is_ready = True
            gc.collect()
            gc.freeze()     # to look through all of it again would take longer than a ban may
            sys.setswitchinterval(SWITCH_S)
            print("ready", flush=True)
            notify_manager("READY=1")
            self._watchdog.start(loop)
            await self._stop.wait()
            notify_manager("STOPPING=1")
            return refused
        finally:
            self._watchdog.stop()
            await self._server.close()
            self._dhcp.close()
            await self._lan.close()
            await self._keeper.close()
            await self._firewall.close()
            self._journal.close()

    def _note_change(self) -> None:
        keeper = self._keeper
        self._dhcp.update(keeper.configuration, keeper.observed)
        self._lan.update(keeper.configuration, keeper.sides)
        addresses: dict[str, object] = {role: side.describe() for role, side in keeper.sides.items()}
        if addresses != self._addresses:
            self._addresses = addresses
            for watcher in self._watchers:
                watcher.set()

    def _answer(self, words: Words, asker: Asker) -> object:
        plain = require_plain_words(words)
        if plain[:1] == ["log"]:
            return self._events.answer(plain, asker)
        if not self._is_ready:
            raise MachineError("netd is starting", errno.EAGAIN, retry_after_s=1.0)
        match plain:
            case ["addresses"]:
                return self._addresses
            case ["watch", "addresses"]:
                return self._watch_addresses()
            case ["check", path]:
                return self._check(path)
            case ["apply", path]:
                return self._apply(path)
            case ["revert"]:
                return self._revert()
            case ["unban", address]:
                return {"is_found": self._firewall.unban(address)}
            case ["show", "bans"]:
                return self._firewall.describe_bans()
            case ["show", "firewall"]:
                return self._firewall.describe_rules()
            case ["show", "interfaces"]:
                return self._show_interfaces()
            case ["show", "leases"]:
                return describe_lent(self._lan.list_lent())
        raise OperatorError("command", " ".join(plain), f"one of: {', '.join(COMMANDS)}")

    async def _watch_addresses(self) -> AsyncIterator[object]:
        """One answer now, one at each change."""
        changed = asyncio.Event()
        self._watchers.add(changed)
        try:
            while True:
                changed.clear()
                yield self._addresses
                await changed.wait()
        finally:
            self._watchers.discard(changed)

    async def _show_interfaces(self) -> object:
        counters = await self._keeper.read_counters()
        return describe_interfaces(self._keeper.observed, self._keeper.sides, counters, self._dhcp.remaining_s)

    async def _check(self, path: str) -> object:
        return describe_plan(await self._keeper.check(await read_beside(path)))

    async def _apply(self, path: str) -> object:
        return describe_plan(await self._keeper.apply(await read_beside(path)))

    async def _revert(self) -> object:
        plan = await self._keeper.revert()
        return describe_plan(plan) if plan is not None else {"steps": [], "missing": []}


async def read_beside(path: str) -> Configuration:
    """As read_whole, in a thread: a large office takes a while to read, and a ban does not wait."""
    return await asyncio.get_running_loop().run_in_executor(None, read_whole, path)


def read_whole(path: str) -> Configuration:
    """A configuration without errors. Raises OperatorError with the first of them."""
    result = read_configuration(path, None)
    if result.configuration is None:
        first = next(one for one in result.findings if one.is_error())
        raise OperatorError(first.path, first.sentence, first.remedy)
    return result.configuration
