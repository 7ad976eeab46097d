# SPDX-License-Identifier: Apache-2.0
"""What a hook switch means, edge by edge: bounce, flash, hanging up, dials of 10 and 20 pulses a second."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.handset.hook import HookEvent, HookReader, Motion

LIFTED, HUNG_UP, FLASH = HookEvent(Motion.LIFTED), HookEvent(Motion.HUNG_UP), HookEvent(Motion.FLASH)


class Line:
    """A hook switch on a line of time."""

    def __init__(self, has_pulse: bool = False) -> None:
        self.reader = HookReader((0.3, 0.9), has_pulse)
        self.now = 10.0
        self.events: list[HookEvent] = []

    def rest(self, seconds: float) -> "Line":
        end = self.now + seconds
        while self.reader.deadline is not None and self.reader.deadline <= end:
            self.now = self.reader.deadline
            self.events += self.reader.pass_deadline(self.now)
        self.now = end
        return self

    def edge(self, is_lifted: bool, seconds: float) -> "Line":
        """The contact changes, and stays so for this long."""
        self.events += self.reader.change(is_lifted, self.now)
        return self.rest(seconds)

    def lift(self) -> "Line":
        self.edge(True, 1.0)
        assert self.events == [LIFTED]
        self.events.clear()
        return self

    def turn_dial(self, pulses: int, rate: float, share: float = 0.67) -> "Line":
        for _ in range(pulses):
            self.edge(False, share / rate).edge(True, (1 - share) / rate)
        return self.rest(0.8)


def test_lifting_and_hanging_up_are_told_once():
    line = Line().lift().edge(False, 2.0)
    assert line.events == [HUNG_UP]
    assert not line.reader.is_lifted


def test_a_bouncing_contact_is_one_lifting():
    line = Line()
    for _ in range(6):
        line.edge(True, 0.002).edge(False, 0.003)
    line.edge(True, 1.0)
    assert line.events == [LIFTED]


def test_a_bouncing_contact_is_one_hanging_up():
    line = Line().lift()
    for _ in range(6):
        line.edge(False, 0.003).edge(True, 0.002)
    line.edge(False, 2.0)
    assert line.events == [HUNG_UP]


@pytest.mark.parametrize("spikes", [[0.001], [0.003, 0.002, 0.006], [0.007] * 10])
def test_spikes_on_a_resting_hook_are_nothing(spikes):
    line = Line()
    for span_s in spikes:
        line.edge(True, span_s).edge(False, 0.004)
    line.rest(2.0)
    assert line.events == []


@pytest.mark.parametrize("rate", [10, 20])
def test_a_dial_whose_contacts_bounce_is_read_all_the_same(rate):
    line = Line(has_pulse=True).lift()
    for _ in range(7):
        line.edge(False, 0.001).edge(True, 0.001).edge(False, 0.67 / rate - 0.002)
        line.edge(True, 0.001).edge(False, 0.001).edge(True, 0.33 / rate - 0.002)
    line.rest(0.8)
    assert line.events == [HookEvent(Motion.DIGIT, "7")]


@pytest.mark.parametrize(("open_s", "events"), [
    (0.005, []), (0.05, []), (0.199, []), (0.29, []), (0.31, [FLASH]), (0.6, [FLASH]), (0.89, [FLASH]),
    (0.95, [HUNG_UP, LIFTED]), (3.0, [HUNG_UP, LIFTED])])
def test_how_long_it_is_down_says_what_it_means(open_s, events):
    line = Line().lift().edge(False, open_s).edge(True, 1.0)
    assert line.events == events


def test_hanging_up_is_told_at_the_end_of_the_window_and_not_later():
    line = Line().lift()
    line.edge(False, 0.91)
    assert line.events == [HUNG_UP]


@pytest.mark.parametrize("rate", [9.0, 10.0, 11.0, 18.0, 20.0, 22.0])
@pytest.mark.parametrize("digit", range(10))
def test_a_dial_is_read_at_its_speed_and_ten_percent_off(digit, rate):
    line = Line(has_pulse=True).lift().turn_dial(digit or 10, rate)
    assert line.events == [HookEvent(Motion.DIGIT, str(digit))]


@given(st.lists(st.tuples(st.integers(1, 10), st.floats(9.0, 11.0), st.floats(0.6, 0.7)), min_size=1, max_size=12))
def test_whole_numbers_are_read_from_a_slow_dial(turns):
    line = Line(has_pulse=True).lift()
    for pulses, rate, share in turns:
        line.turn_dial(pulses, rate, share)
    assert "".join(event.digit for event in line.events) == "".join(str(pulses % 10) for pulses, *_ in turns)


BOUNCES_S = st.lists(st.floats(0.0002, 0.0015), max_size=3)
RATES = st.sampled_from([9.0, 10.0, 11.0, 18.0, 20.0, 22.0])
TURNS = st.lists(st.tuples(st.integers(1, 10), RATES, st.floats(0.5, 0.75),
                           st.lists(st.floats(-0.06, 0.06), min_size=20, max_size=20), BOUNCES_S, BOUNCES_S,
                           st.floats(0.4, 1.5)), min_size=1, max_size=11)


def write_edges(turns) -> list[tuple[bool, float]]:
    """The contact of a dial whose every break and make is off by up to 6 %, and which bounces where it opens and where
    it closes; edges with their times."""
    edges, now = [], 20.0
    for pulses, rate, share, errors, opening, closing, pause_s in turns:
        for pulse in range(pulses):
            for is_closed, part, bounces in ((False, share, opening), (True, 1 - share, closing)):
                span_s = part / rate * (1 + errors[2 * pulse + is_closed])
                at = now
                for bounce_s in bounces:
                    edges += [(is_closed, at), (not is_closed, at + bounce_s / 2)]
                    at += bounce_s
                edges.append((is_closed, at))
                now += span_s
        now += pause_s
    return edges


def read_edges(edges, reader: HookReader, is_read_at_once: bool) -> str:
    """The digits. is_read_at_once: all edges together, long after they were; else with their deadlines between."""
    events = reader.change(True, 10.0) + reader.pass_deadline(11.0)
    for is_lifted, at in edges:
        if not is_read_at_once and reader.deadline is not None and reader.deadline <= at:
            events += reader.pass_deadline(reader.deadline)
        events += reader.change(is_lifted, at)
    events += reader.pass_deadline(edges[-1][1] + 5.0)
    assert [event.motion for event in events[1:]] == [Motion.DIGIT] * (len(events) - 1)
    return "".join(event.digit for event in events)


@settings(max_examples=400, deadline=None)
@given(TURNS, st.booleans())
def test_worn_dials_of_both_speeds_are_read_by_the_times_of_their_edges(turns, is_read_at_once):
    expected = "".join(str(pulses % 10) for pulses, *_ in turns)
    assert read_edges(write_edges(turns), HookReader((0.3, 0.9), True), is_read_at_once) == expected


@pytest.mark.parametrize("late_s", [0.095, 0.12, 0.145])
def test_a_pulse_within_a_digit_may_be_late(late_s):
    line = Line(has_pulse=True).lift()
    for place in range(10):
        line.edge(False, late_s if place == 4 else 0.067).edge(True, 0.033)
    line.rest(0.8)
    assert line.events == [HookEvent(Motion.DIGIT, "0")]


def test_a_flash_that_bounces_is_one():
    line = Line(has_pulse=True).lift().edge(False, 0.2).edge(True, 0.003).edge(False, 0.3).edge(True, 0.002)
    line.edge(False, 0.002).edge(True, 1.0)
    assert line.events == [FLASH]


def test_without_a_dial_pulses_are_nothing():
    assert Line().lift().turn_dial(5, 10.0).events == []


def test_a_flash_with_a_dial_on_the_line_is_a_flash():
    assert Line(has_pulse=True).lift().edge(False, 0.5).edge(True, 1.0).events == [FLASH]


def test_more_than_ten_pulses_are_no_digit():
    assert Line(has_pulse=True).lift().turn_dial(11, 10.0).events == []


@given(st.lists(st.tuples(st.booleans(), st.floats(0.0001, 3.0)), max_size=60), st.booleans())
def test_whatever_the_contact_does_lifting_and_hanging_up_take_turns(edges, has_pulse):
    line = Line(has_pulse)
    for is_lifted, seconds in edges:
        line.edge(is_lifted, seconds)
    moves = [event for event in line.events if event in (LIFTED, HUNG_UP)]
    assert moves == [LIFTED if place % 2 == 0 else HUNG_UP for place in range(len(moves))]
    last = edges[-1] if edges else (False, 0)
    if last[1] > 1.0:
        assert line.reader.is_lifted == last[0]
