# SPDX-License-Identifier: Apache-2.0
"""Bindings on a real disk: restarts, kill -9, a full disk, a broken file, a disk that cannot be written."""

import asyncio
import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import MisuseError
from appliance.pbx.binding_row import BindingRow
from appliance.system.store import row_store
from appliance.system.store.binding_store import BINDINGS, SqliteBindingStore
from tests.interop.network import PATIENCE_S

LATER = time.time() + 100_000


def row(aor=b"1001", contact=b"sip:1001@127.0.0.1:5081", **changes):
    plain = BindingRow(aor, contact, b";q=0.5", 500, 3600, LATER, b"call@host", 7, "office", b"UDP", b"127.0.0.1", 5081,
                       b"<sip:a;lr>,<sip:b;lr>", b"urn:uuid:1", 0, b"phone/1.0")
    return plain._replace(**changes)


class Alarms:
    """Collects alarms; `wait_for` lets a test wait for one without sleeping."""

    def __init__(self):
        self.heard = []
        self._change = threading.Condition()

    def __call__(self, name, sentence, remedy, is_raised):
        assert bool(remedy) == is_raised
        with self._change:
            self.heard.append((name if is_raised else f"{name} cleared", sentence))
            self._change.notify_all()

    @property
    def events(self):
        return [event for event, _ in self.heard]

    def wait_for(self, event, count=1):
        with self._change:
            assert self._change.wait_for(lambda: self.events.count(event) >= count, PATIENCE_S), self.heard


@pytest.fixture
def alarms():
    return Alarms()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "bindings.sqlite"


def stored(path):
    return SqliteBindingStore(path, lambda *alarm: pytest.fail(str(alarm))).load()


def as_root(*command):
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a file system")
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("needs root to mount a file system")


def test_nothing_stored_is_an_empty_list(path, alarms):
    assert SqliteBindingStore(path, alarms).load() == []
    assert alarms.heard == []


def test_rows_come_back_as_they_were_saved(path, alarms):
    store = SqliteBindingStore(path, alarms)
    rows = [row(), row(contact=b"sip:\x00%00\xff@[::1]"), row(aor=b"1002", instance=b"urn:x", reg_id=1),
            row(aor=b"1002", instance=b"urn:x", reg_id=2)]
    store.save(rows)
    assert store.close()
    assert sorted(stored(path)) == sorted(rows)
    assert alarms.heard == []


def test_the_newest_state_of_a_key_is_what_is_stored(path, alarms):
    store = SqliteBindingStore(path, alarms)
    store.save([row(cseq=1), row(aor=b"1002"), row(aor=b"1003")])
    store.save([row(cseq=2)])
    store.delete([row(aor=b"1002").key, (b"none", b"such")])
    store.delete([row(aor=b"1003").key])
    store.save([row(aor=b"1003", cseq=9)])
    assert store.close()
    assert stored(path) == [row(cseq=2), row(aor=b"1003", cseq=9)]


def test_a_row_is_on_disk_soon_and_without_a_close(path, alarms):
    store = SqliteBindingStore(path, alarms)
    store.save([row()])
    assert wait_until(lambda: store.pending_count == 0, PATIENCE_S)
    assert stored(path) == [row()]
    store.close()


def test_saving_and_deleting_do_not_wait_for_the_disk(path, alarms, monkeypatch):
    disk_is_stuck, has_moved = threading.Event(), threading.Event()

    def write(connection, table, changes):
        disk_is_stuck.wait(PATIENCE_S)
        has_moved.set()
    monkeypatch.setattr(row_store, "write_changes", write)
    store = SqliteBindingStore(path, alarms)
    for number in range(1000):
        store.save([row(aor=b"%d" % number)])
        store.delete([row(aor=b"%d" % number).key])
    assert not has_moved.is_set()
    disk_is_stuck.set()
    store.close()


def test_close_gives_a_stuck_disk_two_seconds_and_says_so(path, alarms, monkeypatch):
    disk_is_stuck = threading.Event()
    monkeypatch.setattr(row_store, "write_changes", lambda connection, table, changes: disk_is_stuck.wait(30))
    monkeypatch.setattr(row_store, "CLOSE_LIMIT_S", 0.1)
    store = SqliteBindingStore(path, alarms)
    store.save([row()])
    assert not store.close()
    disk_is_stuck.set()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 2**31)), max_size=200))
def test_any_order_of_saving_and_deleting_ends_as_a_dictionary_would(tmp_path_factory, steps):
    path = tmp_path_factory.mktemp("store") / "bindings.sqlite"
    store, model = SqliteBindingStore(path, Alarms()), {}
    for is_saved, number, cseq in steps:
        entry = row(aor=b"%d" % number, cseq=cseq)
        if is_saved:
            store.save([entry])
            model[entry.key] = entry
        else:
            store.delete([entry.key])
            model.pop(entry.key, None)
    assert store.close()
    assert sorted(stored(path)) == sorted(model.values())


WRITER = """
    import sys, time
    from pathlib import Path
    from appliance.pbx.binding_row import BindingRow
    from appliance.system.store import binding_store
    store = binding_store.SqliteBindingStore(Path(sys.argv[1]), lambda *alarm: None)
    number = 0
    while True:
        number += 1
        store.save([BindingRow(b"%d" % aor, b"sip:x", b"", 1000, 60, time.time() + 9999, b"c", number, "l", b"UDP",
                               b"127.0.0.1", 5060, b"x" * 500, b"", 0, b"") for aor in range(300)])
        while store.pending_count:
            time.sleep(0.0005)
        print(number, flush=True)
"""


def test_kill_9_loses_nothing_that_was_written_and_breaks_nothing(path):
    for _ in range(3):
        child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(WRITER), str(path)], stdout=subprocess.PIPE,
                                 cwd=Path(__file__).parents[2])
        for _ in range(20):
            line = child.stdout.readline()
        child.send_signal(signal.SIGKILL)
        rest = child.stdout.read().split()
        child.stdout.close()
        child.wait()
        last = int(rest[-1] if rest else line)
        rows = stored(path)
        assert len(rows) == 300
        assert {entry.cseq for entry in rows} in ({last}, {last + 1})      # a batch is all or nothing


@pytest.mark.parametrize("garbage", [b"not a database at all" * 100, b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_broken_file_is_moved_aside_and_the_store_starts_empty(path, alarms, garbage):
    path.write_bytes(garbage)
    store = SqliteBindingStore(path, alarms)
    assert store.load() == []
    assert alarms.events == ["binding_store_started_anew"]
    assert path.with_name(path.name + ".broken").read_bytes() == garbage
    store.save([row()])
    assert store.close()
    assert stored(path) == [row()]


def test_a_file_damaged_in_the_middle_is_found_out_at_the_start(path, alarms):
    store = SqliteBindingStore(path, alarms)
    store.save([row(aor=b"%d" % number) for number in range(500)])
    store.close()
    octets = bytearray(path.read_bytes())
    octets[4096:12288] = b"\xa5" * 8192
    path.write_bytes(octets)
    assert SqliteBindingStore(path, alarms).load() == []
    assert alarms.events == ["binding_store_started_anew"]


def test_a_file_that_breaks_while_we_run_is_replaced_and_what_is_pending_survives(path, alarms):
    store = SqliteBindingStore(path, alarms, retry_first_s=0.01)
    store.save([row(aor=b"%d" % number) for number in range(500)])
    assert wait_until(lambda: store.pending_count == 0, PATIENCE_S)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.unlink()
    path.write_bytes(b"no database any more" * 1000)
    store.save([row()])
    alarms.wait_for("binding_store_started_anew", count=2)
    assert wait_until(lambda: store.pending_count == 0, PATIENCE_S)
    assert store.close()
    assert stored(path) == [row()]


def test_a_file_that_is_deleted_while_we_run_is_made_anew_and_told(path, alarms):
    store = SqliteBindingStore(path, alarms)
    store.save([row()])
    assert wait_until(lambda: store.pending_count == 0, PATIENCE_S)
    path.unlink()
    store.save([row(aor=b"1002")])
    assert store.close()
    assert alarms.events == ["binding_store_started_anew"]
    assert stored(path) == [row(aor=b"1002")]


def test_a_file_of_another_version_is_moved_aside(path, alarms):
    other = sqlite3.connect(path)
    other.execute("PRAGMA user_version=99")
    other.close()
    assert SqliteBindingStore(path, alarms).load() == []
    assert "99" in alarms.heard[0][1]


def test_a_full_disk_is_told_once_and_everything_is_written_when_it_heals(tmp_path, alarms):
    disk = tmp_path / "disk"
    disk.mkdir()
    as_root("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk))
    try:
        path = disk / "bindings.sqlite"
        store = SqliteBindingStore(path, alarms, retry_first_s=0.01)
        store.save([row()])
        assert wait_until(lambda: store.pending_count == 0, PATIENCE_S)
        filling = disk / "filling"
        fill(filling)
        rows = [row(aor=b"%d" % number, parameters=b"x" * 1000) for number in range(150)]
        store.save(rows)
        alarms.wait_for("binding_store_failed")
        store.delete([row().key, rows[0].key])
        store.save([rows[1]._replace(cseq=99)])
        time.sleep(0.1)
        assert store.pending_count == 151
        assert alarms.events == ["binding_store_failed"]
        filling.unlink()
        alarms.wait_for("binding_store_failed cleared")
        assert wait_until(lambda: store.pending_count == 0, PATIENCE_S)
        assert store.close()
        assert sorted(stored(path)) == sorted([rows[1]._replace(cseq=99), *rows[2:]])
        assert alarms.events == ["binding_store_failed", "binding_store_failed cleared"]
    finally:
        store.close()
        subprocess.run(["umount", str(disk)], check=True)


def test_what_was_stored_is_read_from_a_disk_that_cannot_be_written(tmp_path, alarms):
    disk = tmp_path / "disk"
    disk.mkdir()
    as_root("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk))
    try:
        path = disk / "bindings.sqlite"
        store = SqliteBindingStore(path, alarms)
        store.save([row()])
        assert store.close()
        as_root("mount", "-o", "remount,ro", str(disk))
        store = SqliteBindingStore(path, alarms, retry_first_s=0.01)
        assert store.load() == [row()]
        assert alarms.events == ["binding_store_failed"]
        store.save([row(cseq=8)])
        as_root("mount", "-o", "remount,rw", str(disk))
        alarms.wait_for("binding_store_failed cleared")
        assert store.close()
        assert stored(path) == [row(cseq=8)]
    finally:
        store.close()
        subprocess.run(["umount", str(disk)], check=True)


def test_a_directory_that_is_missing_is_an_alarm_and_registrations_go_on(tmp_path, alarms):
    path = tmp_path / "gone" / "bindings.sqlite"
    store = SqliteBindingStore(path, alarms, retry_first_s=0.01)
    assert store.load() == []
    store.save([row()])
    alarms.wait_for("binding_store_failed")
    path.parent.mkdir()
    alarms.wait_for("binding_store_failed cleared")
    assert store.close()
    assert stored(path) == [row()]


def test_on_an_event_loop_alarms_are_told_on_that_loop(tmp_path):
    async def watch():
        told = asyncio.get_running_loop().create_future()
        store = SqliteBindingStore(tmp_path / "gone" / "x", lambda *alarm: told.set_result(threading.current_thread()))
        store.save([row()])
        thread = await asyncio.wait_for(told, PATIENCE_S)
        assert not store.close()
        return thread
    assert asyncio.run(watch()) is threading.current_thread()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_writer_that_died_of_a_bug_is_noticed_at_the_next_change(path, alarms, monkeypatch):
    monkeypatch.setattr(row_store, "write_changes", lambda connection, table, changes: 1 / 0)
    store = SqliteBindingStore(path, alarms)
    store.save([row()])
    store._writer.join(PATIENCE_S)
    with pytest.raises(MisuseError):
        store.save([row()])


def test_while_the_disk_fails_ended_bindings_and_the_excess_are_dropped(tmp_path, alarms, monkeypatch):
    monkeypatch.setattr(row_store, "PENDING_LIMIT", 10)
    path = tmp_path / "gone" / "bindings.sqlite"
    store = SqliteBindingStore(path, alarms, retry_first_s=0.01)
    store.save([row(aor=b"ended", expires_wall_s=1.0)])
    store.delete([(b"removed", b"%d" % number) for number in range(8)])
    store.save([row(aor=b"%d" % number) for number in range(8)])
    alarms.wait_for("binding_store_overflowed")
    assert wait_until(lambda: store.pending_count == 10, PATIENCE_S)
    path.parent.mkdir()
    assert store.close()
    assert sorted(stored(path)) == sorted(row(aor=b"%d" % number) for number in range(8))


def test_the_table_is_that_of_version_1():
    """A change of the columns needs a new version and a way to carry the rows over."""
    assert "".join(BINDINGS.schema.split()) == (
        "CREATETABLEbindings(aorBLOBNOTNULL,identityBLOBNOTNULL,contactBLOBNOTNULL,parametersBLOBNOTNULL,qINTEGERNOTNULL,"
        "granted_sINTEGERNOTNULL,expires_wall_sREALNOTNULL,call_idBLOBNOTNULL,cseqINTEGERNOTNULL,listenerTEXTNOTNULL,"
        "transportBLOBNOTNULL,source_hostBLOBNOTNULL,source_portINTEGERNOTNULL,pathBLOBNOTNULL,instanceBLOBNOTNULL,"
        "reg_idINTEGERNOTNULL,user_agentBLOBNOTNULL,PRIMARYKEY(aor,identity))STRICT,WITHOUTROWID")


def fill(filling):
    with filling.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)


def wait_until(is_so, limit_s):
    """Poll: the writer is another thread and tells nobody when it is done."""
    end = time.monotonic() + limit_s
    while not is_so():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True
