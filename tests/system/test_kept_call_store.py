# SPDX-License-Identifier: Apache-2.0
"""Calls of the call engine in SQLite: on disk soon after they are saved, gone when they are deleted."""

import sqlite3
import time

from appliance.call.kept_row import LIFE_S, KeptRow
from appliance.system.store.kept_call_store import SqliteKeptCallStore

ROW = KeptRow(7, time.time() - 10.5, '{"form":1,"dialled":"0312\xff"}')


def fail_on_alarm(name: str, sentence: str, remedy: str, is_raised: bool) -> None:
    raise AssertionError(f"{name}: {sentence}")


def open_store(folder) -> SqliteKeptCallStore:
    return SqliteKeptCallStore(folder / "kept_calls.sqlite", fail_on_alarm)


def test_rows_survive_closing_and_opening(tmp_path):
    store = open_store(tmp_path)
    store.save([ROW, ROW._replace(number=9), ROW._replace(number=8)])
    store.delete([(9,)])
    assert store.close()
    assert open_store(tmp_path).load() == [ROW, ROW._replace(number=8)]


def test_a_row_is_replaced_by_its_number(tmp_path):
    store = open_store(tmp_path)
    store.save([ROW])
    store.save([ROW._replace(snapshot="{}")])
    assert store.close()
    assert [row.snapshot for row in open_store(tmp_path).load()] == ["{}"]


def test_others_can_read_it_while_the_writer_has_it_open(tmp_path):
    """A process that is killed closes nothing."""
    store = open_store(tmp_path)
    store.save([ROW])
    end = time.monotonic() + 20.0
    while store.pending_count and time.monotonic() < end:
        time.sleep(0.002)
    with sqlite3.connect(tmp_path / "kept_calls.sqlite") as reader:
        assert reader.execute("SELECT number FROM kept_calls").fetchall() == [(7,)]
    reader.close()
    assert store.close()


def test_the_end_of_the_week_is_the_end_of_a_row():
    assert ROW.expires_wall_s - ROW.answered_wall_s == LIFE_S
    assert ROW.key == (7,)
