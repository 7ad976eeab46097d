# SPDX-License-Identifier: Apache-2.0
"""The thread between a sound card and its handset's audio: a frame each 10 ms, whatever becomes of the card.

Without a card the clock keeps the pace, and the card is tried again: the call goes on. Under real-time priority where
the machine allows it. Others may read its counts and `stop` it.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

from appliance.errors import MachineError
from appliance.native.handset_audio import HandsetAudio
from appliance.system.sound.echo_canceller import EchoCanceller
from appliance.system.sound.sound_card import FRAME_OCTETS, RATE_HZ, SILENCE, SoundCard

FRAME_S: Final = 0.01
RETRY_FRAMES: Final = 100           # a second
AHEAD_S: Final = 0.015              # of the clock, for a device that has none
CATCH_UP_S: Final = 0.15            # what a try to open a card has cost is made up for
STILL_S: Final = 2.0                # without a frame: a driver that does not come back, or a thread that is no more
PRIORITY: Final = 20
SWITCH_INTERVAL_S: Final = 0.0005   # how long another thread of ours may keep the interpreter from this one

DeviceReport = Callable[[str], None]
"""Why there is no sound device, "" where there is one again. Called on this thread."""
KeysReport = Callable[[str], None]
"""Keys were heard in the microphone. Called on this thread."""


class Pace:
    """Ours, for a device that has no clock, and gives as fast as it is asked (alsa-lib's file and null). One that has
    is never slowed down: its clock is a little off, and the difference would become delay."""

    __slots__ = ("_begun_s", "_count")

    def __init__(self) -> None:
        self._begun_s = time.monotonic()
        self._count = 0

    def slow_down(self, now_s: float) -> None:
        """After each frame."""
        self._count += 1
        ahead_s = self._count * FRAME_S - (now_s - self._begun_s)
        if ahead_s > AHEAD_S:
            time.sleep(ahead_s - 0.005)
        elif ahead_s < -1.0:
            self._begun_s, self._count = now_s, 0       # a pause: no hurry afterwards


class SoundThread(threading.Thread):
    """frames, xruns, losses: counted since the start; echo_trouble: why echo is not cancelled though it was to be, ""
    for nothing."""

    def __init__(self, device: str, audio: HandsetAudio, cancels_echo: bool, report: DeviceReport,
                 report_keys: KeysReport) -> None:
        super().__init__(name="sound", daemon=True)
        self._device = device
        self._audio = audio
        self._cancels_echo = cancels_echo
        self._canceller: EchoCanceller | None = None
        self._report = report
        self._report_keys = report_keys
        self._stopping = threading.Event()
        self._trouble = "not opened yet"
        self.echo_trouble = ""
        self._captured = self._played = b""     # half a packet for the canceller
        self._due_s = 0.0               # of the next frame, while there is no card
        self._latest_s = 0.0            # monotonic time of the last frame, or of the start
        self.frames = 0
        self.xruns_before = 0           # of cards that are closed
        self.losses = 0
        self.card: SoundCard | None = None

    def run(self) -> None:
        """Until `stop`."""
        self._latest_s = time.monotonic()
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._raise_priority()
        while not self._stopping.is_set():
            card = self._find_card()
            if card is None:
                self._go_on_without(RETRY_FRAMES)
                continue
            self.card = card
            self._say("")
            try:
                self._serve(card)
            except MachineError as error:
                self.losses += 1
                self._say(error.operation)
            finally:
                self.card = None
                self.xruns_before += card.xruns
                card.close()
        if self._canceller is not None:
            self._canceller.close()

    def stop(self) -> None:
        """End it; it takes a frame or two."""
        self._stopping.set()

    @property
    def xruns(self) -> int:
        """How often the card and this thread have missed each other."""
        card = self.card
        return self.xruns_before + (card.xruns if card is not None else 0)

    @property
    def ahead_ms(self) -> float:
        """What waits in the earpiece's buffer."""
        card = self.card
        return card.waiting * 1000 / RATE_HZ if card is not None else 0.0

    @property
    def trouble(self) -> str:
        """Why there is no sound, "" where there is. For other threads."""
        if self._latest_s and not self._stopping.is_set() and time.monotonic() - self._latest_s > STILL_S:
            return "the sound device holds up its thread" if self.is_alive() else "the sound thread has ended"
        return self._trouble

    def _say(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            self._report(trouble)

    @staticmethod
    def _raise_priority() -> None:
        try:
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(PRIORITY))
        except OSError:
            return      # without the right to it, as any thread

    def _find_card(self) -> SoundCard | None:
        try:
            card = SoundCard(self._device)
        except MachineError as error:
            self._say(error.operation)
            return None
        if self._cancels_echo:
            self._renew_canceller()
        return card

    def _renew_canceller(self) -> None:
        """Another card has another path from earpiece to microphone."""
        if self._canceller is not None:
            self._canceller.close()
        try:
            self._canceller = EchoCanceller()
        except MachineError as error:
            self._canceller = None
            self._cancels_echo = False
            self.echo_trouble = error.operation

    def _serve(self, card: SoundCard) -> None:
        audio = self._audio
        played = SILENCE
        self._captured = self._played = b""
        pace = Pace()
        while not self._stopping.is_set():
            captured = card.read()
            now_ns = time.monotonic_ns()
            self._speak(captured, played, now_ns)
            for _ in range(card.count_wanted()):
                played = audio.hear(time.monotonic_ns())
                card.write(played)
            keys = audio.take_keys()
            if keys:
                self._report_keys(keys)
            self._latest_s = now_ns / 1e9
            self.frames += 1
            if not card.has_clock:
                pace.slow_down(now_ns / 1e9)

    def _speak(self, captured: bytes, played: bytes, now_ns: int) -> None:
        """Two frames at a time where there is a canceller: a packet has two."""
        canceller = self._canceller
        if canceller is None:
            self._audio.speak(captured, now_ns)
            return
        self._captured += captured
        self._played += played
        if len(self._captured) < 2 * FRAME_OCTETS:
            return
        cleaned = canceller.cancel(self._captured, self._played)
        self._captured = self._played = b""
        self._audio.speak(cleaned[:FRAME_OCTETS], now_ns)
        self._audio.speak(cleaned[FRAME_OCTETS:], now_ns)

    def _go_on_without(self, frames: int) -> None:
        for _ in range(frames):
            if self._stopping.is_set():
                return
            now_ns = time.monotonic_ns()
            self._audio.speak(SILENCE, now_ns)
            self._audio.hear(now_ns)
            self._latest_s = now_ns / 1e9
            self.frames += 1
            self._due_s = max(self._due_s + FRAME_S, time.monotonic() - CATCH_UP_S)
            time.sleep(max(0.0, self._due_s - time.monotonic()))
