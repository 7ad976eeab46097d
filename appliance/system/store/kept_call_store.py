# SPDX-License-Identifier: Apache-2.0
"""Calls of the call engine on disk: satisfies call.kept_row.KeptStore."""

from pathlib import Path

from appliance.call.kept_row import KeptRow
from appliance.system.store.row_store import RETRY_FIRST_S, AlarmListener, SqliteRowStore
from appliance.system.store.row_table import Table

KEPT_CALLS = Table("kept_calls", KeptRow, {"number": int}, 1, "calls in progress go on, and are written again")


class SqliteKeptCallStore(SqliteRowStore[KeptRow]):
    """The calls in a file of their own."""

    def __init__(self, path: Path | str, on_alarm: AlarmListener, retry_first_s: float = RETRY_FIRST_S) -> None:
        super().__init__(KEPT_CALLS, path, on_alarm, retry_first_s)
