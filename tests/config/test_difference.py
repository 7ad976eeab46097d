# SPDX-License-Identifier: Apache-2.0
"""Printing and differences: both are inverses of reading."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.config.difference import apply_differences, list_differences
from appliance.config.printing import print_tree
from appliance.config.reading import read_tree
from appliance.config.text import VERSION_LINE, quote_word
from tests.config.office import WHOLE

NAMES = st.sampled_from(["a", "b", "1001"])
LINES = st.one_of(
    st.builds("set sip listener {} transport {}".format, NAMES, st.sampled_from(["udp", "tcp", "tls"])),
    st.builds("set sip listener {} port {}".format, NAMES, st.integers(1, 65535)),
    st.builds("set sip digest algorithm {}".format, st.sampled_from(["md5", "sha-256"])),
    st.builds("set sip role {}".format, st.sampled_from(["proxy", "b2bua"])),
    st.builds("set trunk {} did {} to {}".format, NAMES, st.integers(0, 20), NAMES),
    st.builds("set route {} prefix {}".format, NAMES, st.sampled_from(['"#1"', "0", "*"])),
    st.just("set emergency none"),
    st.builds(
        lambda name, text: f"set extension {name} name {quote_word(text)}",
        NAMES,
        st.text(st.characters(categories=("L", "N", "P", "S"), include_characters=" "), min_size=1, max_size=20).filter(
            str.strip
        ),
    ),
    st.builds("set extension {} secret {}".format, NAMES, st.sampled_from(["alpha-1001", r"back\slash", '"a # b"'])),
)
TREES = st.lists(LINES, max_size=25).map(lambda lines: read_tree("\n".join([VERSION_LINE, *lines]), []))


def said(tree):
    return {(leaf.path, name): [one.text for one in sayings] for leaf, name, sayings in tree.walk()}


@given(TREES)
def test_a_printed_tree_is_read_as_the_same_tree(tree):
    findings = []
    text = print_tree(tree)
    again = read_tree(text, findings)
    assert findings == []
    assert said(again) == said(tree)
    assert print_tree(again) == text


@given(TREES, TREES)
def test_the_difference_leads_from_one_tree_to_the_other(old, new):
    lines = list_differences(old, new)
    findings = []
    assert said(apply_differences(old, lines, findings)) == said(new)
    assert findings == []
    assert bool(lines) == (said(old) != said(new))


def differences(old, new):
    return list_differences(*(read_tree("\n".join([VERSION_LINE, *lines]), []) for lines in (old, new)))


def test_a_name_that_goes_is_one_line_and_a_changed_leaf_another():
    old = ["set extension 1 name a", "set extension 1 secret b", "set sip role proxy"]
    assert differences(old, ["set sip role b2bua"]) == ["delete extension 1", "set sip role b2bua"]


def test_a_value_leaves_a_list_alone_and_a_new_order_is_said_whole():
    one, two = "set sip digest algorithm md5", "set sip digest algorithm sha-256"
    assert differences([one, two], [two]) == ["delete sip digest algorithm md5"]
    assert differences([one], [one, two]) == [two]
    assert differences([one, two], [two, one]) == ["delete sip digest algorithm", two, one]
    assert differences([one], []) == ["delete sip digest algorithm"]


def test_the_whole_language_survives_printing():
    findings = []
    tree = read_tree(WHOLE, findings)
    assert findings == []
    assert said(read_tree(print_tree(tree), findings)) == said(tree)
    assert findings == []
    assert len(print_tree(tree).splitlines()) == len(WHOLE.splitlines())


def test_hidden_secrets_are_not_printed_and_cannot_be_pasted_back():
    text = print_tree(read_tree(WHOLE, []), is_secret_shown=False)
    assert "alpha-1001" not in text
    assert "gw-secret" not in text
    findings = []
    read_tree(text, findings)
    assert [one.path for one in findings] == [
        "extension 1001 secret",
        "extension 1002 secret",
        "extension 1003 secret",
        "handset desk secret",
        "trunk carrier secret",
        "trunk carrier inbound-secret",
    ]


def test_changes_that_change_nothing_are_findings():
    findings = []
    tree = read_tree(f"{VERSION_LINE}\nset sip role proxy", [])
    changed = apply_differences(
        tree, ["", "delete sip listener a", "delete", "show x", 'set "', "set sip role b2bua"], findings
    )
    assert [one.line for one in findings] == [2, 3, 4, 5]
    assert said(changed) == {("sip role", ""): ["b2bua"]}
