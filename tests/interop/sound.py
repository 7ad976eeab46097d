# SPDX-License-Identifier: Apache-2.0
"""Test signals that correlate sharply, and how alike what was heard is to what was sent."""

import wave
from pathlib import Path

import numpy as np

RATE_HZ = 8000


def write_wav(path: Path, samples: np.ndarray) -> Path:
    with wave.open(str(path), "wb") as stream:
        stream.setnchannels(1)
        stream.setsampwidth(2)
        stream.setframerate(RATE_HZ)
        stream.writeframes(samples.astype("<i2").tobytes())
    return path


def write_chirp(path: Path, seconds: float = 4.0) -> Path:
    """A sweep from 300 to 2800 Hz whose loudness is keyed at 3.7 Hz."""
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * (300 * t + 2500 * t * t / (2 * seconds))
    envelope = np.where(np.sin(2 * np.pi * 3.7 * t) > 0, 1.0, 0.3)
    return write_wav(path, 9000 * envelope * np.sin(phase))


def write_babble(path: Path, seconds: float = 4.0, seed: int = 3) -> Path:
    """Noise with the spectrum of a voice (a few resonances) and the rhythm of syllables; never repeats itself."""
    generator = np.random.default_rng(seed)
    count = int(seconds * RATE_HZ)
    spectrum = np.fft.rfft(generator.standard_normal(count))
    frequency = np.fft.rfftfreq(count, 1 / RATE_HZ)
    resonances = ((500, 150), (1500, 250), (2500, 300))
    formants = sum(np.exp(-((frequency - centre) / width) ** 2) for centre, width in resonances)
    voice = np.fft.irfft(spectrum * formants, count)
    rhythm = np.repeat(generator.uniform(0.2, 1.0, int(seconds * 6) + 1), RATE_HZ // 6 + 1)[:count]
    return write_wav(path, 7000 * voice / np.abs(voice).max() * rhythm)


def read_wav(path: Path) -> np.ndarray:
    with wave.open(str(path)) as stream:
        assert (stream.getframerate(), stream.getsampwidth()) == (RATE_HZ, 2), path
        samples = np.frombuffer(stream.readframes(stream.getnframes() or 1 << 30), "<i2")
        return samples[::stream.getnchannels()].astype(float)


def likeness(sent: Path, heard: Path, seconds: float = 2.0, skip_s: float = 0.5) -> float:
    """The best normalised cross-correlation of a piece of `heard` in `sent`, looped as played; 1.0 is identical."""
    played = np.tile(read_wav(sent), 2)
    piece = read_wav(heard)[int(skip_s * RATE_HZ):int((skip_s + seconds) * RATE_HZ)]
    if len(piece) < RATE_HZ or piece.std() < 1:
        return 0.0
    size = 1 << (len(played) + len(piece)).bit_length()
    places = len(played) - len(piece)
    product = np.fft.irfft(np.fft.rfft(played, size) * np.conj(np.fft.rfft(piece, size)), size)[:places]
    energy = np.concatenate([[0.0], np.cumsum(played * played)])
    window = energy[len(piece):len(piece) + places] - energy[:places]
    return float((product / (np.sqrt(window * (piece * piece).sum()) + 1e-9)).max())
