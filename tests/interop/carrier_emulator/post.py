# SPDX-License-Identifier: Apache-2.0
"""The carrier's socket: one thread that reads, repeats what must be repeated (RFC 3261 section 17) and knows copies."""

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Callable

from tests.interop.carrier_emulator.letters import Letter
from tests.interop.carrier_emulator.voice import EmulatedVoice

T1_S, T2_S, LIFE_S = 0.5, 4.0, 32.0


class Post:
    """Sends and receives; `deliver` is called in the thread, under `lock`, for everything that is no copy."""

    def __init__(self, host: str, port: int, deliver: Callable[[Letter], None]) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, port))
        self.host, self.port = self.socket.getsockname()
        self.lock = threading.RLock()
        self.received: list[Letter] = []
        self.is_dead: Callable[[], bool] = lambda: False
        self._deliver = deliver
        self._answers: dict[tuple[bytes, bytes], tuple[bytes, tuple[str, int]] | None] = {}
        self._repeated: dict[object, tuple[float, float, float, bytes, tuple[str, int]]] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.socket, selectors.EVENT_READ)
        self._is_wanted = True
        self._thread = threading.Thread(target=self._run, name="carrier", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._is_wanted = False
        self._thread.join(5)
        self._selector.close()
        self.socket.close()

    def listen(self, voice: EmulatedVoice) -> None:
        with self.lock:
            self._selector.register(voice.socket, selectors.EVENT_READ, voice)

    def send(self, octets: bytes, target: tuple[str, int]) -> None:
        if not self.is_dead():
            with contextlib.suppress(ConnectionRefusedError):      # of an earlier datagram: its receiver has gone
                self.socket.sendto(octets, target)

    def repeat(self, key: object, octets: bytes, target: tuple[str, int]) -> None:
        """Send now and again, T1 doubling to T2, until `settle(key)` or 64*T1."""
        with self.lock:
            now = time.monotonic()
            self._repeated[key] = now + T1_S, T1_S, now + LIFE_S, octets, target
        self.send(octets, target)

    def settle(self, key: object) -> None:
        with self.lock:
            self._repeated.pop(key, None)

    def answer(self, request: Letter, octets: bytes) -> None:
        """A response: kept for copies of the request, sent to where that came from."""
        self._answers[request.branch, request.cseq[1]] = octets, request.source
        self.send(octets, request.source)

    def _run(self) -> None:
        while self._is_wanted:
            for key, _ in self._selector.select(0.05):
                if key.data is not None:
                    key.data.read()
                    continue
                try:
                    octets, source = self.socket.recvfrom(65536)
                except ConnectionRefusedError:
                    continue
                if octets.strip() and not self.is_dead():
                    with self.lock:
                        self._take(Letter(octets, source))
            self._repeat_due()

    def _take(self, letter: Letter) -> None:
        self.received.append(letter)
        key = letter.branch, letter.cseq[1]
        if letter.status or letter.method == b"ACK":
            self._deliver(letter)
        elif key not in self._answers:
            self._answers[key] = None
            self._deliver(letter)
        elif (kept := self._answers[key]) is not None:
            self.send(*kept)

    def _repeat_due(self) -> None:
        with self.lock:
            now = time.monotonic()
            for key, (due, interval_s, end, octets, target) in list(self._repeated.items()):
                if now > end:
                    del self._repeated[key]
                elif now >= due:
                    self.send(octets, target)
                    interval_s = min(interval_s * 2, T2_S)
                    self._repeated[key] = now + interval_s, interval_s, end, octets, target
