# SPDX-License-Identifier: Apache-2.0
"""Binding rows as SQL: the table, and statements for many rows at a time.

Many rows a statement, because SQLite gives up the interpreter's lock for each statement: row by row, a writer beside
a busy event loop would wait a whole switch interval for every one.
"""

import sqlite3
from collections.abc import Mapping

from appliance.pbx.binding_row import BindingKey, BindingRow

VERSION = 1
COLUMNS = ", ".join(BindingRow._fields)
SQL_TYPES = {bytes: "BLOB", str: "TEXT", int: "INTEGER", float: "REAL"}
FIELDS = {"aor": bytes, "identity": bytes} | BindingRow.__annotations__
DEFINITIONS = ", ".join(f"{name} {SQL_TYPES[kind]} NOT NULL" for name, kind in FIELDS.items())
# aor and identity stand first: quick_check of SQLite 3.40 misreads a key that is not in the order of the columns
SCHEMA = f"CREATE TABLE bindings ({DEFINITIONS}, PRIMARY KEY (aor, identity)) STRICT, WITHOUT ROWID"
STATEMENT_ROWS = 64

Changes = Mapping[BindingKey, BindingRow | None]
"""What is to be on disk for a key; None: nothing."""


def write_changes(connection: sqlite3.Connection, changes: Changes) -> None:
    """All of them or none, in one transaction. Raises sqlite3.Error."""
    rows = [(row, key[1]) for key, row in changes.items() if row is not None]
    keys = [key for key, row in changes.items() if row is None]
    connection.execute("BEGIN IMMEDIATE")
    try:
        for first in range(0, len(keys), STATEMENT_ROWS):
            delete_keys(connection, keys[first:first + STATEMENT_ROWS])
        for first in range(0, len(rows), STATEMENT_ROWS):
            replace_rows(connection, rows[first:first + STATEMENT_ROWS])
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:       # a full disk has rolled it back already
            connection.execute("ROLLBACK")
        raise


def delete_keys(connection: sqlite3.Connection, keys: list[BindingKey]) -> None:
    """One statement for some keys."""
    places = ",".join(["(?,?)"] * len(keys))
    connection.execute(f"DELETE FROM bindings WHERE (aor, identity) IN (VALUES {places})",
                       [value for key in keys for value in key])


def replace_rows(connection: sqlite3.Connection, rows: list[tuple[BindingRow, bytes]]) -> None:
    """One statement for some rows, each with the identity part of its key."""
    places = ",".join(["(" + ",".join("?" * (len(BindingRow._fields) + 1)) + ")"] * len(rows))
    connection.execute(f"INSERT OR REPLACE INTO bindings ({COLUMNS}, identity) VALUES {places}",
                       [value for row, identity in rows for value in (*row, identity)])


def read_rows(connection: sqlite3.Connection) -> list[BindingRow]:
    """Everything, by AOR. Raises sqlite3.Error."""
    rows = connection.execute(f"SELECT {COLUMNS} FROM bindings ORDER BY aor, identity")
    return [BindingRow._make(row) for row in rows]
