# SPDX-License-Identifier: Apache-2.0
"""Bindings on disk: satisfies pbx.location.BindingStore."""

from pathlib import Path

from appliance.pbx.binding_row import BindingRow
from appliance.system.store.row_store import RETRY_FIRST_S, AlarmListener, SqliteRowStore
from appliance.system.store.row_table import Table

BINDINGS = Table("bindings", BindingRow, {"aor": bytes, "identity": bytes}, 1, "phones re-register by themselves")


class SqliteBindingStore(SqliteRowStore[BindingRow]):
    """The bindings in a file of their own."""

    def __init__(self, path: Path | str, on_alarm: AlarmListener, retry_first_s: float = RETRY_FIRST_S) -> None:
        super().__init__(BINDINGS, path, on_alarm, retry_first_s)
