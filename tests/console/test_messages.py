# SPDX-License-Identifier: Apache-2.0
"""Both languages are whole: every sentence has its Japanese, with the same places in it, and fits the terminal."""

import re

import pytest

from appliance.console.commands import COMMANDS
from appliance.console.configure.verbs import render_verbs
from appliance.console.messages.catalog import JAPANESE, choose_language, load_sentences, say, select_language
from appliance.console.operate.show_help import stream
from appliance.console.output import Output, may_show_unicode
from appliance.console.table import WIDTH, measure, render_definitions, render_table, wrap_cells
from tests.console.said import list_literals, list_schema_sentences, list_sentences


@pytest.fixture
def japanese():
    select_language(JAPANESE)
    yield
    select_language("en")


def test_every_sentence_has_its_japanese_and_nothing_is_left_over():
    said, translated = {*list_sentences(), *list_schema_sentences()}, load_sentences(JAPANESE)
    assert [text for text in said if text not in translated] == []
    assert [text for text in translated if text not in said] == []
    assert len([*list_literals()]) > 100


@pytest.mark.parametrize("sentence", list_sentences())
def test_the_same_is_filled_in_and_what_is_typed_stays(sentence: str):
    translated = load_sentences(JAPANESE)[sentence]
    assert sorted(re.findall(r"\{\w+\}", sentence)) == sorted(re.findall(r"\{\w+\}", translated))
    assert re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", translated)
    assert translated.count("\n") == sentence.count("\n")
    assert sentence[:1].isspace() == translated[:1].isspace()


def test_lists_fit_the_terminal_in_japanese(japanese):
    text = "".join(stream(lambda _words: None, [])) + render_verbs()
    assert "登録中の電話機" in text
    assert [line for line in text.splitlines() if measure(line) > WIDTH] == []
    assert all(say(command.help) != command.help for command in COMMANDS if command.help)


def test_the_language_is_asked_for_else_the_locale_says():
    assert choose_language("ja", {"LANG": "en_US.UTF-8"}) == "ja"
    assert choose_language("", {"LANG": "ja_JP.UTF-8"}) == "ja"
    assert choose_language("", {"LC_ALL": "C", "LANG": "ja_JP.UTF-8"}) == ""
    assert choose_language("", {}) == ""
    assert choose_language("en", {"LANG": "ja_JP.UTF-8"}) == "en"


def test_a_terminal_without_unicode_is_spared_it(capsys):
    assert not may_show_unicode({"LANG": "C"}, "utf-8")
    assert not may_show_unicode({"LC_ALL": "POSIX", "LANG": "ja_JP.UTF-8"}, "utf-8")
    assert may_show_unicode({"LANG": "C.utf8"}, "utf-8")
    assert may_show_unicode({}, "utf-8")
    Output(may_show_all=False).write("a long na… 山\n")
    Output(may_show_all=True).write("山\ud800\n")
    assert capsys.readouterr().out == "a long na~ ?\n山?\n"


def test_wide_characters_take_two_cells_in_every_table():
    text = render_table(("name", "n"), [("山田太郎", 1), ("Smith", 22)])
    assert [measure(line) for line in text.splitlines()] == [12, 12, 12]
    assert wrap_cells("一二三四五 abc", 6) == ["一二三", "四五", "abc"]
    assert wrap_cells("one two three", 7) == ["one two", "three"]
    assert wrap_cells("", 7) == [""]
    assert render_definitions([("語", "説明")]) == "語  説明\n"
