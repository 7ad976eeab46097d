# SPDX-License-Identifier: Apache-2.0
"""Where nobody answers, the console says what to do: start it, or on a box whose units do that, wait."""

import errno

import pytest

from appliance.console.messages.catalog import JAPANESE, select_language
from appliance.console.servers import CALLS, OF_SERVICES, Unreachable, explain_silence
from appliance.errors import MachineError

ABSENT = Unreachable(CALLS, MachineError("connect", errno.ENOENT))


@pytest.fixture
def japanese():
    select_language(JAPANESE)
    yield
    select_language("en")


def test_at_a_desk_it_is_to_be_started():
    assert "start it: denwaban run" in explain_silence(ABSENT, "/home/anna/state")


def test_a_box_that_is_starting_asks_for_patience_and_for_no_command():
    said = explain_silence(ABSENT, OF_SERVICES)
    assert "try again in half a minute" in said
    assert "denwaban run" not in said


@pytest.mark.usefixtures("japanese")
def test_in_japanese_as_well():
    assert "30秒" in explain_silence(ABSENT, OF_SERVICES)
