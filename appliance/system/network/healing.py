# SPDX-License-Identifier: Apache-2.0
"""Looks again whenever something has changed, and again after a while when something was refused. Whoever undoes our
work again and again is answered ever more slowly.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Final

from appliance.errors import MachineError
from appliance.vocabulary.journal import Journal

WINDOW_S: Final = 60.0
REPAIRS_A_PAUSE: Final = 10
PAUSES_S: Final = (0.0, 1.0, 5.0, 15.0)
"""Before the next look, by tens of repairs within the last minute."""
FIRST_RETRY_S, LAST_RETRY_S = 2.0, 30.0


class Healing:
    """look: makes things as they should be; whether it had to do something, and how much of that was refused. Raises
    MachineError where it could not even look."""

    def __init__(self, look: Callable[[], Awaitable[tuple[bool, int]]], journal: Journal) -> None:
        self._look = look
        self._journal = journal
        self._wanted = asyncio.Event()
        self._repairs: deque[float] = deque()
        self._retry_s: float | None = None
        self._error = ""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """From now on, in the loop that runs."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def notice(self) -> None:
        """Something has changed, perhaps by our own hands."""
        self._wanted.set()

    async def _run(self) -> None:
        while True:
            try:
                await asyncio.wait_for(self._wanted.wait(), self._retry_s)
            except TimeoutError:
                pass    # time to try again what was refused
            self._wanted.clear()
            is_repaired, refused = await self._try()
            if refused:
                self._retry_s = min(2 * self._retry_s, LAST_RETRY_S) if self._retry_s else FIRST_RETRY_S
            else:
                self._retry_s = None
            if is_repaired:
                await asyncio.sleep(self._note_repair(monotonic()))

    async def _try(self) -> tuple[bool, int]:
        try:
            is_repaired, refused = await self._look()
        except MachineError as error:
            if error.operation != self._error:
                self._journal.record("network_failed", error=error.operation)
            self._error = error.operation
            return False, 1
        self._error = ""
        return is_repaired, refused

    def _note_repair(self, now: float) -> float:
        """The pause after it, seconds."""
        self._repairs.append(now)
        while self._repairs[0] < now - WINDOW_S:
            self._repairs.popleft()
        return PAUSES_S[min(len(self._repairs) // REPAIRS_A_PAUSE, len(PAUSES_S) - 1)]
