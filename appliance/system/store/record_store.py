# SPDX-License-Identifier: Apache-2.0
"""Call records on disk: satisfies call.call_record.RecordStore. A batch for what comes within half a second, each on
the disk when it is committed: a power cut loses less than a second. The oldest give way.
"""

import sqlite3
from pathlib import Path

from appliance.call.call_record import CallRecord
from appliance.system.store.database import BrokenDatabase, open_migrated
from appliance.system.store.record_table import STEPS, RecordRow, copy_record, drop_oldest, write_records
from appliance.system.store.row_store import RETRY_FIRST_S, AlarmListener, SqliteRowStore
from appliance.system.store.row_table import Key, Table

CALLS_KEPT = 100_000                # about 60 MB
DROPPED_AT_ONCE = 0.01              # share of them: most batches drop nothing
WAITING_LIMIT = 5_000               # records in memory while the disk fails, about 10 MB

RECORDS = Table("records", RecordRow, {"number": int}, len(STEPS), "the records of earlier calls are lost")


class SqliteRecordStore(SqliteRowStore[RecordRow]):
    """The records in a file of their own. calls_kept: how many; the file keeps the size that it has reached."""

    linger_s = 0.5

    def __init__(self, path: Path | str, on_alarm: AlarmListener, calls_kept: int = CALLS_KEPT,
                 retry_first_s: float = RETRY_FIRST_S) -> None:
        super().__init__(RECORDS, path, on_alarm, retry_first_s)
        self._calls_kept = calls_kept
        self._count = 0

    def keep(self, record: CallRecord) -> None:
        """On disk within a second; a record kept again replaces what was kept of that number."""
        self.save([copy_record(record)])

    # the start

    def read_last_number(self) -> int:
        """The highest number kept, 0 for none; blocks, for the start alone. A broken file is moved aside."""
        try:
            connection = self._open()
            try:
                found = connection.execute("SELECT max(number) FROM calls").fetchone()[0]
            finally:
                connection.close()
        except BrokenDatabase as error:
            self._move_aside(error)
            return 0
        except (sqlite3.Error, OSError) as error:
            self._note_failure(error)
            return 0
        return found or 0

    def load(self) -> list[RecordRow]:
        """Records are asked for on the disk; none is held in memory."""
        return []

    # the writer's thread

    def _open(self) -> sqlite3.Connection:
        connection = open_migrated(self._path, STEPS)
        self._count = connection.execute("SELECT count(*) FROM calls").fetchone()[0]
        return connection

    def _put(self, connection: sqlite3.Connection, batch: dict[Key, RecordRow | None]) -> None:
        rows = [row for row in batch.values() if row is not None]
        count = self._count + len(rows)     # one that is replaced counts again: the budget is kept all the same
        excess = count - self._calls_kept
        dropped = excess + int(self._calls_kept * DROPPED_AT_ONCE) if excess > 0 else 0
        connection.execute("BEGIN IMMEDIATE")
        try:
            write_records(connection, rows)
            if dropped:
                drop_oldest(connection, dropped)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:       # a full disk has rolled it back already
                connection.execute("ROLLBACK")
            raise
        self._count = connection.execute("SELECT count(*) FROM calls").fetchone()[0] if dropped else count

    def _pending_limit(self) -> int:
        return WAITING_LIMIT
