# SPDX-License-Identifier: Apache-2.0
"""`log N`: the last events of a daemon's journal, as long as it lives."""

from collections.abc import Callable
from typing import Final

from appliance.control.asker import Asker
from appliance.control.conversation import Words
from appliance.errors import OperatorError
from appliance.system.clock import render_wall

EVENTS_SHOWN: Final = 100
Recent = Callable[[int], list[tuple[float, str, dict[str, object]]]]


class RecentEvents:
    """Answers by reading what the journal keeps."""

    def __init__(self, recent: Recent) -> None:
        self._recent = recent

    def answer(self, words: Words, _asker: Asker) -> list[dict[str, object]]:
        """One object an event, oldest first: `at` (UTC), `event`, and its values by their names. Raises OperatorError
        for anything but a number."""
        count = words[1] if len(words) > 1 else str(EVENTS_SHOWN)
        if len(words) > 2 or not (count.isascii() and count.isdigit() and len(count) < 10):
            raise OperatorError("log", " ".join(words[1:]), "[how many]")
        return [{"at": render_wall(at), "event": event, **{name: _plain(value) for name, value in values.items()}}
                for at, event, values in self._recent(int(count))]


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str | int | bool | None) else str(value)
