# SPDX-License-Identifier: Apache-2.0
"""Tables on a terminal."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.console.table import WIDTH, measure, render_duration, render_pairs, render_table, shorten, wrap_prose


def test_columns_are_aligned_and_numbers_stand_right():
    assert render_table(("call", "state"), [(7, "answered"), (123, "ended")]) == (
        "call  state\n   7  answered\n 123  ended\n")


def test_japanese_names_keep_the_columns_straight():
    lines = render_table(("name", "x"), [("受付", "1"), ("desk", "2")]).splitlines()
    assert lines == ["name  x", "受付  1", "desk  2"]


def test_the_widest_column_gives_way():
    line = render_table(("a", "b"), [("x" * 100, "short")]).splitlines()[1]
    assert measure(line) == WIDTH
    assert line.endswith("…  short")


def test_a_phone_cannot_move_the_cursor():
    assert "\x1b" not in render_table(("agent",), [("\x1b[2J\nevil",)])
    assert render_pairs([("agent", "a\rb")]) == "agent  a?b\n"


@given(st.lists(st.tuples(st.text(), st.text(), st.integers(0, 99999)), max_size=8))
def test_no_line_is_wider_than_the_terminal(rows: list[tuple[str, str, int]]):
    for line in render_table(("one", "two", "three"), rows).split("\n"):
        assert measure(line) <= WIDTH


@given(st.text(), st.integers(1, 30))
def test_shortened_text_fits(text: str, cells: int):
    assert measure(shorten(text, cells)) <= cells


def test_durations_are_said_as_people_say_them():
    assert [render_duration(seconds) for seconds in (0, 59, 61, 3600, 86399, 90061)] == [
        "0:00", "0:59", "1:01", "1:00:00", "23:59:59", "1 d 01:01:01"]


def test_empty_values_are_left_out():
    assert render_pairs([("one", ""), ("two", 0), ("three", None)]) == "two  0\n"


def test_a_sentence_is_parted_between_words_and_goes_on_further_right():
    said = wrap_prose("  it is taken back at noon unless `confirm` is typed before\nshort", 40)
    assert said == "  it is taken back at noon unless\n    `confirm` is typed before\nshort"


def test_no_line_of_japanese_begins_with_its_full_stop():
    assert wrap_prose("ここは自動で元に戻ります。終わり", 24) == "ここは自動で元に戻りま\n  す。終わり"


@given(st.lists(st.text(st.characters(categories=["Ll", "Lu"], max_codepoint=127), min_size=1, max_size=30)),
       st.integers(32, 100))
def test_parted_sentences_keep_every_word_whole(words: list[str], width: int):
    said = wrap_prose(" ".join(words), width)
    assert said.split() == words
    assert all(measure(line) <= width for line in said.split("\n"))


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])), st.integers(1, 100))
def test_parting_loses_nothing_but_blanks(text: str, width: int):
    said = wrap_prose(text, width)
    assert "".join(said.split()) == "".join(text.split())
    assert all(measure(line) <= max(width, 20) for line in said.split("\n"))
