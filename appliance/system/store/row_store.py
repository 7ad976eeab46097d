# SPDX-License-Identifier: Apache-2.0
"""Rows of one kind on disk: an SQLite file that a thread of its own writes, so that the event loop never waits.

What is not on disk yet stands in `_pending`, the newest state for each key; a disk that fails keeps it there, and is
tried again until it heals. Shared between the two threads: `_pending` and `_is_closing`, under `_wake`.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic, time
from typing import Generic, TypeVar

from appliance.errors import MisuseError
from appliance.system.store.database import (
    BrokenDatabase,
    check_database,
    is_broken,
    move_aside,
    open_database,
    open_unwritable,
)
from appliance.system.store.row_table import Key, Row, Table, read_rows, write_changes

RETRY_FIRST_S, RETRY_LAST_S = 1.0, 60.0
PENDING_LIMIT = 100_000                 # keys; ten times the bindings of a full box
CLOSE_LIMIT_S = 2.0


AlarmListener = Callable[[str, str, str, bool], None]
"""Called with name, sentence, remedy and whether the alarm is raised or cleared.

X is the table's singular. X_store_failed: said once, work goes on in memory; X_store_started_anew: what the file held
is lost unless saved again; X_store_overflowed: changes were dropped.
"""

FAILED, STARTED_ANEW, OVERFLOWED = "failed", "started_anew", "overflowed"
AnyRow = TypeVar("AnyRow", bound=Row)


class SqliteRowStore(Generic[AnyRow]):
    """Rows in, rows out. `on_alarm` is called on the event loop that saves; in the writer's thread where none runs.

    A kind that is more than rows of one table overrides `linger_s` (how long what comes is gathered before it is
    written), `_pending_limit`, `_open` and `_put`.
    """

    linger_s = 0.0

    def __init__(self, table: Table, path: Path | str, on_alarm: AlarmListener,
                 retry_first_s: float = RETRY_FIRST_S) -> None:
        """Nothing is opened yet."""
        self._table = table
        self._name = f"{table.name.removesuffix('s')}_store"
        self._remedies = {
            FAILED: "free space on the disk of the state directory, or make it writable; it is tried again",
            STARTED_ANEW: f"{table.lost}; look at the disk, it may be failing",
            OVERFLOWED: f"mend what {self._name}_failed says",
        }
        self._path = Path(path)
        self._on_alarm = on_alarm
        self._retry_first_s = retry_first_s
        self._wake = threading.Condition()
        self._pending: dict[Key, AnyRow | None] = {}
        self._writing_count = 0
        self._is_closing = False
        self._is_idle = False
        self._raised: set[str] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None      # of the file that is open
        self._writer: threading.Thread | None = None

    # what the event loop calls: never waits for the disk

    def load(self) -> list[AnyRow]:
        """Everything stored; blocks, for the start alone. A broken file is moved aside, an unreadable one gives []."""
        try:
            return self._read()
        except BrokenDatabase as error:
            self._move_aside(error)
        except (sqlite3.Error, OSError) as error:
            self._note_failure(error)
            try:
                return self._read_unwritable()
            except (sqlite3.Error, BrokenDatabase):
                return []
        return []

    def save(self, rows: list[AnyRow]) -> None:
        """Insert or replace rows by their key, soon."""
        with self._wake:
            for row in rows:
                self._pending[row.key] = row
            self._wake_writer()

    def delete(self, keys: list[Key]) -> None:
        """Remove the rows of these keys, soon."""
        with self._wake:
            for key in keys:
                self._pending[key] = None
            self._wake_writer()

    @property
    def pending_count(self) -> int:
        """How many keys are not on disk as they should be."""
        with self._wake:
            return len(self._pending) + self._writing_count

    def begin_closing(self) -> None:
        """Begin to write the rest, without waiting: several stores close side by side."""
        with self._wake:
            self._is_closing = True
            self._wake.notify()

    def close(self, limit_s: float = CLOSE_LIMIT_S) -> bool:
        """Write what is pending, within the limit; whether all of it is on disk. Nothing may be saved after this."""
        self.begin_closing()
        if self._writer is not None:
            self._writer.join(max(limit_s, 0.0))
            if self._writer.is_alive():
                return False
        return not self._pending

    def _wake_writer(self) -> None:
        if self._writer is None:
            self._loop = find_running_loop()
            self._writer = threading.Thread(target=self._run, name=self._name.replace("_", "-"), daemon=True)
            self._writer.start()
        elif not self._writer.is_alive() and not self._is_closing:
            # by a bug: no error of the disk ends it
            raise MisuseError(f"the writer of the {self._table.name} has died")
        if self._is_idle:       # else it looks by itself: waking it for every row would cost more than the row
            self._wake.notify()

    # the writer's thread

    def _run(self) -> None:
        """Write what has come while the last batch was written; while the disk fails wait longer each time."""
        retry_s = 0.0
        while True:
            with self._wake:
                self._is_idle = True
                while not self._pending and not self._is_closing:
                    self._wake.wait()
                self._is_idle = False
                self._pause(max(retry_s, self.linger_s))
                batch, self._pending = self._pending, {}
                self._writing_count = len(batch)
                is_last = self._is_closing
            is_written = self._write(batch)
            with self._wake:
                self._writing_count = 0
            if is_written:
                retry_s = 0.0
            else:
                retry_s = min(retry_s * 2, RETRY_LAST_S) if retry_s else self._retry_first_s
            if is_last:
                break
        self._disconnect()

    def _pause(self, seconds: float) -> None:
        """Let go of the lock for that long, or until the end."""
        end = monotonic() + seconds
        while not self._is_closing and (left := end - monotonic()) > 0:
            self._wake.wait(left)

    def _write(self, batch: dict[Key, AnyRow | None]) -> bool:
        """Put a batch on disk; False: it is pending again, but for what has been overtaken."""
        if not batch:
            return True
        try:
            if self._connection is not None and not self._is_in_place():
                self._disconnect()
                self._raise_alarm(STARTED_ANEW, "the file was taken away")
            if self._connection is None:
                self._connection = self._open()
                self._identity = identify(self._path)
            self._put(self._connection, batch)
        except BrokenDatabase as error:
            self._keep_pending(batch)
            self._move_aside(error)
            return False
        except (sqlite3.Error, OSError) as error:
            self._keep_pending(batch)
            if isinstance(error, sqlite3.Error) and is_broken(error):
                self._move_aside(error)
            else:
                self._disconnect()
                self._note_failure(error)
            return False
        self._clear_alarms()
        return True

    def _open(self) -> sqlite3.Connection:
        """The file, made where there is none. Raises BrokenDatabase, sqlite3.Error, OSError."""
        return open_database(self._path, self._table.schema, self._table.version)

    def _put(self, connection: sqlite3.Connection, batch: dict[Key, AnyRow | None]) -> None:
        """All of a batch or nothing. Raises sqlite3.Error."""
        write_changes(connection, self._table, batch)

    def _pending_limit(self) -> int:
        """How many keys may wait for a disk that fails."""
        return PENDING_LIMIT

    def _keep_pending(self, batch: dict[Key, AnyRow | None]) -> None:
        """Back to what is pending, older than what has come since, without what has ended meanwhile."""
        wall_now = time()
        with self._wake:
            batch = {key: row for key, row in batch.items() if row is None or row.expires_wall_s > wall_now}
            batch.update(self._pending)
            excess = len(batch) - self._pending_limit()
            if excess > 0:      # removals first: a row too many on disk ends by itself
                order = sorted(batch, key=lambda key: batch[key] is not None)
                for key in order[:excess]:
                    del batch[key]
            self._pending = batch
        if excess > 0:
            self._raise_alarm(OVERFLOWED, f"{excess} changes dropped")

    def _note_failure(self, error: Exception) -> None:
        if FAILED not in self._raised:
            self._raise_alarm(FAILED, str(error))

    def _raise_alarm(self, name: str, cause: str) -> None:
        self._raised.add(name)
        self._tell(name, f"{self._path}: {cause}", self._remedies[name], True)

    def _clear_alarms(self) -> None:
        """The disk is well again. That a file was started anew stays said: what it held has not come back."""
        for name in self._raised - {STARTED_ANEW}:
            self._raised.remove(name)
            self._tell(name, f"{self._path}: everything is on disk again", "", False)

    def _tell(self, name: str, sentence: str, remedy: str, is_raised: bool) -> None:
        name = f"{self._name}_{name}"
        if self._loop is None or threading.current_thread() is not self._writer:
            self._on_alarm(name, sentence, remedy, is_raised)
            return
        try:
            self._loop.call_soon_threadsafe(self._on_alarm, name, sentence, remedy, is_raised)
        except RuntimeError:        # the loop is closed: `close` tells by its answer
            pass

    def _move_aside(self, error: Exception) -> None:
        self._disconnect()
        try:
            aside = move_aside(self._path)
        except OSError as refusal:
            self._note_failure(refusal)
        else:
            self._raise_alarm(STARTED_ANEW, f"{error}; the old file is kept as {aside.name}")

    def _is_in_place(self) -> bool:
        """Whether the file that is open is still the one at our path: SQLite would go on writing to a deleted one."""
        try:
            return identify(self._path) == self._identity
        except FileNotFoundError:
            return False

    def _disconnect(self) -> None:
        if self._connection is not None:
            try:
                self._connection.close()
            except sqlite3.Error:       # closing writes the log back into the file: no harm when it cannot
                pass
            self._connection = None

    # reading at the start

    def _read(self) -> list[AnyRow]:
        connection = self._open()
        try:
            check_database(connection)
            return read_rows(connection, self._table)
        finally:
            connection.close()

    def _read_unwritable(self) -> list[AnyRow]:
        connection = open_unwritable(self._path)
        try:
            check_database(connection)
            return read_rows(connection, self._table)
        finally:
            connection.close()


def identify(path: Path) -> tuple[int, int]:
    """Device and inode of a file. Raises OSError."""
    found = path.stat()
    return found.st_dev, found.st_ino


def find_running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop of this thread, None where none is running."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
