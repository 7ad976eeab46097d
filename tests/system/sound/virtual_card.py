# SPDX-License-Identifier: Apache-2.0
"""alsa-lib's side of a sound card on a clock that nothing but the tests turns: buffers of 80 ms, xruns, and a crystal
that may be off. Takes the place of pyalsaaudio, select and time in the modules of system.sound.
"""

import errno
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np

from appliance.system.sound import sound_card, sound_thread

PERIOD = 80
HEARD_S = 700


class VirtualClock:
    """now_ns; turned: called with the time it has come to, after each step."""

    def __init__(self) -> None:
        self.now_ns = 10**9
        self.turned: list[Callable[[int], None]] = []

    def run(self, until_ns: int) -> None:
        while self.now_ns < until_ns:
            self.now_ns = min(until_ns, self.now_ns + 2_000_000)
            for call in self.turned:
                call(self.now_ns)

    def sleep(self, seconds: float) -> None:
        self.run(self.now_ns + max(1, int(seconds * 1e9)))


class VirtualPcm:
    """One direction. rate_hz: of its crystal; heard: what has sounded, by the card's time (an earpiece's)."""

    def __init__(self, clock: VirtualClock, rate_hz: float, said: np.ndarray | None, size: int) -> None:
        self.clock, self.rate_hz, self.said, self.size = clock, rate_hz, said, size
        self.begun_ns = clock.now_ns
        self.at = 0                     # samples read or written since the stream began
        self.heard = np.zeros(HEARD_S * 8000 if said is None else 0, "<i2")
        self.offset = 0                 # of the stream on the card's time line
        self.is_running = False

    def position(self) -> int:
        """Samples of the card's time since the stream began, by whole periods as the hardware tells them."""
        passed = int((self.clock.now_ns - self.begun_ns) * self.rate_hz / 1e9)
        return passed // PERIOD * PERIOD

    def begin(self) -> None:
        self.begun_ns, self.at, self.is_running = self.clock.now_ns, 0, True

    def info(self) -> dict[str, int]:
        return {"buffer_size": self.size}

    def polldescriptors(self) -> list[tuple[int, int]]:
        return [(0, 1)]

    def polldescriptors_revents(self, _ready: object) -> int:
        return 1

    def drop(self) -> None:
        pass

    def close(self) -> None:
        pass


class Microphone(VirtualPcm):
    def read(self) -> tuple[int, bytes]:
        if not self.is_running:
            self.begin()
        ready = self.position() - self.at
        if ready > self.size:
            self.is_running = False
            return -errno.EPIPE, b""
        first = int((self.begun_ns - 10**9) * self.rate_hz / 1e9) + self.at
        count = min(ready, PERIOD)
        self.at += count
        samples = np.zeros(count, "<i2") if self.said is None else self.said[first:first + count]
        return count, samples.tobytes()


class Earpiece(VirtualPcm):
    def avail(self) -> int:
        if self.is_running and self.position() > self.at:
            return -errno.EPIPE
        return self.size - (self.at - self.position() if self.is_running else 0)

    def write(self, octets: bytes) -> int:
        free = self.avail()
        if free < 0:
            self.is_running = False
            return free
        if not self.is_running:
            self.begin()
            self.offset = int((self.begun_ns - 10**9) * self.rate_hz / 1e9)
        count = min(free, len(octets) // 2)
        end = self.offset + self.at
        self.heard[end:end + count] = np.frombuffer(octets[:2 * count], "<i2")
        self.at += count
        return count


class VirtualMachine:
    """said: what the microphone hears; rates: of microphone and earpiece."""

    def __init__(self, monkeypatch, said: np.ndarray | None = None, rates: tuple[float, float] = (8000.0, 8000.0),
                 size: int = 640) -> None:
        self.clock = VirtualClock()
        self.microphone = Microphone(self.clock, rates[0], said, size)
        self.earpiece = Earpiece(self.clock, rates[1], None, size)
        fake = SimpleNamespace(PCM_CAPTURE=0, PCM_PLAYBACK=1, PCM_NONBLOCK=0, PCM_FORMAT_S16_LE=0,
                               ALSAAudioError=OSError, PCM=lambda type, **_: (self.microphone, self.earpiece)[type])
        monkeypatch.setattr(sound_card, "alsaaudio", fake)
        monkeypatch.setattr(sound_card, "select", SimpleNamespace(poll=lambda: self))
        monkeypatch.setattr(sound_thread, "time", SimpleNamespace(
            monotonic=lambda: self.clock.now_ns / 1e9, monotonic_ns=lambda: self.clock.now_ns, sleep=self.clock.sleep))

    def register(self, _descriptor: int, _events: int) -> None:
        pass

    def poll(self, _limit_ms: int) -> list[tuple[int, int]]:
        """Until the next period is captured."""
        self.clock.sleep(0.002)
        return [(0, 1)]
