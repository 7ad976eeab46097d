# SPDX-License-Identifier: Apache-2.0
"""Waiting messages on a real disk: what is told as written is there, even after kill -9."""

import asyncio
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from appliance.pbx.instant_message.message_row import MessageRow
from appliance.system.store.message_store import MESSAGES, SqliteMessageStore

LATER = time.time() + 100_000


def row(number: int, **changes) -> MessageRow:
    plain = MessageRow(number, b"1002", b'"\xe5\x8f\x97" <sip:1001@office.test>', b"<sip:1002@office.test>", b"c@h",
                       b"Content-Type: message/cpim\r\n", b"\x00\xff\r\n\r\nbody", LATER - 10, LATER)
    return plain._replace(**changes)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "messages.sqlite"


def silent(*_):
    pytest.fail("an alarm or a call that nobody expected")


def test_rows_come_back_in_their_order_octet_for_octet(path):
    store = SqliteMessageStore(path, silent, lambda keys: None)
    store.save([row(10), row(9, body=b""), row(2**40)])
    store.delete([(10,)])
    assert store.close()
    assert SqliteMessageStore(path, silent, silent).load() == [row(9, body=b""), row(2**40)]


def test_it_tells_on_its_loop_what_is_on_disk(path):
    async def keep():
        told = asyncio.Queue()
        store = SqliteMessageStore(path, silent, lambda keys: told.put_nowait((keys, threading.current_thread())))
        store.save([row(1), row(2)])
        store.delete([(3,)])
        written, threads = [], set()
        while len(written) < 3:                                    # in one batch or in two
            keys, thread = await asyncio.wait_for(told.get(), 20)
            written += keys
            threads.add(thread)
        assert SqliteMessageStore(path, silent, silent).load() == [row(1), row(2)]
        store.close()
        return written, threads
    assert asyncio.run(keep()) == ([(1,), (2,), (3,)], {threading.current_thread()})


def test_what_a_failing_disk_has_not_taken_is_not_told(tmp_path):
    raised, told = threading.Event(), []
    store = SqliteMessageStore(tmp_path / "gone" / "x", lambda *alarm: raised.set(), told.append, 0.01)
    store.save([row(1)])
    assert raised.wait(20)
    assert told == []
    assert not store.close()
    assert told == []


WRITER = """
    import sys, time
    from tests.system.test_message_store import row, silent
    from appliance.system.store.message_store import SqliteMessageStore
    store = SqliteMessageStore(sys.argv[1], silent, lambda keys: print(max(keys)[0], flush=True))
    for number in range(1, 100000):
        store.save([row(number)])
        time.sleep(0.0005)
"""


def test_kill_9_loses_nothing_that_was_told(path):
    child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(WRITER), str(path)], stdout=subprocess.PIPE,
                             cwd=Path(__file__).parents[2])
    for _ in range(20):
        line = child.stdout.readline()
    child.send_signal(signal.SIGKILL)
    rest = child.stdout.read().split()
    child.stdout.close()
    child.wait()
    told = int(rest[-1] if rest else line)
    numbers = [one.number for one in SqliteMessageStore(path, silent, silent).load()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= told >= 20


def test_the_table_is_that_of_version_1():
    """A change of the columns needs a new version and a way to carry the rows over."""
    assert "".join(MESSAGES.schema.split()) == (
        "CREATETABLEmessages(numberINTEGERNOTNULL,extensionBLOBNOTNULL,senderBLOBNOTNULL,recipientBLOBNOTNULL,"
        "call_idBLOBNOTNULL,linesBLOBNOTNULL,bodyBLOBNOTNULL,received_wall_sREALNOTNULL,expires_wall_sREALNOTNULL,"
        "PRIMARYKEY(number))STRICT,WITHOUTROWID")
