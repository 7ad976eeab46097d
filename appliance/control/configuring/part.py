# SPDX-License-Identifier: Apache-2.0
"""The parts of the system that take up a configuration, each wholly or not at all."""

import asyncio
import errno
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple, Protocol

from appliance.config.configuration import Configuration
from appliance.control.client import ControlClient
from appliance.errors import MachineError, OperatorError

PART_LIMIT_S: Final = 60.0
START_LIMIT_S, LOOK_S = 15.0, 0.25


class Change(NamedTuple):
    """old: what runs, None at a start; staged_path, file_path: files that say the new one, and what stands now."""

    old: Configuration | None
    new: Configuration
    staged_path: str
    file_path: str


class PartPlan(NamedTuple):
    """steps: what would be done, in order; notes: what the operator should know of it; calls_affected: how many of the
    calls in progress would notice."""

    steps: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    calls_affected: int = 0


class Part(Protocol):
    """Takes up configurations. name: for people."""

    @property
    def name(self) -> str: ...

    def is_concerned(self, change: Change) -> bool:
        """Whether it has to be asked at all."""

    async def check(self, change: Change) -> PartPlan:
        """What it would do; nothing is changed. Raises OperatorError or MachineError where it will not."""

    async def apply(self, change: Change) -> None:
        """Take it up. Raises OperatorError or MachineError: it has changed nothing then."""

    async def revert(self, change: Change) -> None:
        """Back to what held before the last `apply`. Raises OperatorError or MachineError."""

    def persisted(self, change: Change) -> None:
        """What it has taken up is what the file says from now on."""


class Absent(MachineError):
    """Nobody is there to take anything up."""


class RemotePart:
    """A part that is a process of its own, asked over its socket: `check PATH`, `apply PATH`, `revert`. complain: told
    when one that has been started for a commit refuses it."""

    def __init__(self, name: str, state_directory: str, socket_name: str,
                 is_wanted: Callable[[Change], bool] = lambda _change: True) -> None:
        self.name = name
        self.complain: Callable[[OperatorError | MachineError], None] = suffer_in_silence
        self._directory = state_directory
        self._socket_name = socket_name
        self._is_wanted = is_wanted
        self._was_absent = False
        self._waiting: asyncio.Task[None] | None = None

    def is_concerned(self, change: Change) -> bool:
        """Part. What does not run and was never wanted has nothing to undo."""
        return self._is_wanted(change)

    async def check(self, change: Change) -> PartPlan:
        """Part. What does not run takes up the file when it starts."""
        try:
            return read_plan(await asyncio.to_thread(self._ask, ["check", change.staged_path]))
        except Absent:
            return PartPlan(notes=(f"{self.name}: does not run yet, takes this up when it starts",))

    async def apply(self, change: Change) -> None:
        """Part."""
        try:
            await asyncio.to_thread(self._ask, ["apply", change.staged_path])
            self._was_absent = False
        except Absent:
            self._was_absent = True

    def persisted(self, change: Change) -> None:
        """Part. One that is being started just now may have read the file a moment too early: it is told again."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        if self._was_absent:
            self._waiting = asyncio.get_running_loop().create_task(self._tell_when_there(change.file_path))

    async def _tell_when_there(self, path: str) -> None:
        for _ in range(int(START_LIMIT_S / LOOK_S)):
            await asyncio.sleep(LOOK_S)
            try:
                await asyncio.to_thread(self._ask, ["apply", path])
            except Absent:
                continue
            except (OperatorError, MachineError) as error:
                self.complain(error)
            return

    async def take_up(self, path: str) -> None:
        """Have it take up a file that stands. Raises OperatorError or MachineError."""
        with suppress(Absent):
            await asyncio.to_thread(self._ask, ["apply", path])

    async def revert(self, change: Change) -> None:
        """Part. One that was started again meanwhile knows of nothing to go back to: it is told what stands."""
        with suppress(Absent):
            try:
                await asyncio.to_thread(self._ask, ["revert"])
            except (OperatorError, MachineError):
                await asyncio.to_thread(self._ask, ["apply", change.file_path])

    def _ask(self, words: list[str]) -> object:
        try:
            client = ControlClient(self._directory, PART_LIMIT_S, self._socket_name)
        except MachineError as error:
            if error.errno in (errno.ENOENT, errno.ECONNREFUSED):
                raise Absent(error.operation, error.errno) from error
            raise
        try:
            return client.ask(words)
        finally:
            client.close()


def suffer_in_silence(_error: OperatorError | MachineError) -> None:
    """Before somebody listens."""


def read_plan(said: object) -> PartPlan:
    """What a part has answered: an object with any of `steps`, `notes`, `missing`, `calls_affected`."""
    if not isinstance(said, dict):
        return PartPlan()
    notes = [*map(str, said.get("notes", [])), *(f"{one} is not there yet" for one in said.get("missing", []))]
    return PartPlan(tuple(map(str, said.get("steps", []))), tuple(notes), int(said.get("calls_affected", 0)))


def is_network_concerned(change: Change) -> bool:
    """Whether netd is or becomes the one who looks after the network."""
    return change.new.network_managed or (change.old is not None and change.old.network_managed)

