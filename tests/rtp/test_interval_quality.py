# SPDX-License-Identifier: Apache-2.0
"""The estimate follows the network: it falls while that gets worse, and a long good call hides no bad minute."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.rtp.interval_quality import IntervalQuality
from appliance.rtp.quality import Observation, estimate_quality
from tests.pbx.virtual_relay import SILENCE


def figures(expected: int, lost: int = 0, jitter_ms: float = 1.0):
    return SILENCE._replace(packets=expected - lost, received=expected - lost, expected=expected, lost=lost,
                            jitter_ms=jitter_ms)


def test_nothing_heard_is_unknown_and_not_excellent():
    track = IntervalQuality()
    track.note(SILENCE, "PCMU")
    track.note(figures(40), "PCMU")
    assert (track.latest, track.worst, track.opinion) == (None, None, 0.0)


def test_one_look_is_what_the_model_says():
    track = IntervalQuality()
    track.note(figures(3000, 30, 2.0), "PCMU")
    assert track.opinion == pytest.approx(estimate_quality(Observation(3000, 30, 2.0), "PCMU").opinion)


def test_it_falls_at_once_when_the_network_gets_worse_however_long_it_was_good():
    track = IntervalQuality()
    for second in range(10, 3600, 10):
        track.note(figures(second * 50), "PCMU")
    good = track.latest.opinion
    track.note(figures(3600 * 50, lost=50), "PCMU")      # a tenth of the last ten seconds
    assert track.latest.opinion < good - 1.0
    assert estimate_quality(Observation(3600 * 50, 50, 1.0)).opinion > good - 0.05      # over the whole call: nothing
    assert track.worst == track.latest
    assert track.opinion < good


def test_it_recovers_and_remembers_the_worst():
    track = IntervalQuality()
    track.note(figures(500), "PCMU")
    good = track.latest
    track.note(figures(1000, lost=100), "PCMU")
    bad = track.latest
    track.note(figures(1500, lost=100), "PCMU")
    assert track.latest == good
    assert track.worst == bad
    assert bad.opinion < track.opinion < good.opinion


def test_too_short_an_interval_waits_for_the_next():
    track = IntervalQuality()
    track.note(figures(500), "PCMU")
    track.note(figures(510, lost=10), "PCMU")
    assert track.worst == track.latest
    track.note(figures(1000, lost=10), "PCMU")
    assert track.latest == estimate_quality(Observation(500, 10, 1.0), "PCMU")


def test_a_source_that_begins_anew_counts_from_its_beginning():
    track = IntervalQuality()
    track.note(figures(5000, lost=10), "PCMU")
    track.note(figures(400), "PCMU")
    assert track.latest == estimate_quality(Observation(400, 0, 1.0), "PCMU")


def test_duplicates_are_no_gain():
    track = IntervalQuality()
    track.note(figures(500, lost=-5), "PCMU")
    assert track.latest == estimate_quality(Observation(500, 0, 1.0), "PCMU")


@given(st.lists(st.tuples(st.integers(0, 600), st.integers(0, 100), st.floats(0, 200)), max_size=20))
def test_the_whole_lies_between_worst_and_best(steps):
    track = IntervalQuality()
    expected = lost = 0
    seen = []
    for more, gone, jitter_ms in steps:
        expected, lost = expected + more, lost + min(gone, more)
        track.note(figures(expected, lost, jitter_ms), "PCMA")
        if track.latest is not None:
            seen.append(track.latest.opinion)
    if seen:
        assert min(seen) - 1e-9 <= track.opinion <= max(seen) + 1e-9
        assert track.worst.opinion == min(seen)
    else:
        assert track.opinion == 0.0
