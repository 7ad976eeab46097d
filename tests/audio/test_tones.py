# SPDX-License-Identifier: Apache-2.0
"""The tone plan as it sounds, by spectrum and cadence (ITU-T E.180)."""

import numpy as np
import pytest

from appliance.audio import tones
from tests.audio.spectrum import RATE_HZ, find_lines, measure_cadence, measure_level, render_tone

SECOND = RATE_HZ
EDGE_MS = 25


def assert_cadence(tone: tones.Tone, seconds: float, expected: list[int]) -> None:
    measured = measure_cadence(render_tone(tone, seconds))[:len(expected)]
    assert len(measured) == len(expected)
    assert all(abs(one - wanted) <= EDGE_MS for one, wanted in zip(measured, expected, strict=True)), measured


def test_dial_tone_is_400_hz_without_pause():
    sound = render_tone(tones.DIAL, 3.0)
    assert list(find_lines(sound[:2 * SECOND])) == [400]
    assert measure_cadence(sound) == []
    assert measure_level(sound[SECOND:]) == pytest.approx(-13.0, abs=0.3)


def test_ringback_is_400_hz_modulated_by_16_hz_and_no_sum_of_the_two():
    sound = render_tone(tones.RINGBACK, 1.0)
    lines = find_lines(sound[800:800 + 4000], 0.02)
    assert sorted(lines) == [384, 400, 416]
    assert lines[384] == pytest.approx(lines[416], rel=0.05)
    assert lines[384] == pytest.approx(tones.DEPTH / 2, rel=0.1)
    spectrum = np.abs(np.fft.rfft(sound[800:4800]))
    assert spectrum[:int(100 / RATE_HZ * 4000)].max() < spectrum.max() / 1000       # nothing at 16 Hz itself
    assert_cadence(tones.RINGBACK, 7.0, [1000, 2000, 1000, 2000])


@pytest.mark.parametrize(("tone", "cadence"), [
    (tones.BUSY, [500, 500, 500, 500]), (tones.CONGESTION, [250, 250, 250, 250]),
    (tones.SECOND_DIAL, [125, 125, 125, 125]), (tones.REFUSED, [500, 250, 125, 250, 500]),
    (tones.STUTTER_DIAL, [100] * 10), (tones.CALL_WAITING, [500, 3500, 500])])
def test_tones_of_400_hz_differ_by_cadence(tone, cadence):
    assert_cadence(tone, 6.0, cadence)
    sound = render_tone(tone, 6.0)
    assert max(find_lines(sound), key=find_lines(sound).get) in range(397, 404)


def test_the_special_information_tone_is_three_rising_steps():
    sound = render_tone(tones.UNOBTAINABLE, 2.0)
    steps = [next(iter(find_lines(sound[begin + 400:begin + 2240], 0.5))) for begin in (0, 2640, 5280)]
    assert steps == [pytest.approx(950, abs=4), pytest.approx(1400, abs=4), pytest.approx(1800, abs=4)]


def test_the_howler_rises_and_stays_loud():
    sound = render_tone(tones.HOWLER, 12.0)
    beats = [sound[begin * SECOND // 10:begin * SECOND // 10 + 4800] for begin in range(0, 72, 12)]
    levels = [measure_level(beat) for beat in beats]
    assert levels == sorted(levels)
    assert levels[-1] - levels[0] > 15
    assert measure_level(sound[8 * SECOND:]) > measure_level(sound[:SECOND]) + 15


def test_every_failure_tone_sounds_different():
    plan = [tones.BUSY, tones.CONGESTION, tones.REFUSED, tones.UNOBTAINABLE, tones.NO_LINE, tones.DIAL, tones.RINGBACK]
    sounds = [render_tone(tone, 3.0) for tone in plan]
    looks = [(tuple(round(one, -2) for one in measure_cadence(sound)), tuple(sorted(find_lines(sound[:1600], 0.3))))
             for sound in sounds]
    assert len(set(looks)) == len(plan)


def test_a_tone_begins_and_ends_without_a_click():
    sound = render_tone(tones.BUSY, 1.0)
    assert abs(sound[0]) < 50
    assert np.abs(np.diff(sound)).max() < 2 * np.pi * 400 / RATE_HZ * 5000 * 1.1
