# SPDX-License-Identifier: Apache-2.0
"""Rows of one kind as SQL: the table, and statements for many rows at a time.

Many rows a statement, because SQLite gives up the interpreter's lock for each statement: row by row, a writer beside
a busy event loop would wait a whole switch interval for every one.
"""

import sqlite3
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

SQL_TYPES = {bytes: "BLOB", str: "TEXT", int: "INTEGER", float: "REAL"}
STATEMENT_ROWS = 64

Key = tuple[Any, ...]


class Row(Protocol):
    """What a row is: a NamedTuple of plain values. expires_wall_s: when it is worth nothing any more, since 1970."""

    @property
    def key(self) -> Key:
        """What is unique on disk."""

    @property
    def expires_wall_s(self) -> float:
        """The end of what it stands for."""


class Table(NamedTuple):
    """One table of a file of its own.

    name: the plural noun; row: the NamedTuple; key: names and kinds of the key columns, in the order of `Row.key`
    (those that the row has not are added); version: of the schema; lost: what it means when the file is started anew.
    """

    name: str
    row: Any
    key: dict[str, type]
    version: int
    lost: str

    @property
    def schema(self) -> str:
        """The statement that makes it. The key stands first: quick_check of SQLite 3.40 misreads one that is not in
        the order of the columns."""
        fields = self.key | self.row.__annotations__
        definitions = ", ".join(f"{name} {SQL_TYPES[kind]} NOT NULL" for name, kind in fields.items())
        return f"CREATE TABLE {self.name} ({definitions}, PRIMARY KEY ({', '.join(self.key)})) STRICT, WITHOUT ROWID"

    @property
    def added(self) -> list[int]:
        """Which parts of the key are columns beside those of the row."""
        return [place for place, name in enumerate(self.key) if name not in self.row._fields]


Changes = Mapping[Key, Any]
"""What is to be on disk for a key: a row; None: nothing."""


def write_changes(connection: sqlite3.Connection, table: Table, changes: Changes) -> None:
    """All of them or none, in one transaction. Raises sqlite3.Error."""
    rows = [(row, key) for key, row in changes.items() if row is not None]
    keys = [key for key, row in changes.items() if row is None]
    connection.execute("BEGIN IMMEDIATE")
    try:
        for first in range(0, len(keys), STATEMENT_ROWS):
            delete_keys(connection, table, keys[first:first + STATEMENT_ROWS])
        for first in range(0, len(rows), STATEMENT_ROWS):
            replace_rows(connection, table, rows[first:first + STATEMENT_ROWS])
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:       # a full disk has rolled it back already
            connection.execute("ROLLBACK")
        raise


def delete_keys(connection: sqlite3.Connection, table: Table, keys: list[Key]) -> None:
    """One statement for some keys."""
    places = ",".join([build_places(len(table.key))] * len(keys))
    connection.execute(f"DELETE FROM {table.name} WHERE ({', '.join(table.key)}) IN (VALUES {places})",
                       [value for key in keys for value in key])


def replace_rows(connection: sqlite3.Connection, table: Table, rows: list[tuple[Any, Key]]) -> None:
    """One statement for some rows, each with its key."""
    added, names = table.added, list(table.key)
    columns = ", ".join([*table.row._fields, *(names[place] for place in added)])
    places = ",".join([build_places(len(table.row._fields) + len(added))] * len(rows))
    connection.execute(f"INSERT OR REPLACE INTO {table.name} ({columns}) VALUES {places}",
                       [value for row, key in rows for value in (*row, *[key[place] for place in added])])


def build_places(count: int) -> str:
    """`(?,?)` for that many values."""
    return "(" + ",".join("?" * count) + ")"


def read_rows(connection: sqlite3.Connection, table: Table) -> list[Any]:
    """Everything, by key. Raises sqlite3.Error."""
    columns, order = ", ".join(table.row._fields), ", ".join(table.key)
    rows = connection.execute(f"SELECT {columns} FROM {table.name} ORDER BY {order}")
    return [table.row._make(row) for row in rows]
