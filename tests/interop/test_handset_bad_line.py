# SPDX-License-Identifier: Apache-2.0
"""Speech from a real telephone to the earpiece of a handset over a line that loses every twentieth packet and holds the
others back for up to 30 ms: no gap, and still the same speech.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.interop.baresip import PROGRAM, Account, Baresip
from tests.interop.handset import Handset, build_porch
from tests.interop.impaired_voice import ImpairedVoice, Impairment
from tests.interop.network import PATIENCE_S, wait_until
from tests.interop.server import SECRETS, Server
from tests.interop.sound import RATE_HZ, likeness, read_wav, write_babble, write_wav

pytestmark = [pytest.mark.ours, pytest.mark.skipif(PROGRAM is None, reason="baresip is not installed")]
pytest.importorskip("alsaaudio", reason="pyalsaaudio is not installed")
TALK_S = 12
SETTLING_S = 2.0
WINDOW = RATE_HZ // 100
SILENT = 0.1                    # of the level that speech has
GAP_MS = 60


@pytest.fixture(scope="module")
def voice(tmp_path_factory) -> Path:
    """Speech without pauses: what is silent in it was not said so."""
    path = write_babble(tmp_path_factory.mktemp("voice") / "steady.wav", 30.0)
    said = read_wav(path)
    level = np.sqrt(np.convolve(said * said, np.ones(400) / 400, "same")) + 1
    return write_wav(path, 3000 * said / level)


@pytest.fixture
def phone(network, tmp_path, voice) -> Iterator[Baresip]:
    with Server(tmp_path / "office", network.new_host()) as office:
        account = Account("1002", SECRETS["1002"], f"{office.host}:{office.port}")
        with Baresip(network, tmp_path / "phone", account, voice) as running:
            running.wait_registered()
            yield running


@pytest.fixture
def porch(network, tmp_path, voice) -> Iterator[Handset]:
    with build_porch(tmp_path / "porch", network.new_host(), voice) as handset:
        yield handset


def hear(porch: Handset, phone: Baresip, line: ImpairedVoice) -> Path:
    """What the earpiece sounds in a call over this line, after the first moments."""
    porch.ask("dial", "sip:1002@{}:{}".format(*line.address))
    phone.wait("CALL_INCOMING")
    phone.answer()
    porch.wait_state("talking")
    first = porch.frame() + int(100 * SETTLING_S)
    wait_until(lambda: porch.frame() >= first + 100 * TALK_S, PATIENCE_S + TALK_S, "the talk")
    porch.ask("hang-up")
    phone.wait("CALL_CLOSED")
    return porch.heard_wav(first, first + 100 * TALK_S)


def find_silences_ms(heard: Path) -> list[int]:
    """How long each silence is."""
    samples = read_wav(heard)
    levels = np.sqrt((samples[:len(samples) // WINDOW * WINDOW].reshape(-1, WINDOW) ** 2).mean(1))
    lengths, length = [], 0
    for is_silent in [*(levels < SILENT * np.median(levels)), False]:
        if is_silent:
            length += 10
        elif length:
            lengths.append(length)
            length = 0
    return lengths


def judge(voice: Path, heard: Path) -> float:
    """How alike, of most seconds: a playout that moves within one spoils that one."""
    return float(np.median([likeness(voice, heard, 1.0, skip_s) for skip_s in np.arange(0.0, TALK_S - 1.5, 0.5)]))


def test_speech_survives_a_line_that_loses_and_delays(network, porch, phone, voice):
    line = ImpairedVoice((phone.host, phone.sip_port), network.new_host(), Impairment(0.05, 30.0))
    with line:
        heard = hear(porch, phone, line)
    silences_ms, alike = find_silences_ms(heard), judge(voice, heard)
    sound = porch.show()["sound"]
    print(f"lost {line.lost} of {line.lost + line.passed}, silences {silences_ms}, alike {alike:.3f}, {sound}")
    assert line.lost > 0.03 * line.passed
    assert np.mean(line.delays_ms) > 12
    assert max(silences_ms, default=0) <= GAP_MS
    assert sum(silences_ms) <= 0.01 * 1000 * TALK_S
    assert alike > 0.8
