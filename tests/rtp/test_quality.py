# SPDX-License-Identifier: Apache-2.0
"""The estimate of how speech sounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.rtp.quality import IMPAIRMENTS, Observation, estimate_quality, opinion_of

CODECS = st.sampled_from([*IMPAIRMENTS, "codec of tomorrow"])


def test_a_perfect_narrow_band_call_is_what_the_model_says_it_is():
    quality = estimate_quality(Observation(1000, 0, 0.0))
    assert quality.rating == pytest.approx(92.2, abs=0.1)
    assert quality.opinion == pytest.approx(4.4, abs=0.02)


def test_published_points_of_the_model():
    """G.107 Annex B: R 50 is 2.58, 70 is 3.60, 80 is 4.02, 90 is 4.34."""
    assert [round(opinion_of(rating), 2) for rating in (50, 70, 80, 90)] == [2.58, 3.6, 4.02, 4.34]


def test_too_little_heard_is_unknown_and_not_excellent():
    assert estimate_quality(Observation(49, 0, 0.0)) is None
    assert estimate_quality(Observation(0, 0, 0.0)) is None


@given(CODECS, st.integers(50, 10000), st.integers(0, 10000), st.integers(1, 500), st.floats(0, 500), st.floats(0, 500))
def test_more_loss_never_sounds_better(codec, expected, lost, more, jitter_ms, delay_ms):
    better = estimate_quality(Observation(expected, lost, jitter_ms, delay_ms), codec)
    worse = estimate_quality(Observation(expected, lost + more, jitter_ms, delay_ms), codec)
    assert worse.rating <= better.rating
    assert 1.0 <= worse.opinion <= better.opinion <= 4.5


@given(CODECS, st.integers(0, 100), st.floats(0, 300), st.floats(1, 300))
def test_more_jitter_sounds_worse(codec, lost, jitter_ms, more):
    better = estimate_quality(Observation(1000, lost, jitter_ms), codec)
    worse = estimate_quality(Observation(1000, lost, jitter_ms + more), codec)
    assert worse.rating < better.rating or worse.rating == 0.0


def test_all_packets_lost_is_the_worst_there_is():
    assert estimate_quality(Observation(1000, 1000, 0.0)).opinion < 1.4


@given(st.floats(0, 100), st.floats(0, 100))
def test_the_opinion_never_falls_with_the_rating(one, other):
    low, high = sorted((one, other))
    assert opinion_of(low) <= opinion_of(high) + 1e-9
