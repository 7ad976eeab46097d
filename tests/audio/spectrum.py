# SPDX-License-Identifier: Apache-2.0
"""What a tone is, as an instrument sees it: its cadence, its frequencies, its level."""

import numpy as np

from appliance.audio.tones import Tone
from appliance.native.handset_audio import ALONE, HandsetAudio

RATE_HZ = 8000
FRAME_NS = 10_000_000
REFERENCE = 32124.0             # peak of a sine of +3.17 dBm0


def render_tone(tone: Tone, seconds: float) -> np.ndarray:
    """As the handset's island sounds it."""
    audio = HandsetAudio(1, 2, 3)
    audio.play_tone([segment.write() for segment in tone.segments], tone.again, ALONE)
    frames = [np.frombuffer(audio.hear(FRAME_NS * number), "<i2") for number in range(1, int(seconds * 100) + 1)]
    return np.concatenate(frames).astype(float)


def measure_cadence(samples: np.ndarray, least_ms: int = 20) -> list[int]:
    """Durations in ms, on and off in turn, to the last change."""
    window = RATE_HZ // 1000 * least_ms
    loud = np.convolve(np.abs(samples), np.ones(window) / window, "same") > 60
    edges = np.flatnonzero(np.diff(loud.astype(int))) + 1
    edges = np.concatenate([[0], edges])
    return [round(span * 1000 / RATE_HZ) for span in np.diff(edges)]


def find_lines(samples: np.ndarray, share: float = 0.05) -> dict[int, float]:
    """Frequency in Hz (whole) -> amplitude relative to the strongest, of all lines above `share`."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    spectrum /= spectrum.max()
    hertz = np.fft.rfftfreq(len(samples), 1 / RATE_HZ)
    peaks = [place for place in range(1, len(spectrum) - 1)
             if spectrum[place] > share and spectrum[place] >= spectrum[place - 1:place + 2].max()]
    return {round(hertz[place]): float(spectrum[place]) for place in peaks}


def measure_level(samples: np.ndarray) -> float:
    """dBm0, of a steady sound."""
    return float(20 * np.log10(np.sqrt(2 * (samples ** 2).mean()) / REFERENCE) + 3.17)
