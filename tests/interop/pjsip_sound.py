# SPDX-License-Identifier: Apache-2.0
"""How alike what a PJSIP phone heard is to what was said, piece by piece.

Its jitter buffer may start deep and then drops 10 ms a few times a second until it has found its depth: the words are
whole, but a second of them has places where time jumps, and cannot be compared at once.
"""

from pathlib import Path

import numpy as np

from tests.interop.sound import RATE_HZ, read_wav

PIECE_S = 0.1


def likeness_of_pieces(sent: Path, heard: Path, skip_s: float = 0.3) -> float:
    """The median, over the tenths of a second in `heard`, of the best normalised correlation with a place in `sent`."""
    played = np.tile(read_wav(sent), 2)
    recorded = read_wav(heard)[int(skip_s * RATE_HZ):]
    size = int(PIECE_S * RATE_HZ)
    pieces = recorded[:len(recorded) // size * size].reshape(-1, size)
    assert len(pieces) >= 10, f"less than a second to compare in {heard}"
    width = 1 << (len(played) + size).bit_length()
    spectrum = np.fft.rfft(played, width)
    places = len(played) - size
    energy = np.concatenate([[0.0], np.cumsum(played * played)])
    loudness = np.sqrt(energy[size:size + places] - energy[:places]) + 1e-9
    products = np.fft.irfft(spectrum * np.conj(np.fft.rfft(pieces, width)), width)[:, :places]
    best = (products / loudness).max(axis=1) / (np.sqrt((pieces * pieces).sum(axis=1)) + 1e-9)
    return float(np.median(best))
