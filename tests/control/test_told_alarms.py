# SPDX-License-Identifier: Apache-2.0
"""Alarms that another daemon tells: the whole of them each time, and none once its connection is gone."""

import json

import pytest

from appliance.control.asker import Asker
from appliance.control.told_alarms import ALARMS_LIMIT, ToldAlarms
from appliance.errors import OperatorError
from appliance.vocabulary.handset_alarm import DEVICE, PIN


class Journal:
    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []

    def record(self, event: str, **values: object) -> None:
        self.events.append((event, str(values["alarm"])))


def describe(name: str, kind: str = DEVICE, detail: str = "no card") -> dict[str, str]:
    return {"name": name, "kind": kind, "subject": "desk", "detail": detail}


class Desk:
    def __init__(self) -> None:
        self.alarms: dict = {"own": {"name": "own"}}
        self.journal = Journal()
        self.moment = "noon"
        self._told = ToldAlarms(self.alarms, self.journal, lambda: self.moment)

    def tell(self, asker: Asker, *rows: dict[str, str]) -> object:
        return self._told.answer(["alarms", json.dumps(rows)], asker)

    def tell_words(self, *words: str) -> object:
        return self._told.answer(["alarms", *words], Asker(0))


def test_what_is_told_is_an_alarm_until_it_is_told_no_more():
    desk, asker = Desk(), Asker(0)
    assert desk.tell(asker, describe("a"), describe("b", PIN, "lamp: no such line")) == 2
    assert desk.alarms["a"]["sentence"] == "handset desk has no sound: no card"
    assert "lines of a chip" in desk.alarms["b"]["remedy"]
    assert desk.tell(asker, describe("b", PIN, "lamp: no such line")) == 1
    assert sorted(desk.alarms) == ["b", "own"]
    assert desk.journal.events == [("alarm_raised", "a"), ("alarm_raised", "b"), ("alarm_cleared", "a")]


def test_an_alarm_that_changes_its_words_is_as_old_as_it_was_and_one_said_again_is_no_news():
    desk, asker = Desk(), Asker(0)
    desk.tell(asker, describe("a"))
    desk.moment = "one"
    desk.tell(asker, describe("a"))
    assert len(desk.journal.events) == 1
    desk.tell(asker, describe("a", detail="busy"))
    assert desk.alarms["a"]["sentence"].endswith("busy")
    assert desk.alarms["a"]["raised_at"] == "noon"


def test_what_was_told_ends_with_the_connection_and_nothing_else_does():
    desk, one, other = Desk(), Asker(0), Asker(0)
    desk.tell(one, describe("a"))
    desk.tell(other, describe("b"))
    one.end()
    assert sorted(desk.alarms) == ["b", "own"]


@pytest.mark.parametrize("words", [
    [], ["no JSON"], ["{}"], ["[1]"], ['[{"name": "a"}]'], ["[" * 5000], ["[]", "[]"],
    [json.dumps([describe("a") | {"detail": 5}])],
    [json.dumps([describe("a") | {"detail": "\u001b[2J"}])],
    [json.dumps([describe("a", kind="made_up")])],
    [json.dumps([describe(str(number)) for number in range(ALARMS_LIMIT + 1)])],
])
def test_what_is_no_list_of_alarms_is_refused_and_changes_nothing(words):
    desk = Desk()
    with pytest.raises(OperatorError):
        desk.tell_words(*words)
    assert sorted(desk.alarms) == ["own"]


def test_an_alarm_stands_as_long_as_anybody_tells_it():
    desk, before, after = Desk(), Asker(0), Asker(0)
    desk.tell(before, describe("a"))
    desk.tell(after, describe("a"))     # the same daemon on a new connection, before we hear that the old one is gone
    before.end()
    assert "a" in desk.alarms
    after.end()
    assert "a" not in desk.alarms
    assert [event for event in desk.journal.events if event[0] == "alarm_cleared"] == [("alarm_cleared", "a")]


def test_nobody_tells_or_ends_an_alarm_of_ours():
    desk, asker = Desk(), Asker(0)
    with pytest.raises(OperatorError):
        desk.tell(asker, describe("a"), describe("own"))
    asker.end()
    assert desk.alarms == {"own": {"name": "own"}}
