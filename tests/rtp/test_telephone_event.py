# SPDX-License-Identifier: Apache-2.0
"""Keys as named events."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import PeerError
from appliance.rtp.telephone_event import KEYS, EventReader, TelephoneEvent, plan_key, read_event, write_event

EVENTS = st.builds(TelephoneEvent, st.integers(0, 255), st.booleans(), st.integers(0, 63), st.integers(0, 0xFFFF))


def test_the_octets_are_those_of_the_rfc():
    assert write_event(TelephoneEvent(11, True, 10, 800)) == bytes.fromhex("0b8a0320")


@given(EVENTS)
def test_an_event_is_read_as_it_was_written(event):
    assert read_event(write_event(event)) == event


def test_a_payload_that_is_too_short_is_refused():
    with pytest.raises(PeerError):
        read_event(b"\x01\x80\x00")


@given(st.text(KEYS, min_size=1, max_size=20), st.integers(0, 0xFFFFFFFF), st.data())
def test_each_key_is_told_once_whatever_is_lost_repeated_or_late(dialled, start, data):
    sent = [(write_event(event), (start + index * 2000) % (1 << 32))
            for index, key in enumerate(dialled) for event in plan_key(key, 1600, 160)]
    last_of_each = {timestamp: (payload, timestamp) for payload, timestamp in sent}     # one of three ends survives
    kept = [item for item in sent if item == last_of_each[item[1]] or data.draw(st.booleans())]
    reader = EventReader()
    told = [event.key for payload, timestamp in kept if (event := reader.receive(payload, timestamp))]
    assert "".join(told) == dialled


def test_a_planned_key_grows_and_ends_three_times():
    planned = plan_key("#", 480, 160)
    assert [event.duration for event in planned] == [160, 320, 480, 480, 480]
    assert [event.is_end for event in planned] == [False, False, True, True, True]


@pytest.mark.parametrize(("key", "duration"), [("", 160), ("E", 160), ("12", 160), ("1", 0), ("1", 70000)])
def test_what_is_no_key_is_not_planned(key, duration):
    with pytest.raises(ValueError):
        plan_key(key, duration, 160)


def test_events_that_are_no_keys_have_none():
    assert TelephoneEvent(16, True, 0, 1).key is None
