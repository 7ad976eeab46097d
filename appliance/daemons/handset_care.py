# SPDX-License-Identifier: Apache-2.0
"""Sees to it that one handset stands: what the machine refuses is told, and tried again 2 to 30 s later, while the
other handsets go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from appliance.daemons.handset_alarms import Trouble, TroubleWatch
from appliance.daemons.handset_station import HandsetStation
from appliance.errors import MachineError
from appliance.vocabulary import handset_alarm
from appliance.vocabulary.journal import Journal

FIRST_DELAY_S: Final = 2.0
LONGEST_DELAY_S: Final = 30.0


class StationCare:
    """station: None while it does not stand; trouble: why, "" for nothing."""

    def __init__(self, name: str, build: Callable[[], HandsetStation], journal: Journal) -> None:
        self.name = name
        self.station: HandsetStation | None = None
        self.trouble = ""
        self._build = build
        self._journal = journal
        self._watch = TroubleWatch(name)
        self._retrying: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Now, or as soon as the machine lets it."""
        if not await self._try_open():
            self._retrying = asyncio.get_running_loop().create_task(self._retry())

    async def _retry(self) -> None:
        delay_s = FIRST_DELAY_S
        while True:
            await asyncio.sleep(delay_s)
            if await self._try_open():
                return
            delay_s = min(LONGEST_DELAY_S, 2 * delay_s)

    async def _try_open(self) -> bool:
        try:
            station = self._build()
            await station.open()
        except MachineError as error:
            if error.operation != self.trouble:
                self._journal.record("handset_failed", handset=self.name, reason=error.operation)
            self.trouble = error.operation
            return False
        self.station, self.trouble = station, ""
        return True

    @property
    def is_quiet(self) -> bool:
        """Whether nobody would miss it."""
        return self.station is None or self.station.handset.is_quiet

    def look(self, now: float) -> list[Trouble]:
        """Once a second: what a person should know."""
        if self.station is not None:
            return self.station.look(now)
        return self._watch.judge([("down", handset_alarm.DOWN, self.trouble, 0.0)], now)

    async def close(self) -> None:
        """Let it go."""
        if self._retrying is not None:
            self._retrying.cancel()
            await asyncio.gather(self._retrying, return_exceptions=True)
        if self.station is not None:
            await self.station.close()
