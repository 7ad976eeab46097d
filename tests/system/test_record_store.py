# SPDX-License-Identifier: Apache-2.0
"""Call records on a real disk: what goes in comes out, kill -9, a full disk, the size budget, other versions."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.call.call_record import CallRecord, LegRecord
from appliance.system.store import record_store
from appliance.system.store.database import open_migrated
from appliance.system.store.record_reader import RecordQuery, RecordReader, write_choice
from appliance.system.store.record_store import SqliteRecordStore
from appliance.system.store.record_table import CALL_COLUMNS, LEG_COLUMNS, STEPS, copy_record, write_records
from tests.system.test_binding_store import Alarms

T0 = 1_700_000_000.0


def make_record(number: int, caller: str = "201", callee: str = "05033334444") -> CallRecord:
    record = CallRecord(number, T0 + number)
    record.caller, record.callee, record.dialled = caller, callee, callee
    record.caller_name, record.result, record.status, record.cause = "受付 \"1\"", "answered", 200, 16
    record.answered_at, record.ended_at, record.ended_by = T0 + number + 2.5, T0 + number + 62.5, "callee"
    record.reason, record.trunk, record.is_emergency = "hung up, by the callee", "carrier", number % 2 == 0
    for line, direction, who in (("office", "incoming", caller), ("carrier", "outgoing", callee)):
        leg = LegRecord(line, direction, who, "")
        leg.address, leg.call_id, leg.local_tag, leg.remote_tag = "192.0.2.1:5060", f"{who}@x", "ours", "theirs"
        leg.status, leg.started_at, leg.codec, leg.packets_received, leg.lost = 200, T0 + number, "PCMU", 3000, -2
        leg.jitter_ms, leg.opinion = 1.25, 4.25
        record.legs.append(leg)
    return record


def plain(record: CallRecord | None):
    return None if record is None else copy_record(record)


@pytest.fixture
def alarms():
    return Alarms()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "records.sqlite"


def keep(path, alarms, *records: CallRecord, **more) -> SqliteRecordStore:
    store = SqliteRecordStore(path, alarms, **more)
    for record in records:
        store.keep(record)
    assert store.close()
    return store


def test_every_attribute_of_a_record_is_a_column():
    assert set(CALL_COLUMNS) == set(CallRecord.__slots__) - {"legs"}
    assert set(LEG_COLUMNS) == set(LegRecord.__slots__)


def test_records_come_back_as_they_were_handed_over(path, alarms):
    keep(path, alarms, make_record(1), make_record(2))
    found = list(RecordReader(path).read(RecordQuery(10)))
    assert [plain(one) for one in found] == [plain(make_record(1)), plain(make_record(2))]
    assert alarms.heard == []


def test_what_is_changed_after_it_was_handed_over_is_not_kept(path, alarms):
    record = make_record(1)
    store = SqliteRecordStore(path, alarms)
    store.keep(record)
    record.reason = "changed"
    record.legs.clear()
    assert store.close()
    assert plain(RecordReader(path).find(1)) == plain(make_record(1))


def test_a_record_kept_again_replaces_the_first(path, alarms):
    record = make_record(1)
    store = SqliteRecordStore(path, alarms)
    store.keep(record)
    del record.legs[1]
    record.result = "failed"
    store.keep(record)
    assert store.close()
    assert [plain(one) for one in RecordReader(path).read(RecordQuery(10))] == [plain(record)]


def test_numbers_go_on_after_a_restart(path, alarms):
    assert SqliteRecordStore(path, alarms).read_last_number() == 0
    keep(path, alarms, make_record(41), make_record(17))
    assert SqliteRecordStore(path, alarms).read_last_number() == 41


def test_the_last_ones_are_asked_for_and_come_oldest_first(path, alarms):
    keep(path, alarms, *(make_record(number) for number in range(1, 301)))
    reader = RecordReader(path)
    assert [one.number for one in reader.read(RecordQuery(3))] == [298, 299, 300]
    assert [one.number for one in reader.read(RecordQuery(120))] == list(range(181, 301))
    assert [one.number for one in reader.read(RecordQuery(120, after=100))] == list(range(101, 221))
    assert all(len(one.legs) == 2 for one in reader.read(RecordQuery(300)))
    assert list(reader.read(RecordQuery(5, after=300))) == []
    assert reader.find(301) is None
    assert plain(reader.find(299)) == plain(make_record(299))


def test_whose_calls_and_since_when(path, alarms):
    keep(path, alarms, make_record(1), make_record(2, "203", "201"), make_record(3, "203", "119"),
         make_record(4, "05055556666", "203"))
    reader = RecordReader(path)
    assert [one.number for one in reader.read(RecordQuery(9, party="201"))] == [1, 2]
    assert [one.number for one in reader.read(RecordQuery(1, party="203"))] == [4]
    assert [one.number for one in reader.read(RecordQuery(9, party="203", since_wall_s=T0 + 3))] == [3, 4]
    assert [one.number for one in reader.read(RecordQuery(9, after=2, party="203"))] == [3, 4]
    assert list(reader.read(RecordQuery(9, party="x' OR 1 --"))) == []


@pytest.mark.parametrize("order", ["ASC", "DESC"])
def test_a_search_reads_no_whole_table_and_sorts_no_more_than_a_page(path, alarms, order):
    keep(path, alarms, make_record(1))
    connection = sqlite3.connect(path)
    values = {"party": "201", "since": T0, "after": 0, "limit": 5}
    for query in (RecordQuery(5, party="201"), RecordQuery(5, party="201", since_wall_s=T0), RecordQuery(5)):
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {write_choice(query, order)}", values)]
        assert not [step for step in plan if step.startswith(("SCAN calls", "SCAN legs"))], plan
        assert not [step for step in plan if "TEMP B-TREE" in step and not query.party], plan


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["201", "202", "0501"]), st.sampled_from(["201", "203", "0501"])),
                max_size=70),
       st.sampled_from(["", "201", "203", "0501", "nobody"]), st.integers(1, 90), st.integers(0, 80))
def test_pages_are_what_a_filter_of_everything_would_give(calls, party, limit, after):
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(STEPS[0])
    write_records(connection, [copy_record(make_record(number, *who)) for number, who in enumerate(calls, 1)])
    reader = RecordReader("nowhere")
    reader._connect = lambda: connection
    every = [number for number, who in enumerate(calls, 1) if not party or party in who]
    assert [one.number for one in reader.read(RecordQuery(limit, party=party))] == every[-limit:]
    wanted = [number for number in every if number > after][:limit]
    assert [one.number for one in reader.read(RecordQuery(limit, after, party))] == wanted
    late = [number for number in every if number >= 30]
    assert [one.number for one in reader.read(RecordQuery(limit, None, party, T0 + 30))] == late[-limit:]


def test_no_file_is_no_record(path):
    assert list(RecordReader(path).read(RecordQuery(5))) == []
    assert RecordReader(path).find(1) is None


def test_the_oldest_give_way_and_the_file_stays_its_size(path, alarms):
    store = SqliteRecordStore(path, alarms, calls_kept=1000)
    store.linger_s = 0.0
    for number in range(1, 1501):
        store.keep(make_record(number))
        while number % 100 == 0 and store.pending_count:
            time.sleep(0.001)
    assert store.close()
    numbers = [one.number for one in RecordReader(path).read(RecordQuery(10_000))]
    assert numbers == list(range(numbers[0], 1501))
    assert 980 <= len(numbers) <= 1000
    (legs,) = sqlite3.connect(path).execute("SELECT count(*) FROM legs").fetchone()
    assert legs == 2 * len(numbers)


def test_the_budget_holds_for_what_an_earlier_process_has_kept(path, alarms):
    keep(path, alarms, *(make_record(number) for number in range(1, 101)), calls_kept=1000)
    keep(path, alarms, make_record(200), calls_kept=50)
    numbers = [one.number for one in RecordReader(path).read(RecordQuery(10_000))]
    assert numbers[-1] == 200
    assert len(numbers) <= 50


def test_kill_9_loses_less_than_a_second(path):
    """A process that dies without a word a second after its last record."""
    program = textwrap.dedent("""
        import os, sys, time
        from appliance.system.store.record_store import SqliteRecordStore
        from tests.system.test_record_store import make_record
        store = SqliteRecordStore(sys.argv[1], print)
        for number in range(1, 51):
            store.keep(make_record(number))
        begin = time.monotonic()
        while store.pending_count:
            time.sleep(0.01)
        print(time.monotonic() - begin, flush=True)
        time.sleep(60)
    """)
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True,
                          cwd=os.getcwd()) as process:
        written_after_s = float(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
    assert written_after_s >= 0.4       # gathered, not each by itself
    assert [one.number for one in RecordReader(path).read(RecordQuery(100))] == list(range(1, 51))


def test_what_is_committed_is_on_the_disk(path, alarms):
    connection = open_migrated(path, STEPS)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)      # FULL
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_full_disk_raises_an_alarm_and_keeps_what_comes(path, alarms, monkeypatch):
    real = record_store.write_records
    state = {"is_full": True}

    def write(connection, rows):
        if state["is_full"]:
            raise sqlite3.OperationalError("database or disk is full")
        real(connection, rows)
    monkeypatch.setattr(record_store, "write_records", write)
    store = SqliteRecordStore(path, alarms, retry_first_s=0.01)
    store.linger_s = 0.0
    store.keep(make_record(1))
    alarms.wait_for("record_store_failed")
    store.keep(make_record(2))
    state["is_full"] = False
    alarms.wait_for("record_store_failed cleared")
    assert store.close()
    assert [one.number for one in RecordReader(path).read(RecordQuery(9))] == [1, 2]


def test_records_that_wait_for_a_dead_disk_are_bounded(path, alarms, monkeypatch):
    monkeypatch.setattr(record_store, "WAITING_LIMIT", 10)
    store = SqliteRecordStore(path.parent / "nowhere" / "records.sqlite", alarms, retry_first_s=0.01)
    store.linger_s = 0.0
    for number in range(1, 101):
        store.keep(make_record(number))
    alarms.wait_for("record_store_overflowed")
    deadline = time.monotonic() + 10
    while store.pending_count > 10 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert store.pending_count <= 10
    assert not store.close()


def test_a_broken_file_is_kept_aside_and_said(path, alarms):
    path.write_bytes(b"no database at all" * 100)
    store = SqliteRecordStore(path, alarms)
    assert store.read_last_number() == 0
    assert alarms.events == ["record_store_started_anew"]
    store.keep(make_record(1))
    assert store.close()
    assert RecordReader(path).find(1) is not None
    assert path.with_name("records.sqlite.broken").exists()


def test_steps_are_taken_from_where_the_file_stands(path):
    first = ("CREATE TABLE calls (number INTEGER PRIMARY KEY)",)
    open_migrated(path, first).execute("INSERT INTO calls VALUES (7)")
    connection = open_migrated(path, (*first, "ALTER TABLE calls ADD COLUMN caller TEXT NOT NULL DEFAULT 'nobody'",
                                      "CREATE TABLE legs (call INTEGER)"))
    assert connection.execute("SELECT number, caller FROM calls").fetchall() == [(7, "nobody")]
    assert connection.execute("PRAGMA user_version").fetchone() == (3,)


def test_a_step_that_fails_leaves_the_file_as_it_was(path):
    first = ("CREATE TABLE calls (number INTEGER PRIMARY KEY)",)
    open_migrated(path, first).close()
    with pytest.raises(sqlite3.OperationalError):
        open_migrated(path, (*first, "CREATE TABLE legs (call INTEGER); CREATE TABLE calls (number INTEGER)"))
    connection = open_migrated(path, first)
    assert connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall() == [("calls",)]


def test_the_reader_follows_a_file_that_was_replaced(path, alarms):
    keep(path, alarms, make_record(1))
    reader = RecordReader(path)
    assert reader.find(1) is not None
    os.replace(path, path.with_name("old"))
    keep(path, alarms, make_record(2))
    assert reader.find(1) is None
    assert reader.find(2) is not None


TEXT = st.text(st.characters(codec=None), max_size=12)      # with halves of surrogate pairs, and NUL


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT, TEXT), min_size=1, max_size=80))
def test_whatever_a_peer_calls_itself_is_kept(texts):
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(STEPS[0])
    rows = []
    for number, (caller, name, reason) in enumerate(texts, 1):
        record = make_record(number, caller)
        record.legs[1].name, record.reason = name, reason
        rows.append(copy_record(record))
    write_records(connection, rows)
    kept = connection.execute("SELECT caller, reason FROM calls ORDER BY number").fetchall()
    assert kept == [tuple(text.encode("utf-8", "replace").decode() for text in (caller, reason))
                    for caller, _, reason in texts]
    names = connection.execute("SELECT name FROM legs WHERE place = 1 ORDER BY call").fetchall()
    assert [name for (name,) in names] == [name.encode("utf-8", "replace").decode() for _, name, _ in texts]
