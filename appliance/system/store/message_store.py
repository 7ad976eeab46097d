# SPDX-License-Identifier: Apache-2.0
"""Waiting instant messages on disk: satisfies pbx.instant_message.message_row.MessageStore."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from appliance.pbx.instant_message.message_row import MessageKey, MessageRow
from appliance.system.store.row_store import RETRY_FIRST_S, AlarmListener, SqliteRowStore
from appliance.system.store.row_table import Key, Table

MESSAGES = Table("messages", MessageRow, {"number": int}, 1, "messages that waited for their phones are lost")

WrittenListener = Callable[[Iterable[MessageKey]], None]
"""Called with the keys that are on disk as they should be, on the event loop that saves."""


class SqliteMessageStore(SqliteRowStore[MessageRow]):
    """The messages in a file of their own. `on_written`: the sender of a message hears 202 only then."""

    def __init__(self, path: Path | str, on_alarm: AlarmListener, on_written: WrittenListener,
                 retry_first_s: float = RETRY_FIRST_S) -> None:
        super().__init__(MESSAGES, path, on_alarm, retry_first_s)
        self._on_written = on_written

    def _write(self, batch: dict[Key, MessageRow | None]) -> bool:
        is_written = super()._write(batch)
        if is_written and batch:
            self._tell_written([(key[0],) for key in batch])
        return is_written

    def _tell_written(self, keys: list[Any]) -> None:
        if self._loop is None:
            self._on_written(keys)
            return
        try:
            self._loop.call_soon_threadsafe(self._on_written, keys)
        except RuntimeError:        # the loop is closed: nobody is left to be answered
            pass
