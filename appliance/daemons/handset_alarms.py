# SPDX-License-Identifier: Apache-2.0
"""What is wrong with the handsets: what has lasted long enough for a person to be told, and telling the call server,
whose alarms a person sees. On the running event loop.
"""

from __future__ import annotations

import asyncio
import json
from typing import Final, NamedTuple

from appliance.control.address import open_address

RETRY_S: Final = 3.0
REPEAT_S: Final = 10.0          # a call server that was started anew hears of it within this time
PATIENCE_S: Final = 10.0


class Trouble(NamedTuple):
    """name: of the alarm; kind: of vocabulary.handset_alarm; subject: the handset."""

    name: str
    kind: str
    subject: str
    detail: str


class TroubleWatch:
    """Of one handset; asked again and again."""

    def __init__(self, subject: str) -> None:
        self._subject = subject
        self._since: dict[str, float] = {}

    def judge(self, seen: list[tuple[str, str, str, float]], now: float) -> list[Trouble]:
        """seen: what is wrong at this moment, as (what, kind, detail, how long it may last in seconds)."""
        self._since = {what: self._since.get(what, now) for what, _kind, _detail, _grace_s in seen}
        return [Trouble(f"handset_{self._subject}_{what}", kind, self._subject, detail)
                for what, kind, detail, grace_s in seen if now - self._since[what] >= grace_s]


class AlarmTeller:
    """Tells the call server of a state directory. Its connection stands as long as anything is wrong: when it is
    closed, be it by our end, nothing is."""

    def __init__(self, state_directory: str) -> None:
        self._directory = state_directory
        self._troubles: list[Trouble] = []
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """From now on."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def tell(self, troubles: list[Trouble]) -> None:
        """All that is wrong now."""
        if troubles != self._troubles:
            self._troubles = troubles
            self._changed.set()

    async def close(self) -> None:
        """No more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        while True:
            if not self._troubles:
                self._changed.clear()
                await self._changed.wait()
                continue
            try:
                await self._converse()
            except (OSError, TimeoutError):
                await asyncio.sleep(RETRY_S)    # it is not there, or has left: the journal has it all

    async def _converse(self) -> None:
        """Until nothing is wrong any more. Raises OSError and TimeoutError."""
        with open_address(self._directory) as address:
            reader, writer = await asyncio.open_unix_connection(address)
        try:
            while self._troubles:
                self._changed.clear()
                rows = json.dumps([trouble._asdict() for trouble in self._troubles])
                writer.write(json.dumps({"id": 0, "command": ["alarms", rows]}).encode() + b"\n")
                if not await asyncio.wait_for(reader.readline(), PATIENCE_S):
                    raise ConnectionResetError
                await self._wait_changed()
        finally:
            writer.close()

    async def _wait_changed(self) -> None:
        try:
            await asyncio.wait_for(self._changed.wait(), REPEAT_S)
        except TimeoutError:
            return      # say it again
