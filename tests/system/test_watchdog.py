# SPDX-License-Identifier: Apache-2.0
"""Signs of life: said while the loop turns, and not when it hangs."""

import asyncio
import itertools
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from appliance.system.sd_notify import read_watchdog_limit_s
from appliance.system.watchdog import LoopWatchdog
from tests.interop.network import PATIENCE_S, wait_until
from tests.interop.small_systemd import SmallSystemd

LIMIT_S = 0.4
marks = itertools.count()
HANGING = """
import asyncio, time
from appliance.system.watchdog import LoopWatchdog

def hang_the_loop():
    print("hangs", flush=True)
    time.sleep(600)

async def main():
    loop = asyncio.get_running_loop()
    LoopWatchdog().start(loop)
    loop.call_later(0.8, hang_the_loop)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.fixture
def manager(tmp_path):
    with SmallSystemd(tmp_path) as running:
        yield running


def mark(manager: SmallSystemd) -> int:
    """How often the manager was told so up to now: it hears in order, so whatever was told before is counted."""
    number = next(marks)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours:
        ours.sendto(b"STATUS=mark %d" % number, manager.address)
    wait_until(lambda: manager.said(f"STATUS=mark {number}"), PATIENCE_S, "the mark")
    return len(manager.said("WATCHDOG=1"))


def test_a_loop_that_hangs_says_nothing_more_and_its_end_says_where(manager, tmp_path):
    environment = os.environ | {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": str(int(LIMIT_S * 1e6))}
    environment.pop("WATCHDOG_PID", None)
    with (tmp_path / "errors").open("wb") as errors:
        process = manager.launch([sys.executable, "-c", HANGING], env=environment, stdout=subprocess.PIPE,
                                 stderr=errors)
    assert process.stdout.readline() == b"hangs\n"
    hung_at = time.monotonic()
    before = mark(manager)
    assert before >= 1
    wait_until(lambda: time.monotonic() - hung_at > 2 * LIMIT_S, PATIENCE_S, "the limit passing")
    assert mark(manager) == before
    process.send_signal(signal.SIGABRT)         # what the manager does then
    assert process.wait(PATIENCE_S) == -signal.SIGABRT
    assert "in hang_the_loop" in (tmp_path / "errors").read_text()
    assert manager.strangers == 2               # the marks


def test_nothing_is_said_while_the_daemon_does_not_call_itself_healthy(manager, monkeypatch):
    monkeypatch.setenv("NOTIFY_SOCKET", manager.address)
    monkeypatch.setenv("WATCHDOG_USEC", "40000")
    health = [True]

    async def work():
        watchdog = LoopWatchdog(lambda: health[0])
        watchdog.start(asyncio.get_running_loop())
        while len(manager.said("WATCHDOG=1")) < 5:
            await asyncio.sleep(0.01)
        health[0] = False
        count = mark(manager)
        await asyncio.sleep(0.3)
        assert mark(manager) == count
        health[0] = True
        while len(manager.said("WATCHDOG=1")) < count + 3:
            await asyncio.sleep(0.01)
        watchdog.stop()
    asyncio.run(asyncio.wait_for(work(), PATIENCE_S))


@pytest.mark.parametrize(("limit", "owner", "expected"), [
    ("20000000", str(os.getpid()), 20.0), ("20000000", "", 20.0), ("20000000", "1", None), ("0", "", None),
    ("", "", None), ("soon", "", None)], ids=["ours", "anybody's", "another's", "none", "empty", "no number"])
def test_the_limit_is_the_managers_word_to_this_very_process(monkeypatch, limit, owner, expected):
    monkeypatch.setenv("WATCHDOG_USEC", limit)
    monkeypatch.setenv("WATCHDOG_PID", owner)
    assert read_watchdog_limit_s() == expected
