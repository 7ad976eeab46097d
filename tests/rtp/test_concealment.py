# SPDX-License-Identifier: Apache-2.0
"""What is made up is soft, short-lived and without clicks."""

import math
from array import array
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from appliance.rtp.concealment import FADE_UNITS, JOINT_UNITS, Concealment, join_samples

SAMPLES = st.lists(st.integers(-32_768, 32_767), min_size=1, max_size=400).map(lambda values: array("h", values))


def tone(first, count, amplitude=10_000):
    return array("h", (round(amplitude * math.sin(2 * math.pi * 440 * index / 8000))
                       for index in range(first, first + count)))


def largest_step(samples):
    return max(abs(one - other) for one, other in pairwise(samples))


def loudness(samples):
    return math.sqrt(sum(sample * sample for sample in samples) / len(samples))


def test_what_comes_without_gaps_is_not_touched():
    concealment = Concealment()
    heard = concealment.hear(tone(0, 160)) + concealment.hear(tone(160, 160))
    assert heard == tone(0, 320)


def test_nothing_before_the_first_samples_is_silence():
    assert Concealment().conceal(200) == array("h", bytes(400))


def test_a_gap_sounds_like_what_was_before_and_fades():
    concealment = Concealment()
    concealment.hear(tone(0, 800))
    frames = [concealment.conceal(160) for _ in range(6)]
    levels = [loudness(frame) for frame in frames]
    assert levels[0] > 0.8 * loudness(tone(0, 800))
    assert levels == sorted(levels, reverse=True)
    assert levels[FADE_UNITS // 160:] == [0.0, 0.0]


def test_a_gap_makes_no_click_at_either_end():
    concealment = Concealment()
    heard = concealment.hear(tone(0, 800)) + concealment.conceal(160) + concealment.hear(tone(960, 800))
    assert len(heard) == 1760
    assert largest_step(heard) <= 1.5 * largest_step(tone(0, 800))


def test_samples_that_are_left_out_make_no_click():
    concealment = Concealment()
    heard = concealment.hear(tone(0, 800)) + concealment.hear(tone(893, 800), tone(800, 93))
    assert largest_step(heard) <= 1.5 * largest_step(tone(0, 800))


@given(st.lists(st.tuples(st.booleans(), SAMPLES, st.one_of(st.none(), SAMPLES)), max_size=10))
def test_as_many_samples_are_heard_as_are_wanted(actions):
    concealment = Concealment()
    for is_heard, samples, left_out in actions:
        if is_heard:
            assert len(concealment.hear(samples, left_out)) == len(samples)
        else:
            assert len(concealment.conceal(len(samples))) == len(samples)


@given(SAMPLES, SAMPLES)
def test_a_joint_begins_as_the_one_and_ends_as_the_other(before, after):
    joined = join_samples(before[:JOINT_UNITS], after)
    assert joined[0] == before[0]
    assert joined[JOINT_UNITS:] == after[JOINT_UNITS:]
