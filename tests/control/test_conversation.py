# SPDX-License-Identifier: Apache-2.0
"""The protocol of the control socket: lines in, lines out."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.control.conversation import ROWS_A_PIECE
from appliance.control.observed import RecordQuestion
from tests.control.answering import answer_line
from tests.control.sample_office import SampleOffice, make_registration


def ask(line: bytes, office: SampleOffice | None = None) -> dict:
    answer = b"".join(answer_line(line, office or SampleOffice(), now=100.0))
    assert answer.endswith(b"\n")
    assert answer.count(b"\n") == 1
    return json.loads(answer)


def command(*words: str) -> bytes:
    return json.dumps({"id": 7, "command": words}).encode()


def test_an_answer_carries_the_id_of_its_question():
    assert ask(command("show", "version"))["id"] == 7
    assert ask(b'{"id": "x", "command": ["show", "nothing"]}')["id"] == "x"


def test_registrations_are_listed_with_every_field():
    rows = ask(command("show", "registrations"))["result"]
    assert [row["extension"] for row in rows] == ["201", "202"]
    assert rows[1]["expires_s"] == 59


@pytest.mark.parametrize("count", [0, 1, ROWS_A_PIECE - 1, ROWS_A_PIECE, ROWS_A_PIECE + 1, 3 * ROWS_A_PIECE])
def test_a_long_list_in_pieces_is_one_json_line(count: int):
    office = SampleOffice()
    office.registered = [make_registration(str(number)) for number in range(count)]
    pieces = list(answer_line(command("show", "registrations"), office, 0.0))
    assert len(pieces) == 2 + -(-count // ROWS_A_PIECE)
    assert [row["extension"] for row in json.loads(b"".join(pieces))["result"]] == [str(n) for n in range(count)]


def test_ended_calls_are_listed_only_when_asked_for():
    assert [call["number"] for call in ask(command("show", "calls"))["result"]] == [2]
    assert [call["number"] for call in ask(command("show", "calls", "all"))["result"]] == [1, 2]


def test_one_call_and_its_ladder():
    assert ask(command("show", "call", "1"))["result"]["status"] == 486
    assert ask(command("show", "call", "2", "ladder"))["result"]["messages"][0]["label"] == "INVITE"


@pytest.mark.parametrize("words", [
    ("show", "call", "99"), ("show", "call", "99", "ladder"), ("show", "call"), ("show", "call", "two"),
    ("show", "call", "9" * 5000), ("show", "call", "²"), ("show", "calls", "some"), ("show", "registrations", "x"),
    ("show",), ("show", "everything"), ("delete", "calls"), ()])
def test_what_cannot_be_answered_says_what_is_allowed(words: tuple[str, ...]):
    answer = ask(command(*words))
    assert answer["ok"] is False
    assert answer["error"]["allowed"]


@pytest.mark.parametrize("line", [
    b"", b"show calls", b"[]", b"7", b"null", b'{"id": 1}', b'{"command": "show calls"}', b'{"command": [1]}',
    b'{"command": ["show", "calls"], "id": []}', b'{"id": 1, "command": ["show", "calls"]', b"\xff\xfe", b"[" * 10_000,
    b'{"command": %s}' % json.dumps(["show"] * 100).encode()])
def test_a_malformed_request_is_answered_with_an_error(line: bytes):
    answer = ask(line)
    assert answer["ok"] is False
    assert answer["error"]["allowed"]


@given(st.binary(max_size=200))
def test_any_octets_get_one_answer(line: bytes):
    assert ask(line)["ok"] in (True, False)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8))
def test_any_json_gets_one_answer(value: object):
    ask(json.dumps(value).encode())
    ask(json.dumps({"id": value, "command": ["show", "version"]}).encode())


@pytest.mark.parametrize(("words", "question"), [
    ("", RecordQuestion(20)), ("50", RecordQuestion(50)), ("99999", RecordQuestion(10_000)),
    ("5 after 17", RecordQuestion(5, 17)), ("after 0", RecordQuestion(20, 0)),
    ("number 201", RecordQuestion(20, None, "201")), ("since 2h number +8150", RecordQuestion(20, None, "+8150", "2h")),
    ("7 since 14:30", RecordQuestion(7, None, "", "14:30"))])
def test_which_records_are_asked_for(words: str, question: RecordQuestion):
    office = SampleOffice()
    assert ask(command("show", "records", *words.split()), office)["ok"]
    assert office.questions == [question]


@pytest.mark.parametrize("words", ["number", "since", "after x", "201 202", "limit 5", "number 201 since"])
def test_a_question_about_records_that_means_nothing_is_refused(words: str):
    answer = ask(command("show", "records", *words.split()))
    assert (answer["ok"], answer["error"]["path"]) == (False, "show records")


def test_what_is_wrong_with_a_question_is_said_before_any_row():
    answer = ask(command("show", "records", "since", "never"))
    assert (answer["ok"], answer["error"]["said"]) == (False, "never")


def test_a_list_that_breaks_off_says_so_behind_its_rows():
    answer = ask(command("show", "records", "1000", "number", "broken"))
    assert answer["ok"]
    assert len(answer["result"]) <= 150
    assert answer["error"]["path"] == "records"


def test_calls_are_explained():
    assert ask(command("explain", "call", "1"))["result"]["cause"] == "busy"
    assert ask(command("explain", "call", "9"))["error"]["said"] == "9 is no call that is known"
    assert ask(command("explain", "call", "x"))["error"]["path"] == "explain call"
    assert ask(command("explain", "call", "1", "now"))["error"]["allowed"] == "nothing more"
    assert ask(command("explain"))["error"]["path"] == "command"


@pytest.mark.parametrize("word", ["/etc/\0", "\ud800", "\x1b[2J", "two\nlines"])
def test_a_word_that_no_name_can_be_is_refused(word):
    """The kernel takes none of them for a path, and a terminal is not to be moved by an answer."""
    answer = ask(command("show", "call", word))
    assert (answer["ok"], answer["error"]["path"]) == (False, "command")
