# SPDX-License-Identifier: Apache-2.0
"""Opening an SQLite file of ours: write-ahead log, schema version, and what to do with a file that is no database.

synchronous=NORMAL: kill -9 loses no committed transaction, a power cut at most the last ones, neither breaks the file.
synchronous=FULL: a power cut loses none either, for a write to the disk at each commit.
"""

import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from appliance.errors import MachineError

BUSY_TIMEOUT_S = 2.0
LOG_SIZE_LIMIT_OCTETS = 4 << 20
BROKEN = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class BrokenDatabase(MachineError):
    """The file is damaged or of a version we do not know: it has to be moved aside."""


def open_database(path: Path, schema: str, version: int) -> sqlite3.Connection:
    """Open for writing, make the tables where there are none. Raises BrokenDatabase, sqlite3.Error, OSError."""
    def make_tables(connection: sqlite3.Connection, found: int) -> None:
        if found == 0:
            connection.executescript(f"BEGIN; {schema}; PRAGMA user_version={version}; COMMIT")
        elif found != version:
            raise BrokenDatabase(f"schema version {found}, known is {version}")
    return _open(path, "NORMAL", make_tables)


def open_migrated(path: Path, steps: Sequence[str]) -> sqlite3.Connection:
    """The same for a file whose form changes with the years: version n is what the first n steps have made. What is
    committed outlives a power cut too."""
    def take_steps(connection: sqlite3.Connection, found: int) -> None:
        if found > len(steps):
            raise BrokenDatabase(f"schema version {found}, known is {len(steps)}")
        for version, step in enumerate(steps[found:], found + 1):
            connection.executescript(f"BEGIN IMMEDIATE; {step}; PRAGMA user_version={version}; COMMIT")
    return _open(path, "FULL", take_steps)


def _open(path: Path, synchronous: str, prepare: Callable[[sqlite3.Connection, int], None]) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=True)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.execute(f"PRAGMA journal_size_limit={LOG_SIZE_LIMIT_OCTETS}")
        prepare(connection, connection.execute("PRAGMA user_version").fetchone()[0])
    except sqlite3.Error as error:
        connection.close()
        if is_broken(error):
            raise BrokenDatabase(str(error)) from error
        raise
    except BrokenDatabase:
        connection.close()
        raise
    return connection


def check_database(connection: sqlite3.Connection) -> None:
    """Read every page. Raises BrokenDatabase, sqlite3.Error."""
    try:
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        if is_broken(error):
            raise BrokenDatabase(str(error)) from error
        raise
    if verdict != "ok":
        raise BrokenDatabase(verdict)


def open_unwritable(path: Path) -> sqlite3.Connection:
    """Open a file on a disk that cannot be written: as it was when last checkpointed. Raises sqlite3.Error."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True, isolation_level=None)


def move_aside(path: Path) -> Path:
    """Rename a broken file, its log with it, over the last one that was broken. Raises OSError."""
    aside = path.with_name(path.name + ".broken")
    for suffix in ("-wal", "-shm"):
        log = path.with_name(path.name + suffix)
        if log.exists():
            os.replace(log, aside.with_name(aside.name + suffix))
    os.replace(path, aside)
    return aside


def is_broken(error: sqlite3.Error) -> bool:
    """Whether the error is about the file's contents, not about the disk or us."""
    code = getattr(error, "sqlite_errorcode", 0) or 0
    return code & 0xFF in BROKEN
