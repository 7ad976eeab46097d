# SPDX-License-Identifier: Apache-2.0
"""`test route`: the way as a person reads it, and trunks that are down at this moment."""

import pytest

from appliance.config.configuration import load_configuration
from appliance.console.messages.catalog import JAPANESE, select_language
from appliance.control.asker import Asker
from appliance.control.route_question import RouteQuestions
from tests.console.configuration_double import START
from tests.console.desk import CALLS, Desk

AT = 1_795_345_200.0
NOBODY = Asker(0, 0, 0)


@pytest.fixture
def desk() -> Desk:
    """An office whose only trunk waits for its address."""
    configuration = load_configuration(START + "set route outside prefix 0\nset route outside trunk carrier\n")
    questions = RouteQuestions(lambda: configuration.configuration, lambda: AT)
    desk = Desk()
    others = desk.servers.ask

    def ask(socket_name, words):
        if socket_name == CALLS and words[0] == "test":
            return questions.answer(list(words), NOBODY)
        if socket_name == CALLS and words == ["show", "trunks"]:
            return [{"name": "carrier", "state": "down", "reason": "its listener has no address yet"}]
        return others(socket_name, words)
    desk.servers.ask = ask
    return desk


def test_a_trunk_that_is_down_is_said_so_where_it_would_be_tried_now(desk):
    assert desk.type("test route 0312345678 from 201") == (
        "way       trunk carrier (0312345678)\nkind      trunks\ncalls     0312345678\n"
        "at (UTC)  2026-11-22 11:00:00\n  1. trunk carrier is sent 0312345678\n"
        "     it is not up now: its listener has no address yet\n  route outside: prefix 0\n")
    assert "not up" not in desk.type("test route 0312345678 from 201 at 14:30")


def test_the_way_is_told_in_japanese(desk):
    select_language(JAPANESE)
    try:
        said = desk.type("test route 0312345678 from 201")
        assert "行き先      外線 carrier (0312345678)\n" in said
        assert "     いまは使えません: リスナーのアドレスがまだありません\n" in said
        assert "代理応答" in desk.type("test route *8202 from 201")
    finally:
        select_language("en")


@pytest.mark.parametrize("number", ["sip:desk@192.0.2.7", "desk@192.0.2.7", "tel:0312345678"])
def test_an_address_is_no_number(desk, number):
    assert "what is dialled" in desk.type(f"test route {number} from 201", 2)


def test_a_service_is_one(desk):
    assert "emergency" in desk.type("test route urn:service:sos from 201")
