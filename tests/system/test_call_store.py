# SPDX-License-Identifier: Apache-2.0
"""Calls in SQLite: what goes in comes out, octet for octet; what was taken out stays out."""

import time

from appliance.pbx.call_row import CallRow
from appliance.system.store.call_store import SqliteCallStore

ROW = CallRow(7, b"theirs\xff", b"call@\x00host", b"ours", b"201", b"%32%30%32", b"202", b"office.test",
              b"sip:201@office.test", b"sip:201@192.0.2.1", "office", b"UDP", b"192.0.2.1", 5060,
              b"sip:202@[2001:db8::2]:5061;transport=tls", "six", b"TLS", b"2001:db8::2", 40123,
              time.time() - 20.25, time.time() - 10.5)


def fail_on_alarm(name: str, sentence: str, remedy: str, is_raised: bool) -> None:
    raise AssertionError(f"{name}: {sentence}")


def test_rows_survive_closing_and_opening(tmp_path):
    store = SqliteCallStore(tmp_path / "calls.sqlite", fail_on_alarm)
    fork = ROW._replace(callee_tag=b"another", caller_uri=b"")
    store.save([ROW, fork, ROW._replace(number=8)])
    store.delete([(8, ROW.callee_tag)])
    assert store.close()
    assert SqliteCallStore(tmp_path / "calls.sqlite", fail_on_alarm).load() == sorted([ROW, fork])


def test_a_row_is_replaced_by_its_number_and_tag(tmp_path):
    store = SqliteCallStore(tmp_path / "calls.sqlite", fail_on_alarm)
    store.save([ROW])
    store.save([ROW._replace(caller_uri=b"sip:201@192.0.2.9")])
    assert store.close()
    (found,) = SqliteCallStore(tmp_path / "calls.sqlite", fail_on_alarm).load()
    assert found.caller_uri == b"sip:201@192.0.2.9"
