# SPDX-License-Identifier: Apache-2.0
"""Two operators at once: both get what they wanted, or are told what stands against it."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.config.difference import list_differences
from appliance.config.merging import Conflict, list_conflicts, merge_text
from appliance.config.reading import read_tree
from appliance.config.text import VERSION_LINE
from tests.config.test_difference import LINES, said

BASE = ("set sip role proxy", "set extension 1001 secret alpha-1001", "set extension 1001 name Desk",
        "set extension 1002 secret bravo-1002", "set route out trunk a", "set route out trunk b")
TEXTS = st.lists(LINES, max_size=20).map(lambda lines: "\n".join([VERSION_LINE, *lines]) + "\n")


def write(*lines):
    return "\n".join([VERSION_LINE, *lines]) + "\n"


def merge(base, theirs, mine):
    trees = [read_tree(text, []) for text in (base, theirs, mine)]
    conflicts = list(list_conflicts(*trees))
    return conflicts, merge_text(theirs, list_differences(trees[0], trees[2]))


def changed(*changes):
    """The base with lines replaced, taken away (None) or added ("")."""
    lines = list(BASE)
    for old, new in changes:
        if old and new:
            lines[lines.index(old)] = new
        elif old:
            lines.remove(old)
        else:
            lines.append(new)
    return write(*lines)


def test_changes_at_different_places_go_together():
    theirs = changed(("set sip role proxy", "set sip role b2bua"), ("", "set extension 1003 secret charlie-1003"))
    mine = changed(("set extension 1001 name Desk", "set extension 1001 name Door"), ("", "set emergency none"))
    conflicts, text = merge(write(*BASE), theirs, mine)
    assert conflicts == []
    assert set(text.splitlines()) == {VERSION_LINE, *BASE, "set sip role b2bua", "set extension 1001 name Door", "",
                                      "set extension 1003 secret charlie-1003", "set emergency none"} - {
        "set sip role proxy", "set extension 1001 name Desk"}


def test_the_same_leaf_changed_by_both_is_named_with_both_values():
    theirs = changed(("set sip role proxy", "set sip role b2bua"))
    mine = changed(("set sip role proxy", "set sip role redirect"))
    assert merge(write(*BASE), theirs, mine)[0] == [Conflict("sip role", "redirect", "b2bua")]
    assert merge(write(*BASE), mine, mine)[0] == []


def test_a_secret_in_conflict_is_not_told():
    old = "set extension 1001 secret alpha-1001"
    conflicts, _ = merge(write(*BASE), changed((old, "set extension 1001 secret hidden-one")),
                         changed((old, "set extension 1001 secret hidden-two")))
    assert conflicts == [Conflict("extension 1001 secret", "changed", "changed")]


def test_who_deletes_what_another_changes_is_in_conflict_with_him():
    changing = changed(("set extension 1001 name Desk", "set extension 1001 name Door"))
    adding = changed(("", "set extension 1001 username desk"))
    deleting = write(*[line for line in BASE if "1001" not in line])
    for other in (changing, adding):
        assert merge(write(*BASE), other, deleting)[0] == [Conflict("extension 1001", "", "changed")]
        assert merge(write(*BASE), deleting, other)[0] == [Conflict("extension 1001", "changed", "")]
    assert merge(write(*BASE), deleting, deleting)[0] == []


def test_a_list_takes_the_additions_and_deletions_of_both():
    theirs = changed(("", "set route out trunk c"))
    mine = changed(("set route out trunk a", None), ("", "set route out trunk d"))
    conflicts, text = merge(write(*BASE), theirs, mine)
    assert conflicts == []
    assert said(read_tree(text, []))[("route <route> trunk", "out")] == ["b", "c", "d"]


def test_a_list_that_one_puts_in_another_order_is_not_merged():
    theirs = changed(("", "set route out trunk c"))
    mine = write(*BASE[:4], "set route out trunk b", "set route out trunk a")
    assert [one.path for one in merge(write(*BASE), theirs, mine)[0]] == ["route out trunk"]


@given(TEXTS, TEXTS)
def test_whom_nobody_disturbs_gets_exactly_what_he_wanted(base, mine):
    conflicts, text = merge(base, base, mine)
    assert conflicts == []
    assert said(read_tree(text, [])) == said(read_tree(mine, []))
    conflicts, text = merge(base, mine, base)
    assert conflicts == []
    assert text == mine


@given(TEXTS, TEXTS, TEXTS)
def test_without_conflict_every_leaf_is_what_its_changer_wanted(base, theirs, mine):
    conflicts, text = merge(base, theirs, mine)
    if conflicts:
        return
    before, other, own, result = (said(read_tree(one, [])) for one in (base, theirs, mine, text))
    for key in {*before, *other, *own}:
        values = [one.get(key, []) for one in (before, other, own, result)]
        if values[0] == values[1]:
            assert values[3] == values[2]
        elif values[0] == values[2]:
            assert values[3] == values[1]
        else:
            assert set(values[3]) == (set(values[1]) - (set(values[0]) - set(values[2]))) | (
                set(values[2]) - set(values[0]))
