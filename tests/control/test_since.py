# SPDX-License-Identifier: Apache-2.0
"""Moments as people write them."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.control.since import read_since
from appliance.errors import OperatorError

NOW = datetime(2026, 11, 22, 15, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(("text", "meant"), [
    ("2026-11-22", "2026-11-22T00:00:00+00:00"), ("2026-11-22T14:30", "2026-11-22T14:30:00+00:00"),
    ("14:30", "2026-11-22T14:30:00+00:00"), ("9:05", "2026-11-22T09:05:00+00:00"),
    ("14:30:15", "2026-11-22T14:30:15+00:00"), ("2026-11-22T14:30:00+09:00", "2026-11-22T05:30:00+00:00"),
    ("2026-11-22T14:30:00.250Z", "2026-11-22T14:30:00.250+00:00"),
    ("90m", "2026-11-22T13:30:00+00:00"), ("2h", "2026-11-22T13:00:00+00:00"), ("3d", "2026-11-19T15:00:00+00:00")])
def test_a_moment(text, meant):
    assert read_since(text, NOW.timestamp()) == datetime.fromisoformat(meant).timestamp()


def test_for_ever():
    assert read_since("", NOW.timestamp()) == 0.0


@pytest.mark.parametrize("text", ["yesterday", "25:00", "2026-13-01", "2x", "-2h", "1e9", "２ｈ"])
def test_what_is_no_moment_is_said_with_what_is_allowed(text):
    with pytest.raises(OperatorError) as error:
        read_since(text, NOW.timestamp())
    assert "2026-11-22" in error.value.allowed


@given(st.text(max_size=30))
def test_nothing_else_is_raised(text):
    with suppress(OperatorError):
        assert isinstance(read_since(text, NOW.timestamp()), float)
