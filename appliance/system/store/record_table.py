# SPDX-License-Identifier: Apache-2.0
"""Call records as SQL: two tables, calls and their legs, and the steps by which the file has come to its form.

A step once released is never changed; a new form is a new step.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple

from appliance.call.call_record import CallRecord, LegRecord
from appliance.system.store.row_table import build_places

CALL_COLUMNS = ("number", "started_at", "answered_at", "ended_at", "caller", "caller_name", "callee", "dialled",
                "result", "status", "cause", "ended_by", "reason", "trunk", "is_emergency")
LEG_COLUMNS = ("line", "direction", "number", "name", "address", "call_id", "local_tag", "remote_tag", "status",
               "reason", "started_at", "answered_at", "ended_at", "codec", "packets_received", "packets_sent", "lost",
               "jitter_ms", "opinion")
STATEMENT_ROWS = 32
_read_call, _read_leg = attrgetter(*CALL_COLUMNS), attrgetter(*LEG_COLUMNS)     # every call passes here

STEPS = ("""
CREATE TABLE calls (number INTEGER PRIMARY KEY, started_at REAL NOT NULL, answered_at REAL NOT NULL,
  ended_at REAL NOT NULL, caller TEXT NOT NULL, caller_name TEXT NOT NULL, callee TEXT NOT NULL, dialled TEXT NOT NULL,
  result TEXT NOT NULL, status INTEGER NOT NULL, cause INTEGER NOT NULL, ended_by TEXT NOT NULL, reason TEXT NOT NULL,
  trunk TEXT NOT NULL, is_emergency INTEGER NOT NULL) STRICT;
CREATE TABLE legs (call INTEGER NOT NULL, place INTEGER NOT NULL, line TEXT NOT NULL, direction TEXT NOT NULL,
  number TEXT NOT NULL, name TEXT NOT NULL, address TEXT NOT NULL, call_id TEXT NOT NULL, local_tag TEXT NOT NULL,
  remote_tag TEXT NOT NULL, status INTEGER NOT NULL, reason TEXT NOT NULL, started_at REAL NOT NULL,
  answered_at REAL NOT NULL, ended_at REAL NOT NULL, codec TEXT NOT NULL, packets_received INTEGER NOT NULL,
  packets_sent INTEGER NOT NULL, lost INTEGER NOT NULL, jitter_ms REAL NOT NULL, opinion REAL NOT NULL,
  PRIMARY KEY (call, place)) STRICT, WITHOUT ROWID;
CREATE INDEX calls_by_caller ON calls (caller);
CREATE INDEX calls_by_callee ON calls (callee);
CREATE INDEX calls_by_dialled ON calls (dialled);
CREATE INDEX calls_by_start ON calls (started_at);
CREATE INDEX legs_by_number ON legs (number)
""",)
"""`open_migrated` takes them in order."""


class RecordRow(NamedTuple):
    """A record as it was when it was handed over. call, legs: in the order of the columns."""

    number: int
    call: tuple[Any, ...]
    legs: tuple[tuple[Any, ...], ...]

    @property
    def key(self) -> tuple[int]:
        """The call's number."""
        return (self.number,)

    @property
    def expires_wall_s(self) -> float:
        """Never: the oldest give way to new ones."""
        return float("inf")


def copy_record(record: CallRecord) -> RecordRow:
    """The record now: its owner may go on to change it."""
    return RecordRow(record.number, _read_call(record), tuple([_read_leg(leg) for leg in record.legs]))


def write_records(connection: sqlite3.Connection, rows: Sequence[RecordRow]) -> None:
    """Insert or replace, inside the caller's transaction. Raises sqlite3.Error."""
    calls = [row.call for row in rows]
    legs = [(row.number, place, *leg) for row in rows for place, leg in enumerate(row.legs)]
    for first in range(0, len(rows), STATEMENT_ROWS):
        numbers = [row.number for row in rows[first:first + STATEMENT_ROWS]]
        connection.execute(f"DELETE FROM legs WHERE call IN {build_places(len(numbers))}", numbers)
    _insert(connection, "calls", CALL_COLUMNS, calls)
    _insert(connection, "legs", ("call", "place", *LEG_COLUMNS), legs)


def drop_oldest(connection: sqlite3.Connection, count: int) -> None:
    """Of the calls kept, the first ones and their legs, inside the caller's transaction. Raises sqlite3.Error."""
    found = connection.execute("SELECT number FROM calls ORDER BY number LIMIT 1 OFFSET ?", (count - 1,)).fetchone()
    if found is not None:
        connection.execute("DELETE FROM legs WHERE call <= ?", found)
        connection.execute("DELETE FROM calls WHERE number <= ?", found)


def build_records(calls: Iterable[tuple[Any, ...]], legs: Iterable[tuple[Any, ...]]) -> list[CallRecord]:
    """Records out of rows of both tables in the order of their columns, a leg's call in front."""
    by_number: dict[int, CallRecord] = {}
    for values in calls:
        record = CallRecord(values[0], values[1])
        for name, value in zip(CALL_COLUMNS, values, strict=True):
            setattr(record, name, value)
        record.is_emergency = bool(record.is_emergency)
        by_number[record.number] = record
    for row in legs:
        leg = LegRecord(*row[1:5])
        for name, value in zip(LEG_COLUMNS, row[1:], strict=True):
            setattr(leg, name, value)
        by_number[row[0]].legs.append(leg)
    return list(by_number.values())


def _insert(connection: sqlite3.Connection, table: str, columns: Sequence[str], rows: list[tuple[Any, ...]]) -> None:
    """Many rows a statement: SQLite lets go of the interpreter for each, and a busy event loop takes its time."""
    for first in range(0, len(rows), STATEMENT_ROWS):
        chosen = rows[first:first + STATEMENT_ROWS]
        places = ",".join([build_places(len(columns))] * len(chosen))
        statement = f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) VALUES {places}"
        values = list(chain.from_iterable(chosen))
        try:
            connection.execute(statement, values)
        except UnicodeEncodeError:      # before anything is written; rare, and to look at each value costs as much
            connection.execute(statement, _clean(values))


def _clean(values: list[Any]) -> list[Any]:
    """Text that SQLite takes: half a surrogate pair is no character."""
    return [value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value for value in values]
