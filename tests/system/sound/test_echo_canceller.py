# SPDX-License-Identifier: Apache-2.0
"""What the earpiece sends into the microphone is taken out; what the person says is not."""

import ctypes.util

import numpy as np
import pytest

from appliance.system.sound.echo_canceller import FRAME, EchoCanceller

pytest.importorskip("cffi", reason="cffi is not installed")
pytestmark = pytest.mark.skipif(ctypes.util.find_library("speexdsp") is None, reason="libspeexdsp is not installed")
RATE_HZ = 8000
DELAY = 240                     # samples from earpiece to microphone: 30 ms of a card's buffers


def write_far(seconds: int, seed: int = 4) -> np.ndarray:
    """Noise with resonances and the rhythm of a voice, and nothing below 200 Hz, which the canceller takes away."""
    generator = np.random.default_rng(seed)
    count = seconds * RATE_HZ
    hertz = np.fft.rfftfreq(count, 1 / RATE_HZ)
    formants = sum(np.exp(-((hertz - centre) / width) ** 2) for centre, width in ((500, 150), (1500, 250), (2500, 300)))
    formants += 0.03 * ((hertz > 200) & (hertz < 3600))
    voice = np.fft.irfft(np.fft.rfft(generator.standard_normal(count)) * formants, count)
    return 4000 * voice / voice.std() * np.repeat(generator.uniform(0.3, 1.0, seconds * 5), RATE_HZ // 5)


def echo_of(far: np.ndarray) -> np.ndarray:
    path = np.zeros(DELAY + 80)
    path[DELAY], path[DELAY + 11], path[DELAY + 47] = 0.3, -0.15, 0.08
    return np.convolve(far, path)[:len(far)]


def run(captured: np.ndarray, played: np.ndarray) -> np.ndarray:
    canceller = EchoCanceller()
    out = [np.frombuffer(canceller.cancel(captured[begin:begin + FRAME].astype("<i2").tobytes(),
                                          played[begin:begin + FRAME].astype("<i2").tobytes()), "<i2")
           for begin in range(0, len(captured) - FRAME + 1, FRAME)]
    canceller.close()
    canceller.close()
    return np.concatenate(out).astype(float)


def test_an_echo_is_30_db_softer_after_some_seconds():
    far = write_far(12)
    echo = echo_of(far)
    cleaned = run(echo, far)
    last = slice(-2 * RATE_HZ, None)
    loss_db = 10 * np.log10((echo[last] ** 2).mean() / max((cleaned[last] ** 2).mean(), 1e-9))
    assert loss_db > 30


def test_who_speaks_while_the_far_end_is_silent_is_not_changed():
    voice = write_far(4, 8)
    cleaned = run(voice, np.zeros(len(voice)))
    match = np.corrcoef(voice[RATE_HZ:2 * RATE_HZ], cleaned[RATE_HZ:2 * RATE_HZ])[0, 1]
    assert match > 0.95         # its high-pass turns the phase of low notes


def test_who_speaks_over_the_far_end_is_still_heard():
    far, near = write_far(14), 0.7 * write_far(14, 8)
    near[:10 * RATE_HZ] = 0
    cleaned = run(echo_of(far) + near, far)
    match = np.corrcoef(near[-2 * RATE_HZ:], cleaned[-2 * RATE_HZ:])[0, 1]
    assert match > 0.9
