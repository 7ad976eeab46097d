# SPDX-License-Identifier: Apache-2.0
"""What the running office answers, after real ladders have been played on it: every field, in its documented form."""

import json
import typing
from collections.abc import Mapping
from pathlib import Path

import pytest

from appliance.control import observed
from appliance.control.office_view import Machine, OfficeView
from appliance.diagnosis import ladder
from tests.control.answering import answer_line
from tests.transcripts.notation import SERVER, Transcript, read_transcript
from tests.transcripts.office import OfficeUnderTest
from tests.transcripts.player import Player

TRANSCRIPTS = Path(__file__).parents[1] / "transcripts"
WALL_OFFSET = 1_800_000_000.0


class Console:
    """Asks the office that has just played a transcript."""

    def __init__(self, name: str, rows: int = -1) -> None:
        transcript = read_transcript(TRANSCRIPTS / f"{name}.txt")
        if not any(line.startswith("set sip role") for line in transcript.configuration):
            transcript.configuration.append("set sip role proxy")
        self.office = OfficeUnderTest(transcript.configuration, transcript.address[SERVER])
        machine = Machine(1000.0, lambda: WALL_OFFSET, lambda: 30_000_000, lambda: {"datagrams_received": 7})
        self.view = OfficeView(self.office.office, self.office.trace, machine)
        self._play(transcript, rows)

    def _play(self, transcript: Transcript, rows: int) -> None:
        """rows: play only the first ones, and stop the clock there."""
        player = Player(transcript, self.office)
        if rows < 0:
            player.play()
        else:
            transcript.rows = transcript.rows[:rows]
            player._finish = lambda: None  # type: ignore[method-assign]
            player.play()

    def ask(self, command: str, now: float = 1010.0) -> typing.Any:
        line = json.dumps({"id": 1, "command": command.split()}).encode()
        answer = json.loads(b"".join(answer_line(line, self.view, now)))
        assert answer["ok"], answer
        return answer["result"]


def check_shape(value: typing.Any, shape: typing.Any) -> None:
    """The value has exactly the fields of the TypedDict, of their types, all the way down."""
    if typing.is_typeddict(shape):
        hints = typing.get_type_hints(shape)
        assert set(value) == set(hints), shape
        for name, kind in hints.items():
            check_shape(value[name], kind)
    elif typing.get_origin(shape) is list:
        for item in value:
            check_shape(item, typing.get_args(shape)[0])
    elif typing.get_origin(shape) is dict:
        assert isinstance(value, Mapping)
        for item in value.values():
            check_shape(item, typing.get_args(shape)[1])
    else:
        assert isinstance(value, int | float if shape is float else shape), (value, shape)


@pytest.mark.parametrize(("command", "shape"), [
    ("show registrations", list[observed.Registration]), ("show calls all", list[observed.Call]),
    ("show call 1", observed.Call), ("explain call 1", observed.Explanation),
    ("show call 1 ladder", ladder.Ladder), ("show statistics", observed.Statistics),
    ("show alarms", list[observed.Alarm])])
def test_every_answer_has_its_documented_form(command: str, shape: type):
    result = Console("chapter/figure_3_through_the_server").ask(command)
    assert result or command == "show alarms"
    check_shape(result, shape)


def test_a_registration_says_where_the_phone_is_and_for_how_long():
    first, second = Console("chapter/figure_3_through_the_server").ask("show registrations", now=1060.5)
    assert (first["extension"], second["extension"]) == ("201", "202")
    assert (first["contact"], first["source"]) == ("sip:201@192.168.1.11", "192.168.1.11:5060")
    assert (first["transport"], first["listener"], first["q"]) == ("udp", "office", 1.0)
    assert first["expires_s"] == 3539
    assert first["registered_at"] == "2027-01-15T08:16:40.000Z"


def test_a_call_goes_through_its_states():
    name = "chapter/figure_3_through_the_server"
    seen = [[(call["state"], call["status"]) for call in Console(name, rows).ask("show calls")] for rows in (7, 9, 11)]
    assert seen == [[("calling", 0)], [("ringing", 0)], [("answered", 200)]]
    whole = Console(name)
    assert whole.ask("show calls") == []
    (call,) = whole.ask("show calls all", now=1200.0)
    assert (call["number"], call["state"], call["caller"], call["callee"]) == (1, "ended", "201", "202")
    assert (call["status"], call["duration_s"]) == (200, 57)
    (leg,) = call["legs"]
    assert (leg["target"], leg["state"], leg["status"]) == ("sip:202@192.168.1.12", "answered", 200)
    assert (leg["line"], leg["direction"], leg["number"], leg["address"]) == (
        "office", "outgoing", "202", "192.168.1.12:5060")
    assert (call["result"], call["ended_by"], call["trunk"]) == ("answered", "caller", "")
    assert call["started_at"] < call["answered_at"] < call["ended_at"]


@pytest.mark.parametrize(("name", "status", "legs"), [
    ("rfc3665/3_9_busy", 486, [("refused", 486)]), ("rfc3665/3_8_no_answer_as_proxy_2", 487, [("cancelled", 487)]),
    ("rfc3665/3_10_no_response", 408, None), ("rfc3261/16_7_one_phone_answers", 200,
                                              [("cancelled", 487), ("answered", 200)]),
    ("rfc3261/16_7_declined_everywhere", 603, [("cancelled", 487), ("refused", 603)])])
def test_how_a_call_went_is_told_leg_by_leg(name: str, status: int, legs: list[tuple[str, int]] | None):
    console = Console(name)
    (call,) = console.ask("show calls all", now=1200.0)
    assert (call["state"], call["status"]) == ("ended", status)
    if legs is not None:
        assert [(leg["state"], leg["status"]) for leg in call["legs"]] == legs
    statistics = console.ask("show statistics", now=1200.0)
    expected = {} if status == 200 else {str(status): 1}
    assert statistics["calls"]["failed_by_status"] == expected
    assert statistics["transactions_open"] == 0


def test_the_ladder_names_the_phones_by_their_extensions():
    shown = Console("chapter/figure_3_through_the_server").ask("show call 1 ladder")
    assert [lane["name"] for lane in shown["participants"]] == ["201", "server", "202"]
    assert [message["label"] for message in shown["messages"]] == [
        "INVITE", "100 Trying", "INVITE", "180 Ringing", "180 Ringing", "200 OK", "200 OK", "ACK", "ACK", "BYE", "BYE",
        "200 OK", "200 OK"]


def test_statistics_add_up():
    statistics = Console("chapter/figure_3_through_the_server").ask("show statistics", now=1100.0)
    assert statistics["uptime_s"] == 100
    assert statistics["messages_received"]["by_method"] == {"REGISTER": 2, "ACK": 1, "BYE": 1, "INVITE": 1}
    assert statistics["messages_sent"]["by_class"] == {"1xx": 2, "2xx": 4}
    assert (statistics["calls"]["total"], statistics["calls"]["answered"], statistics["calls"]["active"]) == (1, 1, 0)
    assert statistics["bindings"] == 2
    assert statistics["counters"]["datagrams_received"] == 7
    stray = Console("chapter/figure_4").ask("show statistics")
    assert stray["discarded_by_reason"] == {"stray_response": 1}
