# SPDX-License-Identifier: Apache-2.0
"""Reading call records beside their writer: short questions along indices, a page at a time, so that the event loop,
which asks them, goes on with calls between two pages.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from appliance.call.call_record import CallRecord
from appliance.errors import MachineError
from appliance.system.store.record_table import CALL_COLUMNS, LEG_COLUMNS, build_records
from appliance.system.store.row_store import identify

PAGE_CALLS = 50
READ_TIMEOUT_S = 0.2
FIRST_SINCE = "SELECT number FROM calls WHERE started_at >= :since ORDER BY started_at LIMIT 1"
PARTY_COLUMNS = ("caller", "callee", "dialled")


class RecordQuery(NamedTuple):
    """Which records. limit: how many at most, the last ones, or with `after` the first ones above that number; party:
    a number that called or was called, "" for any; since_wall_s: begun then or later, seconds since 1970."""

    limit: int
    after: int | None = None
    party: str = ""
    since_wall_s: float = 0.0


class RecordReader:
    """Asks the file of `SqliteRecordStore`; it need not exist."""

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None

    def find(self, number: int) -> CallRecord | None:
        """The record of one call, None where none is kept. Raises MachineError."""
        return next(self.read(RecordQuery(1, number - 1)), None) if self._has(number) else None

    def read(self, query: RecordQuery) -> Iterator[CallRecord]:
        """Those that the query wants, the oldest first. Raises MachineError."""
        left = query.limit
        after = self._find_start(query) if query.after is None else query.after
        while left > 0 and after is not None:
            page = self._read_page(query, after, min(left, PAGE_CALLS))
            yield from page
            left -= len(page)
            after = page[-1].number if len(page) == PAGE_CALLS else None

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _has(self, number: int) -> bool:
        return bool(self._ask("SELECT 1 FROM calls WHERE number = :number", {"number": number}))

    def _find_start(self, query: RecordQuery) -> int | None:
        """The number before the first of the last ones."""
        found = self._ask(write_choice(query, "DESC"), _name_values(query, 0, query.limit))
        return found[-1][0] - 1 if found else None

    def _read_page(self, query: RecordQuery, after: int, limit: int) -> list[CallRecord]:
        numbers = [row[0] for row in self._ask(write_choice(query, "ASC"), _name_values(query, after, limit))]
        places = ",".join("?" * len(numbers))
        calls = self._ask(f"SELECT {', '.join(CALL_COLUMNS)} FROM calls WHERE number IN ({places}) ORDER BY number",
                          numbers)
        legs = self._ask(f"SELECT call, {', '.join(LEG_COLUMNS)} FROM legs WHERE call IN ({places}) "
                         "ORDER BY call, place", numbers)
        return build_records(calls, legs)

    def _ask(self, statement: str, values: Any) -> list[tuple[Any, ...]]:
        try:
            connection = self._connect()
            return connection.execute(statement, values).fetchall() if connection is not None else []
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise MachineError(f"read {self._path}: {error}") from error

    def _connect(self) -> sqlite3.Connection | None:
        """The file at our path, which may have been moved aside since; None where there is none yet."""
        try:
            identity = identify(self._path)
        except FileNotFoundError:
            self.close()
            return None
        if self._connection is None or identity != self._identity:
            self.close()
            self._connection = sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True,
                                               timeout=READ_TIMEOUT_S, isolation_level=None)
            self._identity = identity
        return self._connection


def write_choice(query: RecordQuery, order: str) -> str:
    """The statement for the numbers of a page, from one end; along an index whoever is asked for, so that a busy number
    costs no more than a quiet one."""
    above, since = ":after", ""
    if query.since_wall_s:
        above = f"max(:after, ({FIRST_SINCE}) - 1)"     # one bound: SQLite takes no second one from the index
        since = " AND started_at >= :since"             # the clock may have been set back
    if not query.party:
        return f"SELECT number FROM calls WHERE number > {above}{since} ORDER BY number {order} LIMIT :limit"
    parts = [f"SELECT * FROM (SELECT number FROM calls WHERE {column} = :party AND number > {above}{since} "
             f"ORDER BY number {order} LIMIT :limit)" for column in PARTY_COLUMNS]
    if since:
        since = " AND (SELECT started_at FROM calls WHERE calls.number = call) >= :since"
    parts.append(f"SELECT * FROM (SELECT DISTINCT call FROM legs WHERE number = :party AND call > {above}"
                 f"{since} ORDER BY call {order} LIMIT :limit)")
    return f"SELECT number FROM ({' UNION '.join(parts)}) ORDER BY number {order} LIMIT :limit"


def _name_values(query: RecordQuery, after: int, limit: int) -> dict[str, object]:
    return {"party": query.party, "since": query.since_wall_s, "after": after, "limit": limit}
