# SPDX-License-Identifier: Apache-2.0
"""Sees to it that there is a process that relays: adopts the one that is there, starts one where there is none,
replaces what is not the right one, starts another when it dies, and ends it in the end. Where it is a service of its
own we wait for it instead, and only tell the wrong one to end, in whose place the service manager starts the right one.

Runs on the event loop; its state is changed by its own callbacks, `open`, `close` and `leave`.
"""

import asyncio
from collections.abc import Callable, Sequence
from enum import IntEnum
from time import monotonic
from typing import NamedTuple

from appliance.errors import MachineError, MisuseError
from appliance.system.media.messages import PROTOCOL, Greeting
from appliance.system.media.relay_client import RelayClient
from appliance.system.media.relay_process import RelayProcess, find_relay, is_service, start_relay
from appliance.version import VERSION
from appliance.vocabulary.journal import Journal

ALARM = "media_relay_away"
SENTENCE = "the process that relays media cannot be had: calls through this box have no audio"
REMEDY = "look for media_relay lines in the journal; is the machine out of memory or of descriptors?"
START_LIMIT_S = 3.0             # a start waits no longer for it; the office is served without
GREETING_LIMIT_S = 5.0          # one that says nothing for so long is ended
PORTS_LIMIT_S = 0.5             # a change waits no longer for its first ports; they take some 50 ms
LEAVING_LIMIT_S = 1.0           # one that was asked to end and does not
SAID_DELAY_S = 0.2
FIRST_DELAY_S, LONGEST_DELAY_S = 0.25, 30.0
SERVICE_DELAY_S = 1.0           # for one that somebody else starts: looking costs nothing
STEADY_S = 30.0                 # one that lived so long died of something new: the next one is started at once


class RelayState(IntEnum):
    """What we have."""

    AWAY = 0                    # nothing
    GREETING = 1                # a connection; it has not said yet what it is and has
    PRESENT = 2
    LEAVING = 3                 # it was asked to end


TRANSITIONS = {
    RelayState.AWAY: {RelayState.GREETING},
    RelayState.GREETING: {RelayState.PRESENT, RelayState.LEAVING, RelayState.AWAY},
    RelayState.PRESENT: {RelayState.LEAVING, RelayState.AWAY},
    RelayState.LEAVING: {RelayState.AWAY},
}


class RelaySurroundings(NamedTuple):
    """Whom the keeper tells what. settle(now): sends what the user of the relay has queued. note_alarm(name, sentence,
    remedy, is_raised)."""

    journal: Journal
    settle: Callable[[float], None]
    note_alarm: Callable[[str, str, str, bool], None]


class RelayKeeper:
    """`relay` is what calls talk to, and `relay.user` who hears of it. ports: first and last; hosts: our addresses that
    media may use.
    """

    def __init__(self, state_directory: str, ports: tuple[int, int], hosts: Sequence[str],
                 surroundings: RelaySurroundings) -> None:
        self.relay = RelayClient(hosts, self, surroundings.settle)
        self._directory = state_directory
        self._wanted = Greeting(VERSION, PROTOCOL, *ports)
        self._journal = surroundings.journal
        self._note_alarm = surroundings.note_alarm
        self._is_service = is_service()
        self._longest_delay_s = SERVICE_DELAY_S if self._is_service else LONGEST_DELAY_S
        self._process: RelayProcess | None = None
        self._dying: set[RelayProcess] = set()      # let go, or dead and not buried
        self._state = RelayState.AWAY
        self._is_closing = self._is_alarmed = False
        self._began = 0.0
        self._delay_s = 0.0
        self._limit: asyncio.TimerHandle | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._changed = asyncio.Event()
        self._said = b""                            # on standard error, by the process, not noted yet

    def reconfigure(self, ports: tuple[int, int], hosts: Sequence[str]) -> None:
        """Other ports or addresses of ours from now on; calls keep the ports that they have."""
        if ports != (self._wanted.first, self._wanted.last):
            self._wanted = self._wanted._replace(first=ports[0], last=ports[1])
            if self._state == RelayState.PRESENT:
                self.relay.change_range(*ports)
        self.relay.set_hosts(hosts)
        self.relay.await_ports(PORTS_LIMIT_S)

    def open(self) -> None:
        """Adopt or start one; `wait_present` waits for it. The user hears `relay_found` on a later wake."""
        self._join()

    async def wait_present(self, limit_s: float = START_LIMIT_S) -> bool:
        """Whether a relay is there within limit_s. Where none is, an alarm says so and we go on trying."""
        if await self._reach(RelayState.PRESENT, limit_s):
            return True
        self._raise_alarm()
        return False

    async def close(self, limit_s: float = 2 * LEAVING_LIMIT_S) -> None:
        """End the process, after all that it was asked before, and wait for that: its last answers are still told."""
        self._is_closing = True
        self._cancel_timers()
        if self._state != RelayState.AWAY and not self._is_service:
            self._end("stopping")
            await self._reach(RelayState.AWAY, limit_s)
        for process in self._dying:
            process.kill()
        self.leave()

    def leave(self) -> None:
        """Let it go on without us, for the next start to adopt."""
        self._is_closing = True
        self._cancel_timers()
        self.relay.detach()
        for process in self._dying | ({self._process} if self._process is not None else set()):
            self._unwatch(process)
            process.leave()
        self._dying.clear()
        self._process = None

    # ---- coming

    def _join(self) -> None:
        self._retry = None
        self._began = monotonic()
        try:
            found = find_relay(self._directory)
            if found is None and self._is_service:
                self._await_service()
                return
            process = found or start_relay(self._directory, self._wanted.first, self._wanted.last)
        except MachineError as error:
            self._journal.record("media_relay_failed", reason=error.operation)
            self._raise_alarm()
            self._plan_join()
            return
        self._journal.record("media_relay_found" if found else "media_relay_started", pid=process.pid)
        self._process = process
        self._watch(process)
        self._enter(RelayState.GREETING, GREETING_LIMIT_S)
        self.relay.attach(process.connection)

    def _await_service(self) -> None:
        """It comes, or comes back, in a moment; where it does not, that is told."""
        if self._delay_s >= self._longest_delay_s:
            self._raise_alarm()
        self._plan_join()

    def _plan_join(self) -> None:
        """Now, and if that is no good later and later."""
        if not self._is_closing and self._retry is None:
            self._retry = asyncio.get_running_loop().call_later(self._delay_s, self._join)
            self._delay_s = min(self._longest_delay_s, max(FIRST_DELAY_S, 2 * self._delay_s))

    def relay_greeted(self, greeting: Greeting | None) -> None:
        """Adopt only what is exactly as wanted: another version or other ports are replaced, sessions or not."""
        if self._state != RelayState.GREETING:
            return
        if greeting == self._wanted:
            self.relay.begin()
        else:
            self._end("unfit")

    def relay_present(self, session_count: int) -> None:
        self._enter(RelayState.PRESENT)
        self._journal.record("media_relay_present", sessions=session_count)
        if self._is_alarmed:
            self._is_alarmed = False
            self._note_alarm(ALARM, SENTENCE, REMEDY, False)

    def ports_missing(self, host: str, reason: str) -> None:
        self._journal.record("media_ports_missing", host=host, reason=reason)

    # ---- going

    def _end(self, reason: str) -> None:
        self._journal.record("media_relay_ending", reason=reason)
        self._enter(RelayState.LEAVING, LEAVING_LIMIT_S)
        self.relay.end()

    def connection_ended(self) -> None:
        """It has died, has dropped us, or speaks something else. What was asked to end has ended when it is dead."""
        if self._state == RelayState.LEAVING:
            return
        if self._state == RelayState.PRESENT:
            self._journal.record("media_relay_lost")
        elif self._process is not None and self._process.is_child:
            self._raise_alarm()     # it could not even begin; one that was found may just have been about to end
        if monotonic() - self._began >= STEADY_S:
            self._delay_s = 0.0
        self._enter(RelayState.AWAY)
        if self._process is not None:
            self._dying.add(self._process)
            self._process = None
        if not self._is_closing:    # the dead one is buried within moments, which calls for the next one at once
            self._retry = asyncio.get_running_loop().call_later(max(FIRST_DELAY_S, self._delay_s), self._join)

    def _bury(self, process: RelayProcess) -> None:
        """Its process is gone."""
        if process is self._process:
            self.relay.read_rest()          # what it said last; this ends the connection
        self._unwatch(process)
        self._journal.record("media_relay_ended", pid=process.pid, code=str(process.bury()))
        is_last = process is self._process or process in self._dying
        self._dying.discard(process)
        if process is self._process:
            self._process = None
            self._enter(RelayState.AWAY)
        if is_last and self._state == RelayState.AWAY:
            self._cancel_timers()
            self._plan_join()

    def _kill(self) -> None:
        """It does not do what it was asked. One that hangs as a service is its manager's to end."""
        self._limit = None
        if self._process is not None and not self._is_service:
            self._journal.record("media_relay_killed", pid=self._process.pid)
            self._process.kill()
            if self._state == RelayState.GREETING:
                self._enter(RelayState.LEAVING, LEAVING_LIMIT_S)

    # ---- watching

    def _watch(self, process: RelayProcess) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(process.process_descriptor, self._bury, process)
        if process.errors >= 0:
            loop.add_reader(process.errors, self._read_errors, process)

    def _unwatch(self, process: RelayProcess) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(process.process_descriptor)
        if process.errors >= 0 and loop.remove_reader(process.errors):
            self._said += process.read_errors()
        self._note_errors()

    def _read_errors(self, process: RelayProcess) -> None:
        """A traceback comes line by line: it is one event."""
        octets = process.read_errors()
        loop = asyncio.get_running_loop()
        if not octets:
            loop.remove_reader(process.errors)
        if not self._said:
            loop.call_later(SAID_DELAY_S, self._note_errors)
        self._said += octets

    def _note_errors(self) -> None:
        if self._said:
            self._journal.record("media_relay_said", text=self._said.decode(errors="replace").rstrip())
            self._said = b""

    def _enter(self, state: RelayState, limit_s: float | None = None) -> None:
        if state not in TRANSITIONS[self._state]:
            raise MisuseError(f"media relay: {self._state.name} to {state.name}")
        self._state = state
        if self._limit is not None:
            self._limit.cancel()
        self._limit = None if limit_s is None else asyncio.get_running_loop().call_later(limit_s, self._kill)
        self._changed.set()

    async def _reach(self, state: RelayState, limit_s: float) -> bool:
        deadline = monotonic() + limit_s
        while self._state != state:
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), deadline - monotonic())
            except TimeoutError:
                return False
        return True

    def _cancel_timers(self) -> None:
        for timer in (self._limit, self._retry):
            if timer is not None:
                timer.cancel()
        self._limit = self._retry = None

    def _raise_alarm(self) -> None:
        if not self._is_alarmed:
            self._is_alarmed = True
            self._note_alarm(ALARM, SENTENCE, REMEDY, True)
