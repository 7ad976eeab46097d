# SPDX-License-Identifier: Apache-2.0
"""RTCP beside the voice of a handset: one connection's reports on the port above it (RFC 3550 11). On the event loop.

Changed by its voice, which opens and closes it, and by the clock.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from ipaddress import ip_address
from typing import Final

from appliance.native.handset_audio import HandsetAudio
from appliance.rtp.quality import Observation, estimate_quality
from appliance.rtp.report_session import ReportSession, StreamCounts

DATAGRAM_LIMIT: Final = 2048
BATCH: Final = 16           # a wake; the rest is thrown away by the kernel's buffer
LOOK_S: Final = 1.0         # how long an SSRC that was given up stays without its goodbye


class VoiceReports:
    """audio: counts; one: the socket, another's to close; remote: where to, as for `move`."""

    def __init__(self, audio: HandsetAudio, one: socket.socket, remote: tuple[str, int]) -> None:
        self._audio = audio
        self._socket = one
        self.move(remote)
        self._loop = asyncio.get_running_loop()
        self._session = ReportSession(os.urandom(12).hex().encode(), self._counts().ssrc, draw_fraction,
                                      time.monotonic())
        self._loop.add_reader(one, self._read)
        self.failures = 0
        self._wait()

    def move(self, remote: tuple[str, int]) -> None:
        """The far end is somewhere else now: a numeric address, since a socket would look a name up and wait. Raises
        ValueError."""
        self._remote = (ip_address(remote[0]).compressed, remote[1])

    def close(self) -> None:
        """Say goodbye; while the audio still is this connection's."""
        self._timer.cancel()
        self._loop.remove_reader(self._socket)
        self._leave_former()
        goodbye = self._session.write_goodbye(self._counts(), time.monotonic(), time.time())
        if goodbye:
            self._send(goodbye)

    def _counts(self) -> StreamCounts:
        return StreamCounts(*self._audio.reporting())

    def _wait(self) -> None:
        delay_s = self._session.deadline - time.monotonic()
        self._timer = self._loop.call_later(min(LOOK_S, delay_s) if delay_s > 0 else LOOK_S, self._look)

    def _look(self) -> None:
        self._leave_former()
        now = time.monotonic()
        if now >= self._session.deadline and not self._session.has_left:      # nobody is there to read it
            self._send(self._session.write_report(self._counts(), now, time.time()))
        self._wait()

    def _leave_former(self) -> None:
        goodbye = self._session.write_departure(self._counts())
        if goodbye:
            self._send(goodbye)

    def _send(self, octets: bytes) -> None:
        try:
            self._socket.sendto(octets, self._remote)
        except OSError:
            self.failures += 1      # nobody listens there, or no way leads there: the voice tells more of it

    def _read(self) -> None:
        for _ in range(BATCH):
            try:
                octets, source = self._socket.recvfrom(DATAGRAM_LIMIT)
            except BlockingIOError:
                return
            except OSError:
                self.failures += 1
                return
            if source[0] == self._remote[0]:        # the port is a NAT's affair
                self._session.receive(octets, time.monotonic())
                if self._session.conflicting == 1 and not self._audio.figures()["collisions"]:
                    self._audio.change_source(time.monotonic_ns())      # RFC 3550 8.2

    def describe(self) -> dict[str, object]:
        """Both directions, for people. opinion: 1.0 to 4.4 (ITU-T G.107), None while too little was heard."""
        session, counts = self._session, self._counts()
        jitter_ms = counts.jitter / 8
        lost = max(0, counts.expected - counts.received)
        quality = estimate_quality(Observation(counts.expected, lost, jitter_ms))
        told: dict[str, object] = {"expected": counts.expected, "lost": lost, "jitter_ms": round(jitter_ms, 1),
                                   "opinion": round(quality.opinion, 2) if quality is not None else None,
                                   "reports_sent": session.sent, "reports_received": session.received,
                                   "reports_unreadable": session.unreadable,
                                   "reports_conflicting": session.conflicting}
        far = session.far
        if far is not None:
            told.update(far_lost_percent=round(far.lost_percent, 1), far_lost=far.lost,
                        far_jitter_ms=round(far.jitter_ms, 1))
            if far.round_trip_ms >= 0:
                told["round_trip_ms"] = round(far.round_trip_ms, 1)
        return told


def draw_fraction() -> float:
    """From 0 up to 1."""
    return int.from_bytes(os.urandom(4), "big") / 4294967296.0
