# SPDX-License-Identifier: Apache-2.0
"""A sound thread that stands still or is no more is told of; nobody else would notice."""

import threading

import pytest

from appliance.native.handset_audio import HandsetAudio
from appliance.system.sound import sound_thread
from appliance.system.sound.sound_thread import SoundThread
from tests.interop.network import PATIENCE_S, wait_until

FRAME = bytes(160)


class Card:
    """One that gives frames until it does what `deed` says."""

    xruns = 0
    has_clock = True

    def __init__(self, deed) -> None:
        self.deed = deed
        self.count = 0

    def read(self) -> bytes:
        self.count += 1
        if self.count > 3:
            self.deed()
        return FRAME

    def count_wanted(self) -> int:
        return 1

    def write(self, frame: bytes) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture
def start(monkeypatch):
    monkeypatch.setattr(sound_thread, "STILL_S", 0.2)
    monkeypatch.setattr(threading, "excepthook", lambda _arguments: None)

    def begin(deed) -> SoundThread:
        monkeypatch.setattr(sound_thread, "SoundCard", lambda _device: Card(deed))
        thread = SoundThread("desk", HandsetAudio(1, 1, 1), False, lambda _trouble: None, lambda _keys: None)
        thread.start()
        return thread
    return begin


def test_a_device_that_holds_up_its_thread_is_trouble_until_it_goes_on(start):
    goes_on = threading.Event()
    thread = start(goes_on.wait)
    wait_until(lambda: "holds up" in thread.trouble, PATIENCE_S, "trouble")
    goes_on.set()
    wait_until(lambda: thread.trouble == "", PATIENCE_S, "sound")
    thread.stop()
    thread.join(PATIENCE_S)
    assert thread.trouble == ""


def test_a_thread_that_has_ended_by_a_bug_is_trouble(start):
    def fail() -> None:
        raise ValueError("a bug")
    thread = start(fail)
    wait_until(lambda: "has ended" in thread.trouble, PATIENCE_S, "trouble")
