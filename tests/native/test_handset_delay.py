# SPDX-License-Identifier: Apache-2.0
"""From one handset's microphone to another one's earpiece, without cards: how late a voice is."""

import socket

import numpy as np
import pytest

from appliance.native.handset_audio import HandsetAudio
from appliance.native.sip_sockets import pack_address

FRAME_NS = 10_000_000
SECONDS = 12


def open_socket() -> socket.socket:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind(("127.0.0.1", 0))
    return one


def measure_delay_ms(phase_ms: float, jitter_ms: float, seed: int) -> float:
    """phase_ms: by which the second card's frames are behind the first one's; jitter_ms: how late its thread wakes."""
    generator = np.random.default_rng(seed)
    sockets = [open_socket(), open_socket()]
    audios = [HandsetAudio(number, 1, 1) for number in (1, 2)]
    for audio, own, other in zip(audios, sockets, reversed(sockets), strict=True):
        audio.connect(own.fileno(), pack_address(b"127.0.0.1", other.getsockname()[1]), 0, -1)
        audio.let_pass(True, True)
    said = generator.integers(-9000, 9000, 8000 * SECONDS).astype("<i2")
    heard = []
    for frame in range(SECONDS * 100):
        now_ns = 10**9 + frame * FRAME_NS
        audios[0].speak(said[80 * frame:80 * frame + 80].tobytes(), now_ns)
        late_ns = int((phase_ms + generator.uniform(0, jitter_ms)) * 1e6)
        heard.append(np.frombuffer(audios[1].hear(now_ns + late_ns), "<i2"))
    for one in sockets:
        one.close()
    samples = np.concatenate(heard).astype(float)
    piece = samples[-24000:-8000]
    match = np.correlate(said[-24000 - 1600:-8000].astype(float), piece, "valid")
    behind = 1600 - int(np.argmax(match))
    energy = (piece ** 2).sum() * (said[-24000 - behind:-8000 - behind].astype(float) ** 2).sum()
    assert match.max() / np.sqrt(energy) > 0.99
    return behind / 8 + 10 + phase_ms       # a sample waits for its frame, and the frame for the other card


@pytest.mark.parametrize("phase_ms", [0.0, 3.0, 7.0, 9.9])
def test_a_voice_is_less_than_60_ms_late(phase_ms):
    assert measure_delay_ms(phase_ms, 0.0, 1) < 52


@pytest.mark.parametrize("seed", range(4))
def test_threads_that_wake_late_cost_no_more(seed):
    assert measure_delay_ms(2.0, 4.0, seed) < 60


if __name__ == "__main__":
    for phase_ms in (0.0, 3.0, 7.0, 9.9):
        print(phase_ms, *(round(measure_delay_ms(phase_ms, jitter_ms, 1), 1) for jitter_ms in (0.0, 2.0, 4.0)))
