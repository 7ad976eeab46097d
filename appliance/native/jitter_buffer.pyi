# SPDX-License-Identifier: Apache-2.0
"""An adaptive jitter buffer for one RTP stream (ext/jitter_buffer.pyx; ext/jitter_playout.pxd for other islands)."""

from typing import Any

IDLE: int
"""Nothing has come yet, or playing has not begun."""
PACKET: int
LOST: int
"""A packet is missing and later ones are there."""
WAITING: int
"""Nothing is there: late, lost or never sent, nobody knows yet."""
SILENT: int
"""The sender sent nothing for this time (timestamps go on, sequence numbers do not)."""
STRETCHED: int
"""Nothing is missing; the delay is made longer."""

KEPT: int
LATE: int
"""What follows the packet has been played already."""
DUPLICATE: int
HELD: int
"""Of another SSRC, sequence or timeline: kept aside. When the next packet continues it, the stream begins anew."""
OVERSIZED: int

class JitterBuffer:
    """One stream; not for two threads at once.

    clock_rate_hz: of the timestamps, whole kilohertz. frame: timestamp units that the consumer takes at a time.
    late_per_mille: the share of packets that may come too late; fewer cost more delay. limits_ms: least and most delay
    above that of the fastest packet. payload_limit: octets. Raises ValueError for anything else.
    """

    target_ms: float
    """The delay aimed at, above that of the fastest packet of late; 0.0 before the first."""

    def __init__(self, clock_rate_hz: int = 8000, frame: int = 160, late_per_mille: int = 10,
                 limits_ms: tuple[int, int] = (0, 400), payload_limit: int = 512) -> None: ...
    def put(self, packet: tuple[Any, ...], span: int, arrival_ns: int) -> int: ...
    """Keep a packet until its time: KEPT, LATE, DUPLICATE, HELD or OVERSIZED. packet: payload type, sequence,
    timestamp, SSRC and payload first, as `rtp.packet.RtpPacket` has them; span: timestamp units in it; arrival_ns:
    monotonic. Raises TypeError, ValueError or OverflowError for what is none."""
    def get(self, playout_ns: int, queued: int = 0) -> tuple[int, int, int, int | None, bytes | None]: ...
    """What is to sound next: (kind, span, skip, payload type, payload). playout_ns: now, monotonic. queued: units that
    the consumer still has, less than a frame; it asks again until it has a frame. span: units to be heard, the rest of
    the frame for everything but PACKET. skip: units at the beginning of a PACKET that are left out to shorten the
    delay, all of them where span is 0. Raises ValueError for numbers out of range."""
    def figures(self) -> dict[str, int]: ...
    """received, played, late, duplicate, dropped (came in time, never played), stray (of no stream), oversized,
    restarts; skipped_units, lost_units, waiting_units, silent_units, stretched_units."""
    def __len__(self) -> int: ...
    """Packets held, 64 at most."""
