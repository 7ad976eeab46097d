# SPDX-License-Identifier: Apache-2.0
"""One direction of a call as somebody would hear it: RTP with G.711 in, frames of samples out of the jitter buffer.

It has neither socket nor clock: packets come with their times of arrival, and frames are taken at the times of a sound
card. Telephone events and whatever else is no G.711 are not heard. Changed by `receive` and `take_frame` alone.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator

from appliance.errors import PeerError
from appliance.native.jitter_buffer import PACKET, JitterBuffer
from appliance.rtp.concealment import Concealment
from appliance.rtp.g711 import CLOCK_RATE_HZ, PCMA, PCMU, decode_payload
from appliance.rtp.packet import read_packet

FRAME_UNITS = 160
FRAME_NS = FRAME_UNITS * 1_000_000_000 // CLOCK_RATE_HZ
TAIL_FRAMES = 20                    # taken after the last packet has come: what the buffer still holds


class Recorder:
    """The hearing end of one RTP stream. Samples are 16 bits at 8000 Hz, 20 ms a frame."""

    __slots__ = ("_buffer", "_concealment", "_left_out", "_samples", "unheard")

    def __init__(self, buffer: JitterBuffer | None = None) -> None:
        """buffer: of 8000 Hz and frames of 160; None: one with its defaults."""
        self._buffer = buffer or JitterBuffer(CLOCK_RATE_HZ, FRAME_UNITS)
        self._concealment = Concealment()
        self._samples = array("h")
        self._left_out = array("h")
        self.unheard = 0            # packets that are no RTP, or no G.711

    def receive(self, octets: bytes, arrival_ns: int) -> None:
        """One datagram; arrival_ns: monotonic."""
        try:
            packet = read_packet(octets)
        except PeerError:
            self.unheard += 1       # strangers send anything; the buffer must not know
            return
        if packet.payload_type not in (PCMU, PCMA) or not packet.payload:
            self.unheard += 1
            return
        if len(packet.payload) > CLOCK_RATE_HZ:
            self.unheard += 1       # more than a second in a packet is nobody's ptime
            return
        self._buffer.put(packet, len(packet.payload), arrival_ns)

    def take_frame(self, now_ns: int) -> array[int]:
        """The next 160 samples. now_ns: monotonic; each time 20 ms later."""
        while len(self._samples) < FRAME_UNITS:
            kind, span, skip, payload_type, payload = self._buffer.get(now_ns, len(self._samples))
            if kind != PACKET or payload is None or payload_type is None:
                self._samples += self._concealment.conceal(span)
                continue
            decoded = decode_payload(payload_type, payload)
            left_out = self._left_out or decoded[:skip]
            self._left_out = left_out if span == 0 else array("h")
            if span:
                self._samples += self._concealment.hear(decoded[skip:], left_out)
        frame, self._samples = self._samples[:FRAME_UNITS], self._samples[FRAME_UNITS:]
        return frame

    def figures(self) -> dict[str, int]:
        """Those of the jitter buffer."""
        return self._buffer.figures()


def play_capture(arrivals: Iterable[tuple[int, bytes]], recorder: Recorder | None = None) -> Iterator[array[int]]:
    """The frames that are heard of captured datagrams (arrival in monotonic nanoseconds, octets), in order of arrival;
    the first one at the first arrival.
    """
    listener = recorder or Recorder()
    now_ns: int | None = None
    for arrival_ns, octets in arrivals:
        now_ns = arrival_ns if now_ns is None else now_ns
        while now_ns < arrival_ns:
            yield listener.take_frame(now_ns)
            now_ns += FRAME_NS
        listener.receive(octets, arrival_ns)
    if now_ns is not None:
        for frame in range(TAIL_FRAMES):
            yield listener.take_frame(now_ns + frame * FRAME_NS)
