# SPDX-License-Identifier: Apache-2.0
"""Calls in progress on disk: satisfies pbx.call_row.CallStore."""

from pathlib import Path

from appliance.pbx.call_row import CallRow
from appliance.system.store.row_store import RETRY_FIRST_S, AlarmListener, SqliteRowStore
from appliance.system.store.row_table import Table

CALLS = Table("calls", CallRow, {"number": int, "callee_tag": bytes}, 1,
              "calls in progress go on, and are written again")


class SqliteCallStore(SqliteRowStore[CallRow]):
    """The calls in a file of their own."""

    def __init__(self, path: Path | str, on_alarm: AlarmListener, retry_first_s: float = RETRY_FIRST_S) -> None:
        super().__init__(CALLS, path, on_alarm, retry_first_s)
