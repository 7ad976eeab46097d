# SPDX-License-Identifier: Apache-2.0
"""Editing the operator's file: the right line changes, everything else stays as it was written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.config.difference import list_differences
from appliance.config.reading import read_tree
from appliance.config.text import VERSION_LINE
from appliance.config.text_editing import EditedText
from tests.config.office import WHOLE
from tests.config.test_difference import LINES, said
from tests.work import assert_in_proportion

FILE = """\
# denwaban-config 1
# Our office. Ask Hanako before you touch this.
set system domain office.test   # our name
set sip role proxy

# Reception is downstairs
  set extension 1001 name "Front # desk"   # since May
set extension 1001 secret alpha-1001

set extension 1002 secret bravo-1002
# the end
"""
ODD_LINES = st.sampled_from(["", "# a remark", "   # indented", 'set "', "nonsense"])
TEXTS = st.lists(st.one_of(LINES, ODD_LINES), max_size=25)


def edit(text, *lines):
    findings = []
    edited = EditedText(text)
    edited.apply(lines, findings)
    return edited.text(), findings


def test_a_text_that_is_not_edited_stays_octet_for_octet():
    assert edit(FILE)[0] == FILE
    assert edit(WHOLE)[0] == WHOLE


def test_a_changed_value_keeps_its_place_its_indentation_and_its_comment():
    text, findings = edit(FILE, 'set extension 1001 name "Back door"', "set system domain new.test")
    assert findings == []
    assert text == FILE.replace('"Front # desk"', '"Back door"').replace("office.test", "new.test")


def test_a_new_leaf_stands_with_its_object_and_a_new_object_behind_the_last():
    text, findings = edit(FILE, "set extension 1001 username desk", "set extension 1003 secret charlie-1003",
                          "set extension 1002 name Office")
    assert findings == []
    assert text == FILE.replace(
        "secret alpha-1001\n", "secret alpha-1001\nset extension 1001 username desk\n").replace(
        "set extension 1002", "set extension 1002 name Office\nset extension 1002").replace(
        "secret bravo-1002\n", "secret bravo-1002\nset extension 1003 secret charlie-1003\n")


def test_a_new_section_stands_behind_the_one_that_is_printed_before_it():
    text, _ = edit(FILE, "set media ports 30000-30999")
    assert text == FILE.replace("set sip role proxy\n", "set sip role proxy\n\nset media ports 30000-30999\n")


def test_what_is_deleted_goes_and_remarks_above_it_stay():
    text, findings = edit(FILE, "delete extension 1001", "delete sip role")
    assert findings == []
    assert "1001" not in text
    assert "sip role" not in text
    assert "# Reception is downstairs\n" in text


def test_lists_take_and_lose_single_values():
    text, _ = edit(VERSION_LINE, "set sip digest algorithm md5", "set sip digest algorithm sha-256",
                   "set sip digest algorithm md5")
    assert [one for one in text.splitlines() if "digest" in one] == [
        "set sip digest algorithm md5", "set sip digest algorithm sha-256"]
    text, _ = edit(text, "delete sip digest algorithm md5")
    assert [one for one in text.splitlines() if "digest" in one] == ["set sip digest algorithm sha-256"]


def test_what_is_wrong_is_a_finding_and_changes_nothing():
    text, findings = edit(FILE, "set extension 1001 nmae x", "set sip role king", "delete extension 7", "hello",
                          'set "', "set extension 1001 secret", "", "# only a remark", "set system domain a\x07b")
    assert text == FILE
    assert [one.line for one in findings] == [1, 2, 3, 4, 5, 6, 9]
    assert all(one.is_error() and one.remedy for one in findings)


def test_windows_line_ends_are_kept():
    text, _ = edit(FILE.replace("\n", "\r\n"), "set sip role b2bua", "set extension 1003 secret charlie-1003")
    assert text.count("\r\n") == text.count("\n")
    assert read_tree(text, []).names("extension").keys() == {"1001", "1002", "1003"}


@pytest.mark.parametrize("text", ["", "\ufeff", "set sip role proxy"])
def test_the_smallest_texts_can_be_edited(text):
    edited, findings = edit(text, "set sip role b2bua")
    assert findings == []
    assert said(read_tree(edited, [])) == {("sip role", ""): ["b2bua"]}


@given(TEXTS, st.lists(LINES, max_size=25))
def test_the_difference_applied_to_the_text_says_the_new_tree(old_lines, new_lines):
    old = "\n".join([VERSION_LINE, *old_lines]) + "\n"
    old_tree, new_tree = read_tree(old, []), read_tree("\n".join([VERSION_LINE, *new_lines]), [])
    text, findings = edit(old, *list_differences(old_tree, new_tree))
    assert findings == []
    assert said(read_tree(text, [])) == said(new_tree)


@given(TEXTS, st.lists(LINES, max_size=25))
def test_remarks_and_untouched_lines_survive_in_their_order(old_lines, new_lines):
    old = "\n".join([VERSION_LINE, *old_lines]) + "\n"
    old_tree, new_tree = read_tree(old, []), read_tree("\n".join([VERSION_LINE, *new_lines]), [])
    changes = list_differences(old_tree, new_tree)
    text, _ = edit(old, *changes)
    remarks = [line for line in old.split("\n") if "#" in line and not line.startswith("set")]
    assert [line for line in text.split("\n") if line in remarks] == remarks
    if not changes:
        assert text == old


def test_pasting_and_deleting_extensions_takes_work_in_proportion_to_them():
    def prepare(count):
        numbers = range(1000, 1000 + count)
        lines = [line for number in numbers for line in (
            f'set extension {number} name "Person {number}"', f"set extension {number} secret word-{number}")]

        def act():
            text, findings = edit(FILE, *lines)
            text, more = edit(text, *[f"delete extension {number}" for number in numbers])
            assert findings + more == []
            assert f" {numbers[-1]} " not in text
        return act
    assert_in_proportion(prepare, 100)


def test_an_object_is_deleted_by_what_its_lines_say_now():
    text, findings = edit(FILE + "set emergency 110\n", "set emergency none", "set extension 1001 secret new-1001",
                          "delete emergency", "delete extension 1001")
    assert findings == []
    assert "emergency" not in text
    assert "1001" not in text
