# SPDX-License-Identifier: Apache-2.0
"""A bad line for voice between two telephones on the loopback: what passes is lost or held back, seeded.

The caller dials this line in place of the telephone. It passes the INVITE and its answers on with its own ports in the
session descriptions, so that voice passes it as well; everything later goes past it.
"""

import heapq
import itertools
import random
import re
import selectors
import socket
import threading
import time
from typing import NamedTuple

BODY = re.compile(rb"\r\n\r\n(.+)\Z", re.DOTALL)


class Impairment(NamedTuple):
    """loss: share of packets; jitter_ms: each is held back for up to so long, whatever becomes of their order."""

    loss: float = 0.0
    jitter_ms: float = 0.0


class ImpairedVoice:
    """A thread. towards_caller: what happens to the voice that the caller hears; lost, passed: of that; delays_ms: how
    long the others were held back, as it came out."""

    def __init__(self, telephone: tuple[str, int], host: str, towards_caller: Impairment, seed: int = 1) -> None:
        self._telephone, self._impairment = telephone, towards_caller
        self._chance = random.Random(seed)
        self._selector = selectors.DefaultSelector()
        self._sip = self._open(host)
        self._caller_side, self._telephone_side = self._open(host), self._open(host)
        self.address = self._sip.getsockname()
        self._caller: tuple[str, int] | None = None
        self._voices: dict[socket.socket, tuple[str, int]] = {}     # by the side it is on
        self._held: list[tuple[float, int, bytes]] = []
        self._numbers = itertools.count()
        self.lost = self.passed = 0
        self.delays_ms: list[float] = []
        self._is_wanted = True
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _open(self, host: str) -> socket.socket:
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        opened.bind((host, 0))
        self._selector.register(opened, selectors.EVENT_READ)
        return opened

    def _run(self) -> None:
        while self._is_wanted:
            wait_s = min(0.05, max(0.0, self._held[0][0] - time.monotonic())) if self._held else 0.05
            for key, _ in self._selector.select(wait_s):
                source = key.fileobj
                assert isinstance(source, socket.socket)
                octets, sender = source.recvfrom(65536)
                if source is self._sip:
                    self._pass_message(octets, sender)
                elif source is self._caller_side:
                    self._send_voice(self._telephone_side, octets)
                else:
                    self._impair(octets)
            self._let_go()

    def _pass_message(self, octets: bytes, sender: tuple[str, int]) -> None:
        if sender == self._telephone:
            if self._caller is not None:
                self._sip.sendto(self._rewrite(octets, self._telephone_side, self._caller_side), self._caller)
            return
        self._caller = sender
        self._sip.sendto(self._rewrite(octets, self._caller_side, self._telephone_side), self._telephone)

    def _rewrite(self, octets: bytes, side: socket.socket, shown: socket.socket) -> bytes:
        """The voice of who has written this is at `side`; the other one is told `shown`."""
        body = BODY.search(octets)
        if body is None:
            return octets
        text = body[1]
        host = re.search(rb"^c=IN IP4 (\S+)", text, re.MULTILINE)
        port = re.search(rb"^m=audio (\d+)", text, re.MULTILINE)
        assert host, text
        assert port, text
        self._voices[side] = (host[1].decode(), int(port[1]))
        own_host, own_port = shown.getsockname()
        text = re.sub(rb"(?m)^c=IN IP4 \S+", b"c=IN IP4 " + own_host.encode(), text)
        text = re.sub(rb"(?m)^m=audio \d+", b"m=audio %d" % own_port, text)
        length = b"Content-Length: %d\r" % len(text)
        head = re.sub(rb"(?mi)^(Content-Length|l)\s*:.*?\r$", length, octets[:body.start()] + b"\r")[:-1]
        return head + b"\r\n\r\n" + text

    def _impair(self, octets: bytes) -> None:
        if self._chance.random() < self._impairment.loss:
            self.lost += 1
            return
        self.passed += 1
        now = time.monotonic()
        due = now + self._chance.uniform(0.0, self._impairment.jitter_ms) / 1000
        self.delays_ms.append(1000 * (due - now))
        heapq.heappush(self._held, (due, next(self._numbers), octets))

    def _let_go(self) -> None:
        while self._held and self._held[0][0] <= time.monotonic():
            self._send_voice(self._caller_side, heapq.heappop(self._held)[2])

    def _send_voice(self, side: socket.socket, octets: bytes) -> None:
        if side in self._voices:
            side.sendto(octets, self._voices[side])

    def __enter__(self) -> "ImpairedVoice":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_wanted = False
        self._thread.join(5)
        self._selector.close()
        for opened in (self._sip, self._caller_side, self._telephone_side):
            opened.close()
