# SPDX-License-Identifier: Apache-2.0
"""The journal: what is written, when, and what never is."""

import asyncio
import json
import os
import socket
import struct
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.system import journal, journal_sink
from appliance.system.journal import EVENTS_A_SECOND, QUEUE_LIMIT, ProcessJournal
from appliance.system.journal_sink import JsonSink, SystemdSink, is_journal_stream, render_json


class ListSink:
    """Keeps lines."""

    def __init__(self):
        self.lines = []

    def write(self, lines):
        self.lines.extend(lines)

    @property
    def events(self):
        return [event for _, event, _ in self.lines]


def test_without_a_loop_a_line_is_written_at_once():
    sink = ListSink()
    ProcessJournal(sink).record("ready", port=5060)
    [(at, event, values)] = sink.lines
    assert abs(at - time.time()) < 5
    assert (event, values) == ("ready", {"port": 5060})


def test_on_a_loop_nothing_is_written_while_the_caller_runs_and_all_of_it_soon_after():
    async def run():
        sink = ListSink()
        noted = ProcessJournal(sink)
        noted.start(asyncio.get_running_loop())
        noted.record("first")
        noted.record("second")
        assert sink.lines == []
        await asyncio.sleep(journal.FLUSH_DELAY_S * 2)
        return sink.events
    assert asyncio.run(run()) == ["first", "second"]


def test_what_waits_to_be_written_is_recent_too():
    async def run():
        noted = ProcessJournal(ListSink())
        noted.start(asyncio.get_running_loop())
        noted.record("first")
        noted.record("second")
        return [event for _at, event, _values in noted.recent(10)]
    assert asyncio.run(run()) == ["first", "second"]


def test_another_thread_may_record():
    async def run():
        sink = ListSink()
        noted = ProcessJournal(sink)
        noted.start(asyncio.get_running_loop())
        thread = threading.Thread(target=noted.record, args=("from_a_thread",))
        thread.start()
        thread.join()
        await asyncio.sleep(journal.FLUSH_DELAY_S * 2)
        return sink.events
    assert asyncio.run(run()) == ["from_a_thread"]


def test_a_storm_of_one_event_is_counted_instead_of_written(monkeypatch):
    now = 100.0
    monkeypatch.setattr(journal, "monotonic", lambda: now)
    sink = ListSink()
    noted = ProcessJournal(sink)
    for _ in range(EVENTS_A_SECOND + 50):
        noted.record("attack")
    noted.record("call_ended")
    assert sink.events.count("attack") == EVENTS_A_SECOND
    assert sink.events[-1] == "call_ended"
    now += 1.0
    noted.record("attack")
    assert sink.events[-2:] == ["events_suppressed", "attack"]
    assert sink.lines[-2][2] == {"name": "attack", "count": 50}


def test_the_queue_is_bounded_and_says_what_was_lost(monkeypatch):
    monkeypatch.setattr(journal, "EVENTS_A_SECOND", 10 * QUEUE_LIMIT)

    async def run():
        sink = ListSink()
        noted = ProcessJournal(sink)
        noted.start(asyncio.get_running_loop())
        for _ in range(QUEUE_LIMIT + 7):
            noted.record("flood")
        noted.close()
        return sink
    sink = asyncio.run(run())
    assert sink.events.count("flood") == QUEUE_LIMIT
    assert sink.lines[-1][1:] == ("events_lost", {"count": 7})


def test_secrets_are_never_written():
    sink = ListSink()
    ProcessJournal(sink).record("oops", secret=b"alpha-1001", password="x", ha1=b"y", user=b"1001")
    assert "alpha" not in str(sink.lines)
    assert sink.lines[0][2]["user"] == b"1001"


def test_a_line_is_json_with_time_event_and_values():
    values = {"aor": b"\xff\n", "port": 5060, "is_new": True, "cause": None}
    line = json.loads(render_json(0.25, "binding_added", values))
    assert line == {"time": "1970-01-01T00:00:00.250Z", "event": "binding_added", "aor": "\\xff\n", "port": 5060,
                    "is_new": True, "cause": None}


@given(st.dictionaries(st.text(), st.one_of(st.binary(), st.text(), st.floats(), st.integers(), st.booleans(),
                                            st.none(), st.lists(st.binary()))))
def test_any_values_give_one_line_of_json(values):
    line = render_json(1.0, "event", values)
    assert "\n" not in line
    assert isinstance(json.loads(line.encode("utf-8", "backslashreplace")), dict)


def test_long_values_are_shortened():
    assert len(render_json(0.0, "event", {"octets": b"x" * 60_000})) < 1200


def test_a_full_pipe_does_not_block_and_loses_whole_lines():
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    sink = JsonSink(writer)
    for number in range(3000):
        sink.write([(0.0, "event", {"number": number, "filling": "x" * 50})])
    received = drain(reader)
    sink.write([(0.0, "after", {})])
    os.close(writer)
    received += drain(reader)
    os.close(reader)
    events = [json.loads(line)["event"] for line in received.splitlines()]
    assert events[-1] == "after"
    assert 100 < len(events) < 3001


def drain(reader):
    os.set_blocking(reader, False)
    received = b""
    try:
        while octets := os.read(reader, 1 << 20):
            received += octets
    except BlockingIOError:
        pass
    return received


def test_a_reader_that_is_gone_is_no_error():
    reader, writer = os.pipe()
    os.close(reader)
    JsonSink(writer).write([(0.0, "event", {})])
    os.close(writer)


def test_systemds_journal_gets_fields(tmp_path):
    address = str(tmp_path / "journal")
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listening.bind(address)
    sink = SystemdSink(address)
    sink.write([(0.0, "registration_refused", {"aor": b"1001", "reason": "two\nlines"})])
    sink.close()
    fields = read_fields(listening.recv(65536))
    listening.close()
    assert fields == {"MESSAGE": b"registration_refused aor=1001 reason=two\nlines", "PRIORITY": b"4",
                      "SYSLOG_IDENTIFIER": b"denwaban", "DENWABAN_EVENT": b"registration_refused",
                      "DENWABAN_AOR": b"1001", "DENWABAN_REASON": b"two\nlines"}


def test_a_journal_that_does_not_listen_is_no_error(tmp_path):
    sink = SystemdSink(str(tmp_path / "nobody"))
    sink.write([(0.0, "event", {})])
    sink.close()


def read_fields(octets):
    fields = {}
    while octets:
        name, octets = octets.split(b"\n", 1)
        size = struct.unpack("<Q", octets[:8])[0]
        fields[name.decode()] = octets[8:8 + size]
        assert octets[8 + size:9 + size] == b"\n"
        octets = octets[9 + size:]
    return fields


@pytest.mark.parametrize("value", ["", "0:0", "nonsense"])
def test_another_stream_than_standard_error_is_not_the_journal(value):
    assert not is_journal_stream(value)


def test_standard_error_is_recognised_by_device_and_inode():
    found = os.fstat(2)
    assert is_journal_stream(f"{found.st_dev}:{found.st_ino}")


def test_the_sink_is_json_without_a_journal(monkeypatch):
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    assert isinstance(journal_sink.open_sink(), JsonSink)
