# SPDX-License-Identifier: Apache-2.0
"""TAB and ?: what is typed for the operator, what is listed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.config.schema import LEAVES
from appliance.console.completion import (
    END,
    Choice,
    choose_matching,
    complete_line,
    find_common_beginning,
    list_choices,
    render_choices,
    split_typed,
)
from appliance.console.configure.paths import follow_schema
from appliance.console.table import measure
from appliance.errors import OperatorError
from tests.console.desk import Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()


def words(desk: Desk, before: str) -> list[str]:
    return [one.word for one in list_choices(before, desk.session.follow) if one is not END]


@pytest.mark.parametrize(("before", "insertion"), [
    ("sho", "w "), ("show reg", "istrations "), ("SHOW pres", "ence "), ("show r", "e"), ("show cal", "l"),
    ("mon", "itor "), ("test ro", "ute "), ("show calls | ma", "tch "), ("show calls | match x | cou", "nt ")])
def test_tab_completes_what_is_unique_and_what_is_common(desk: Desk, before: str, insertion: str):
    assert complete_line(before, desk.session.follow).insertion == insertion


def test_tab_lists_what_may_stand_there_when_nothing_can_be_added(desk: Desk):
    completion = complete_line("show call", desk.session.follow)
    assert completion.insertion == ""
    assert [one.word for one in completion.choices] == ["calls", "call"]


def test_live_objects_stand_below_their_place(desk: Desk):
    assert words(desk, "show call ") == ["<N>", "1", "2"]
    assert words(desk, "monitor sip number ")[:2] == ["<X>", "201"]
    assert words(desk, "show revision ") == ["<N>", "1"]
    desk.servers.network = {"show bans": [{"address": "203.0.113.9", "reason": "guessing"}]}
    assert words(desk, "clear ban ") == ["<ADDRESS>", "203.0.113.9"]


def test_a_silent_server_has_no_objects_and_holds_up_nobody(desk: Desk):
    desk.servers.silent = {"control.sock", "config.sock"}
    assert words(desk, "show call ") == ["<N>"]


def test_after_a_wrong_word_the_error_is_told(desk: Desk):
    with pytest.raises(OperatorError):
        list_choices("show nonsense ", desk.session.follow)


def test_paths_of_the_configuration_with_names_that_are_there(desk: Desk):
    desk.type("configure")
    assert "extension" in words(desk, "set ")
    assert words(desk, "set extension ") == ["<extension>", "201", "202"]
    assert words(desk, "set ext 201 ") == ["name", "secret", "username", "digest", "role", "allow"]
    assert words(desk, "set trunk carrier profile ") == ["generic", "jp-050", "hikari-direct"]
    assert words(desk, "set trunk carrier did 05011112222 ") == ["to"]
    assert words(desk, "set trunk carrier did 05011112222 to ") == ["201", "202"]
    assert words(desk, "set route outside trunk ") == ["<name>", "carrier"]
    assert complete_line("set sys dom", desk.session.follow).insertion == "ain "


def test_defaults_and_what_is_allowed_are_shown(desk: Desk):
    desk.type("configure")
    (place,) = list_choices("set sip listener office port ", desk.session.follow)
    assert place.help == "1 to 65535 [5060]"
    roles = {one.word: one.help for one in list_choices("set sip role ", desk.session.follow)}
    assert roles["b2bua"] == "default"
    assert "The digest password" in {one.word: one.help for one in
                                     list_choices("set extension 201 ", desk.session.follow)}["secret"]


def test_delete_and_show_follow_what_is_said_and_never_list_a_secret(desk: Desk):
    desk.type("configure")
    assert words(desk, "delete trunk carrier ") == ["registrar", "number", "did"]
    assert words(desk, "delete trunk carrier did ") == ["05011112222"]
    assert words(desk, "delete extension 201 secret ") == []
    assert words(desk, "show extension ") == ["201", "202"]
    desk.type("edit trunk")
    assert words(desk, "delete ") == ["carrier"]
    assert words(desk, "set carrier inb") == ["inbound-username", "inbound-secret", "inbound"]


def test_commit_and_run_have_theirs(desk: Desk):
    desk.type("configure")
    assert words(desk, "commit ") == ["check", "confirmed", "comment", "and-quit"]
    assert words(desk, "commit confirmed ") == ["<MINUTES>"]
    assert words(desk, "run show tr") == ["trunks"]
    assert words(desk, "exit ") == ["configuration-mode"]


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.path)
def test_every_leaf_is_found_word_by_word_with_help(desk: Desk, leaf):
    desk.type("configure")
    path = ["name-1" if word.startswith("<") else word for word in leaf.path.split()]
    for count, word in enumerate(leaf.path.split()):
        assert word in {one.word for one in list_choices(" ".join(["set", *path[:count], ""]), desk.session.follow)}
    assert list_choices(" ".join(["set", *path, ""]), desk.session.follow)


def is_answered_or_refused(desk: Desk, line: str) -> bool:
    try:
        complete_line(line, desk.session.follow)
    except OperatorError as error:
        return bool(error.path and error.allowed)
    return True


@given(st.text(max_size=60))
def test_whatever_is_typed_is_answered_or_refused(typed: str):
    desk = Desk()
    for line in (typed, f"show {typed}", f"show call | {typed}"):
        assert is_answered_or_refused(desk, line)


@given(st.text(max_size=60))
def test_whatever_is_typed_in_configuration_mode_is_answered_or_refused(typed: str):
    desk = Desk()
    desk.type("configure")
    for line in (typed, f"set {typed}", f"set extension {typed}", f"delete {typed}", f"edit {typed}"):
        assert is_answered_or_refused(desk, line)


@given(st.lists(st.text("abc", max_size=4), min_size=1))
def test_the_common_beginning_is_the_longest(choices: list[str]):
    common = find_common_beginning(choices)
    assert all(one.startswith(common) for one in choices)
    longer = {one[:len(common) + 1] for one in choices}
    assert len(longer) > 1 or longer == {common}


def test_quotes_keep_blanks_and_a_quoted_pipe_is_no_pipe():
    assert split_typed('set extension 201 name "Re ce') == (["set", "extension", "201", "name"], '"Re ce')
    assert split_typed("show calls ") == (["show", "calls"], "")
    assert choose_matching([Choice("Abc"), Choice("abd")], "A") == [Choice("Abc")]


def test_words_that_are_no_section_say_what_stands_below_them():
    assert all(one.help for line in ("sip", "network", "trunk line", "sip listener office", "network dhcp")
               for one in follow_schema(line.split(), []))
    assert Choice("registrar", "min-expires, max-expires") in follow_schema(["sip"], [])


def test_lists_fit_the_terminal():
    choices = [Choice("short", "x" * 200), Choice("w" * 60, "help"), Choice("内線", "説明" * 60),
               Choice("\x1b[2J", "\x07")]
    text = render_choices(choices, 80)
    assert all(measure(line) <= 80 for line in text.splitlines())
    assert "\x1b" not in text
    assert (text.count("x"), text.count("説"), text.count("明")) == (200, 60, 60)   # help wraps: it is there to be read
    assert render_choices([]) == "nothing is known that may stand here\n"
