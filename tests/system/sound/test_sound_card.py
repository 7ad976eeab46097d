# SPDX-License-Identifier: Apache-2.0
"""The sound thread at its cards: absent, without a clock, exact, stalled, unplugged and back. Each in a process of its
own, since alsa-lib reads its configuration once.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.interop.network import PATIENCE_S, wait_until
from tests.system.sound.jack_card import HAS_PLUGIN, JACKD, REASON, JackCard, come_first

pytest.importorskip("alsaaudio", reason="pyalsaaudio is not installed")
PROBE = Path(__file__).with_name("sound_probe.py")
needs_jack = pytest.mark.skipif(JACKD is None or not HAS_PLUGIN, reason=REASON)


class Probe:
    """`sound_probe.py`: a SoundThread at the device `desk`, asked line by line."""

    def __init__(self, environment: dict[str, str], *arguments: str) -> None:
        environment = {**environment, "PYTHONPATH": str(PROBE.parents[3])}
        self.process = subprocess.Popen([sys.executable, PROBE, *arguments], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, env={**os.environ, **environment}, text=True,
                                        preexec_fn=come_first)

    def ask(self, word: str) -> dict:
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def wait(self, is_wanted, what: str) -> dict:
        def look() -> dict | None:
            figures = self.ask("figures")
            return figures if is_wanted(figures) else None
        return wait_until(look, PATIENCE_S, what)

    def __enter__(self) -> "Probe":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        try:
            code = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self.process.stdout.close()
        assert code == 0


def measure_pace(probe: Probe, seconds: float) -> float:
    """Frames a second, of the thread's own clock."""
    first = probe.ask("figures")
    wait_until(lambda: probe.ask("figures")["now_s"] - first["now_s"] > seconds, seconds + PATIENCE_S, "time")
    last = probe.ask("figures")
    return (last["frames"] - first["frames"]) / (last["now_s"] - first["now_s"])


def wait_pace(probe: Probe, allowed: int) -> None:
    """Until in one second about 100 frames passed. A machine that is busy with other things loses some now and then,
    and a card that is late catches up; a sound thread whose pace is wrong does not come to it in any second."""
    wait_until(lambda: measure_pace(probe, 1.0) == pytest.approx(100, abs=allowed), PATIENCE_S, "a second of the pace")


def write_asound(folder: Path, definition: str) -> dict[str, str]:
    path = folder / "asound.conf"
    path.write_text(f"</usr/share/alsa/alsa.conf>\n{definition}\n")
    return {"ALSA_CONFIG_PATH": str(path)}


def test_without_a_card_the_clock_keeps_the_pace_and_it_is_said(tmp_path):
    with Probe(write_asound(tmp_path, "")) as probe:
        assert "desk" in probe.wait(lambda one: one["frames"] > 50, "frames")["trouble"]
        wait_pace(probe, 8)
        assert len(probe.ask("reports")["reports"]) == 1


def test_without_the_library_of_the_echo_canceller_there_is_sound_and_it_is_said(tmp_path):
    with Probe(write_asound(tmp_path, "pcm.desk { type null }"), "libnobody-has-it.so.1") as probe:
        figures = probe.wait(lambda one: one["frames"] > 20, "frames")
        assert (figures["trouble"], figures["losses"]) == ("", 0)
        assert "libnobody-has-it" in figures["echo_trouble"]
        assert probe.ask("reports")["reports"] == [""]


def test_a_device_without_a_clock_is_slowed_down(tmp_path):
    with Probe(write_asound(tmp_path, "pcm.desk { type null }")) as probe:
        probe.wait(lambda one: one["trouble"] == "" and one["frames"] > 20, "frames")
        wait_pace(probe, 8)


@needs_jack
def test_an_exact_card_sets_the_pace_and_its_loop_is_heard(tmp_path):
    with JackCard(tmp_path) as card, Probe(card.environment) as probe:
        probe.wait(lambda one: one["trouble"] == "" and one["frames"] > 20, "frames")
        card.connect()
        probe.ask("tone")
        wait_pace(probe, 3)
        heard = probe.ask("heard")
        assert heard["hertz"] == pytest.approx(400, abs=3)
        assert heard["peak"] > 3000


@needs_jack
def test_a_stall_is_an_xrun_that_is_counted_and_survived(tmp_path):
    with JackCard(tmp_path) as card, Probe(card.environment) as probe:
        before = probe.wait(lambda one: one["trouble"] == "" and one["frames"] > 20, "frames")
        probe.ask("stall")
        after = probe.wait(lambda one: one["frames"] > before["frames"] + 50, "frames behind the stall")
        assert after["xruns"] > before["xruns"]
        assert after["losses"] == before["losses"]
        assert after["trouble"] == ""
        probe.wait(lambda one: 0 < one["ahead_ms"] <= 30, "a short buffer of the earpiece again")
        wait_pace(probe, 5)


@needs_jack
def test_a_card_that_is_pulled_out_and_put_back_is_found_again(tmp_path):
    with JackCard(tmp_path) as card, Probe(card.environment) as probe:
        probe.wait(lambda one: one["trouble"] == "" and one["frames"] > 20, "frames")
        card.unplug()
        gone = probe.wait(lambda one: one["trouble"] != "", "news of the loss")
        assert measure_pace(probe, 1.0) > 60        # the call goes on without it; a try to open it again takes a moment
        card.plug()
        back = probe.wait(lambda one: one["trouble"] == "" and one["frames"] > gone["frames"] + 100, "its return")
        assert back["losses"] == 1
        wait_pace(probe, 5)
