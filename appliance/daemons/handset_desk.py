# SPDX-License-Identifier: Apache-2.0
"""DIR/handset.sock: what the console asks of all handsets, and by which it moves one.

`log N`, `show handsets`, `show handset NAME`, `handset NAME lift | hang-up | flash | press KEYS | dial NUMBER`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from appliance.config.kind import show_text
from appliance.control.asker import Asker
from appliance.control.conversation import Words, require_plain_words
from appliance.control.recent_events import RecentEvents
from appliance.control.server import LineServer
from appliance.daemons.handset_care import StationCare
from appliance.errors import OperatorError

SOCKET_NAME: Final = "handset.sock"


class HandsetDesk:
    """Answers for every handset of the process."""

    def __init__(self, state_directory: str, cares: Sequence[StationCare], events: RecentEvents) -> None:
        self._events = events
        self._cares = {care.name: care for care in cares}
        self._server = LineServer(state_directory, SOCKET_NAME, self._answer)

    async def open(self) -> None:
        """Answer from now on. Raises MachineError."""
        await self._server.open()

    async def close(self) -> None:
        """No more."""
        await self._server.close()

    def _answer(self, words: Words, asker: Asker) -> object:
        match require_plain_words(words):
            case ["log", *count]:
                return self._events.answer(["log", *count], asker)
            case ["show", "handsets"]:
                return [describe(care) for care in self._cares.values()]
            case ["show", "handset", name]:
                return describe(self._find(name))
            case ["handset", name, *motion] if motion and motion != ["show"]:
                care = self._find(name)
                if care.station is None:
                    raise OperatorError(f"handset {name}", care.trouble, "a handset that works",
                                        "`show alarms` says what to do")
                return {"name": name, **care.station.obey(motion)}
            case plain:
                raise OperatorError("handset", f"{show_text(' '.join(plain))} is not known here",
                                    "show handsets; show handset NAME; handset NAME ...; log N")

    def _find(self, name: str) -> StationCare:
        care = self._cares.get(name)
        if care is None:
            known = f"one of {', '.join(self._cares)}" if self._cares else "no handset is configured"
            raise OperatorError("handset", f"there is no handset {show_text(name)}", known)
        return care


def describe(care: StationCare) -> dict[str, object]:
    """trouble: why it does not stand; then nothing else is known."""
    if care.station is None:
        return {"name": care.name, "trouble": care.trouble}
    return {"trouble": "", **care.station.describe()}
