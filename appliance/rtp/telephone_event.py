# SPDX-License-Identifier: Apache-2.0
"""Keys pressed during a call, as named events (RFC 4733): read, written, and told once however often sent.

`EventReader` is changed by `receive` alone.
"""

import struct
from typing import NamedTuple

from appliance.errors import PeerError
from appliance.rtp.sequence import TIMESTAMP_MODULUS, count_steps

KEYS = "0123456789*#ABCD"
FLASH = 16
END_REPEATS = 3                 # 2.5.1.4: the last packet is sent three times
DURATION_LIMIT = 0xFFFF
_EVENT = struct.Struct("!BBH")


class TelephoneEvent(NamedTuple):
    """RFC 4733 2.3. volume: dB below 0 dBm0, 0 to 63; duration: timestamp units."""

    event: int
    is_end: bool
    volume: int
    duration: int

    @property
    def key(self) -> str | None:
        """0-9, *, #, A-D; None for every other event."""
        return KEYS[self.event] if self.event < len(KEYS) else None


def read_event(payload: bytes) -> TelephoneEvent:
    """The first event of a payload. Raises PeerError where there is none."""
    if len(payload) < _EVENT.size:
        raise PeerError("shorter than a telephone event", 0, payload, "RFC 4733 2.3")
    event, flags, duration = _EVENT.unpack_from(payload)
    return TelephoneEvent(event, bool(flags & 0x80), flags & 0x3F, duration)


def write_event(event: TelephoneEvent) -> bytes:
    """Raises ValueError or struct.error for numbers out of range."""
    if not 0 <= event.volume < 64:
        raise ValueError("volume is 0 to 63")
    return _EVENT.pack(event.event, event.is_end << 7 | event.volume, event.duration)


def plan_key(key: str, duration: int, step: int, volume: int = 10) -> list[TelephoneEvent]:
    """The events of one key, a packet each, all with the timestamp of the first (2.5.1.2): growing by step, the last
    three times. duration and step: timestamp units. Raises ValueError for what is no key or too long.
    """
    if len(key) != 1 or key not in KEYS or not 0 < duration <= DURATION_LIMIT or step <= 0:
        raise ValueError("a key, at most 65535 timestamp units")
    number = KEYS.index(key)
    growing = [TelephoneEvent(number, False, volume, reached) for reached in range(step, duration, step)]
    return growing + [TelephoneEvent(number, True, volume, duration)] * END_REPEATS


class EventReader:
    """Tells every event once, at its first packet that arrives: packets of one event share a timestamp (2.5.1.2)."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: int | None = None

    def receive(self, payload: bytes, timestamp: int) -> TelephoneEvent | None:
        """The event when it is new; None for a repetition or a straggler. Raises PeerError where there is no event."""
        event = read_event(payload)
        if self._last is not None and count_steps(self._last, timestamp, TIMESTAMP_MODULUS) <= 0:
            return None
        self._last = timestamp
        return event
