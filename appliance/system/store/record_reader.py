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
PARTY = ("number IN (SELECT number FROM calls WHERE caller = :party "
         "UNION SELECT number FROM calls WHERE callee = :party UNION SELECT number FROM calls WHERE dialled = :party "
         "UNION SELECT call FROM legs WHERE number = :party)")


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
        found = self._ask(f"SELECT number FROM (SELECT number FROM calls WHERE {_write_condition(query)} "
                          "ORDER BY number DESC LIMIT :count) ORDER BY number LIMIT 1", _name_values(query))
        return found[0][0] - 1 if found else None

    def _read_page(self, query: RecordQuery, after: int, count: int) -> list[CallRecord]:
        values = _name_values(query) | {"after": after, "count": count}
        calls = self._ask(f"SELECT {', '.join(CALL_COLUMNS)} FROM calls WHERE number > :after AND "
                          f"{_write_condition(query)} ORDER BY number LIMIT :count", values)
        places = ",".join("?" * len(calls))
        legs = self._ask(f"SELECT call, {', '.join(LEG_COLUMNS)} FROM legs WHERE call IN ({places}) "
                         "ORDER BY call, place", [row[0] for row in calls])
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


def _write_condition(query: RecordQuery) -> str:
    conditions = ["1"]
    if query.party:
        conditions.append(PARTY)
    if query.since_wall_s:
        conditions.append("started_at >= :since")
    return " AND ".join(conditions)


def _name_values(query: RecordQuery) -> dict[str, object]:
    return {"party": query.party, "since": query.since_wall_s, "count": query.limit}
