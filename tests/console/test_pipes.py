# SPDX-License-Identifier: Apache-2.0
"""What stands behind a command."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.console.pipes import filter_text, read_pipes, split_lines, split_pipes
from appliance.errors import OperatorError
from tests.console.desk import Desk


def run(pipes: str, text: str = "one\ntwo\nthree\n") -> str:
    return "".join(filter_text([text], read_pipes(f"show x {pipes}").filters))


@pytest.mark.parametrize(("pipes", "text"), [
    ("| match t", "two\nthree\n"), ("| except t", "one\n"), ("| count", "3 lines\n"), ("| last 2", "two\nthree\n"),
    ("|m ^t|exc e$", "two\n"), ('| match "o|h"', "one\ntwo\nthree\n"), ("| match o | last 1", "two\n"),
    ("| last 0", ""),
    ("| no-more", "one\ntwo\nthree\n"), ("", "one\ntwo\nthree\n")])
def test_lines_pass_one_filter_after_the_other(pipes: str, text: str):
    assert run(pipes) == text


@pytest.mark.parametrize("pipes", ["|", "| nonsense", "| match", "| match (", "| last x", "| last 99999999",
                                   "| | count", "| match [", "| c x | o"])
def test_what_cannot_be_is_refused(pipes: str):
    with pytest.raises(OperatorError):
        read_pipes(f"show x {pipes}")


def test_a_bar_in_a_value_is_no_pipe():
    assert split_pipes("set extension 201 secret a|b") == ("set extension 201 secret a|b", [])
    assert split_pipes('show "a | b" | count') == ('show "a | b" ', [" count"])


def test_the_marks_behind_a_command():
    assert read_pipes("show | compare rollback 3").compare == ("rollback", "3")
    assert read_pipes("show | comp").compare == ()
    assert read_pipes("show calls | json").is_json
    assert read_pipes("show calls | no-more").is_whole


@given(st.text(), st.lists(st.integers(1, 9)))
def test_pieces_are_the_same_lines_however_they_were_cut(text: str, sizes: list[int]):
    pieces, rest = [], text
    for size in sizes:
        pieces, rest = [*pieces, rest[:size]], rest[size:]
    assert list(split_lines([*pieces, rest])) == list(split_lines([text]))
    assert "".join(split_lines([text])).rstrip("\n") == text.rstrip("\n") or text.endswith("\n")


def test_pipes_of_a_command_and_its_json():
    desk = Desk()
    assert json.loads(desk.type("show calls | json"))[0]["number"] == 2
    assert desk.type("show calls | except caller | count") == "1 lines\n"
    assert "configuration mode" in desk.type("show calls | compare", 2)
