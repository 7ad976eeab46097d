# SPDX-License-Identifier: Apache-2.0
"""What the daemon has on disk: a test that is to kill it waits for that, not for a time."""

import contextlib
import sqlite3
from pathlib import Path

from tests.interop.network import PATIENCE_S, wait_until


def count_rows(state: Path, file: str, table: str) -> int:
    """Rows that whoever opens the file next will find."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{state}/{file}.sqlite?mode=ro", uri=True)) as opened:
            (count,) = opened.execute(f"SELECT count(*) FROM {table}").fetchone()
    except sqlite3.OperationalError:    # there is none yet
        return 0
    return int(count)


def wait_rows(state: Path, file: str, count: int, table: str = "") -> None:
    """Until there are so many. table: where it is not named as its file."""
    wait_until(lambda: count_rows(state, file, table or file) == count, PATIENCE_S, f"{count} {file} on disk")
