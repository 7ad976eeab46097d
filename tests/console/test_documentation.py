# SPDX-License-Identifier: Apache-2.0
"""docs/console.md tells the truth: every command and every field stands in it."""

import re
from pathlib import Path

import pytest

from appliance.console.commands import COMMANDS
from appliance.control import observed, route_question, watching
from appliance.diagnosis import ladder

TEXT = (Path(__file__).parents[2] / "docs" / "console.md").read_text("utf-8")
SHAPES = [observed.Registration, observed.Call, observed.Leg, observed.MessageCounts, observed.CallCounts,
          observed.Alarm, observed.Statistics, observed.TlsListener, observed.TlsFailure, observed.TlsState,
          observed.WatchedState, observed.PublishedState, observed.Presence,
          observed.DnsServer, observed.DnsAnswer, observed.DnsState, observed.Trunk, observed.Explanation,
          route_question.RouteFound, route_question.RouteStep, watching.WatchedMessages,
          observed.EvidenceLine, ladder.MediaRow,
          ladder.Participant, ladder.LadderMessage, ladder.Ladder]


@pytest.mark.parametrize("command", [one for one in COMMANDS if one.help], ids=lambda command: " ".join(command.words))
def test_every_command_is_documented(command):
    assert f"`{' '.join(command.words)}`" in TEXT


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_every_field_is_documented(shape: type):
    assert [name for name in shape.__annotations__ if not re.search(rf"`{name}`", TEXT)] == []
