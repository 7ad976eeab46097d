# SPDX-License-Identifier: Apache-2.0
"""Tones as lists of segments (ITU-T E.180), and the plan of Japan: 400 Hz, told apart by cadence.

Where a plan says "400 x 16" the tone is modulated in its amplitude: the ear hears 384, 400 and 416 Hz, never 16.
Values; nothing in here changes.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Segment(NamedTuple):
    """duration_ms: 0 for ever; frequency_hz: 0.0 for silence; second_hz: sounds beside it; modulation_hz, depth: of the
    amplitude, 0.0 for none; level_dbm0, last_dbm0: at its beginning and its end."""

    duration_ms: int
    frequency_hz: float = 0.0
    modulation_hz: float = 0.0
    depth: float = 0.0
    level_dbm0: float = -13.0
    last_dbm0: float = -13.0
    second_hz: float = 0.0

    def write(self) -> tuple[float, float, float, float, float, float, int]:
        """As native.handset_audio.Segment."""
        return (self.frequency_hz, self.second_hz, self.modulation_hz, self.depth, self.level_dbm0, self.last_dbm0,
                self.duration_ms)


class Tone(NamedTuple):
    """again: the number of the segment that follows the last one, -1 for silence."""

    name: str
    segments: tuple[Segment, ...]
    again: int = 0


TONE_HZ: Final = 400.0
MODULATION_HZ: Final = 16.0         # the plan says 15 to 20
DEPTH: Final = 0.85


def beat(name: str, *durations_ms: int, again: int = 0) -> Tone:
    """400 Hz on and off in turn."""
    return Tone(name, tuple(Segment(duration, TONE_HZ if place % 2 == 0 else 0.0)
                            for place, duration in enumerate(durations_ms)), again)


DIAL: Final = Tone("dial", (Segment(0, TONE_HZ),), -1)
SECOND_DIAL: Final = beat("second dial", 125, 125)
"""After a hook flash: 240 a minute."""
STUTTER_DIAL: Final = Tone("stutter dial", (*beat("", *(100, 100) * 5).segments, Segment(0, TONE_HZ)), -1)
"""Messages wait."""
RINGBACK: Final = Tone("ringback", (Segment(1000, TONE_HZ, MODULATION_HZ, DEPTH), Segment(2000)))
BUSY: Final = beat("busy", 500, 500)
CONGESTION: Final = beat("congestion", 250, 250)
"""Networks, lines or servers fail: twice as fast as busy."""
REFUSED: Final = beat("refused", 500, 250, 125, 250)
"""Somebody does not want the call."""
UNOBTAINABLE: Final = Tone("unobtainable", (Segment(330, 950.0), Segment(330, 1400.0), Segment(330, 1800.0),
                                            Segment(1000)))
"""The special information tone of E.180: there is no such number."""
NO_LINE: Final = Tone("no line", (Segment(330, 1800.0), Segment(330, 950.0), Segment(330, 1800.0), Segment(330, 950.0),
                                  Segment(700)))
"""Nobody can be called from here now, the emergency services included: up and down, like nothing else."""
CALL_WAITING: Final = Tone("call waiting", (Segment(500, TONE_HZ, MODULATION_HZ, DEPTH, -20.0, -20.0), Segment(3500)))
HOWLER: Final = Tone("howler", (
    *(Segment(duration, frequency, 0.0, 0.0, level, level + 2.0)
      for level in (-24.0, -20.0, -16.0, -12.0, -8.0, -4.0)
      for duration, frequency in ((800, TONE_HZ), (400, 0.0))),
    Segment(800, TONE_HZ, MODULATION_HZ, DEPTH, 0.0, 0.0), Segment(200)), 12)
"""The receiver lies beside the telephone: louder and louder."""

RING_MS: Final = (1000, 2000)
"""The bell: on, off."""
REMIND_MS: Final = (200, 2800)
"""The lamp where messages wait: a short flash, not to be taken for the bell's."""
