# SPDX-License-Identifier: Apache-2.0
"""Loss and jitter against slow, obvious oracles."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.rtp.reception import Reception

STEP_S = 0.02


def feed(first, numbers):
    """A reception that has seen these extended sequence numbers, in this order, a packet each 20 ms."""
    reception = Reception(1, first % 65536)
    for index, number in enumerate(numbers):
        reception.receive(number % 65536, number * 160 % (1 << 32), index * STEP_S)
    return reception


def test_a_source_is_believed_after_two_packets_in_sequence():
    reception = Reception(1, 10)
    assert [reception.receive(number, 0, 0.0) for number in (10, 12, 13, 14)] == [False, False, True, True]
    assert (reception.received, reception.expected, reception.lost) == (2, 2, 0)


@given(st.integers(0, 65535), st.lists(st.booleans(), min_size=1, max_size=600))
def test_loss_is_what_did_not_come_across_any_wrap(first, came):
    numbers = [first, first + 1, *(first + 2 + index for index, is_there in enumerate(came) if is_there)]
    reception = feed(first, numbers)
    believed = [number for number in numbers if number > first]
    assert reception.expected == max(believed) - min(believed) + 1
    assert reception.received == len(believed)
    assert reception.lost == reception.expected - len(set(believed))


@given(st.integers(0, 65535), st.lists(st.integers(0, 99), max_size=100))
def test_reordered_and_repeated_packets_are_counted_as_the_rfc_counts_them(first, offsets):
    numbers = [first, first + 1]
    for offset in offsets:
        numbers.append(max(max(numbers) - 90, first + 1) + offset)
    reception = feed(first, numbers)
    assert reception.received == len(numbers) - 1
    assert reception.expected == max(numbers) - first
    assert reception.lost == reception.expected - reception.received      # negative with duplicates


def test_a_jump_is_believed_only_when_the_next_packet_confirms_it():
    reception = feed(100, range(100, 110))
    assert not reception.receive(40000, 0, 1.0)
    assert reception.lost == 0
    assert reception.receive(40001, 0, 1.02)
    assert (reception.received, reception.expected) == (1, 1)


def test_the_fraction_lost_counts_from_report_to_report():
    reception = feed(0, [number for number in range(101) if number % 4])
    first = reception.take_block()
    assert first.lost == reception.lost == 24       # 0 never came, 100 neither was followed by anything
    assert first.fraction_lost == (24 << 8) // reception.expected
    assert reception.take_block().fraction_lost == 0


@given(st.lists(st.integers(0, 8000), min_size=2, max_size=60))
def test_jitter_is_the_running_mean_of_a_8(delays):
    reception = Reception(1, 0)
    jitter, before = Fraction(0), None
    for index, delay in enumerate(delays):
        arrival_s = (index * 160 + delay) / 8000
        reception.receive(index, index * 160, arrival_s)
        transit = int(arrival_s * 8000) - index * 160
        if before is not None:
            jitter += (abs(transit - before) - jitter) / 16
        before = transit
    assert reception.jitter == pytest.approx(float(jitter), abs=1e-9)


def test_jitter_survives_the_wrap_of_timestamps():
    reception = Reception(1, 0)
    for index in range(50):
        reception.receive(index, (0xFFFFFF00 + index * 160) % (1 << 32), 1e6 + index * STEP_S)
    assert reception.jitter < 1.0
    assert reception.jitter_ms == reception.jitter / 8
