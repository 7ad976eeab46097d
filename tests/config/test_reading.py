# SPDX-License-Identifier: Apache-2.0
"""From lines to leaves: unknown paths, wrong counts, repetitions, and that every fault of a file is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.config.reading import read_tree
from appliance.config.schema import LEAVES, find_leaf
from appliance.config.sections import extension, sip
from appliance.config.text import VERSION_LINE


def read(*lines):
    findings = []
    tree = read_tree("\n".join([VERSION_LINE, *lines]), findings)
    return tree, findings


def only_finding(*lines):
    findings = read(*lines)[1]
    assert len(findings) == 1, findings
    return findings[0]


@pytest.mark.parametrize(
    ("line", "rendered"),
    [
        (
            "set sip lisener office port 5060",
            'F:2: sip: unknown word "lisener", did you mean "listener"; '
            "one of digest, domain, listener, record-route, registrar, role, tls",
        ),
        (
            "set listener office port 5060",
            'F:2: line: unknown word "listener", did you mean "sip listener"; '
            "one of emergency, extension, handset, media, message, network, route, sip, system, trunk",
        ),
        (
            "set extension 1001 secert alpha",
            'F:2: extension 1001: unknown word, did you mean "secret"; '
            "one of allow, digest, name, role, secret, username",
        ),
        ("set sip listener office port 70000", 'F:2: sip listener office port: "70000" is not a port; 1 to 65535'),
        ("set sip role prxy", 'F:2: sip role: "prxy" is not known here; b2bua or proxy or redirect'),
        ("set sip registrar min-expires 0", "F:2: sip registrar min-expires: 0 is out of range; 1 to 86400 seconds"),
        (
            "set sip",
            "F:2: sip: the path ends too early; one of digest, domain, listener, record-route, registrar, role, tls",
        ),
        (
            "set",
            "F:2: line: the path ends too early; "
            "one of emergency, extension, handset, media, message, network, route, sip, system, trunk",
        ),
        ("set extension", "F:2: extension: the path ends too early; a name"),
        ("set sip role", "F:2: sip role: the value is missing; b2bua or proxy or redirect"),
        (
            "set extension 1001 name Front Desk",
            "F:2: extension 1001 name: 2 words where 1 must stand; "
            "1 to 64 printable characters, in quotes if there are blanks",
        ),
        ("delete sip role", 'F:2: line: "delete" does not begin a line; set PATH VALUE'),
        (
            "set extension a/b secret x",
            'F:2: extension: "a/b" is not a name; a name: 1 to 32 of letters, digits, ".", "_", "-"',
        ),
        (
            "set trunk t did 0501 1001",
            "F:2: trunk t did: 2 words where 3 must stand; NUMBER to EXTENSION, such as 05011112222 to 1001",
        ),
        (
            "set sip listener a trusted 10.0.0.1/8",
            "F:2: sip listener a trusted: 10.0.0.1/8 has bits set behind its prefix; "
            "10.0.0.0/8 for the network, or the address alone",
        ),
    ],
)
def test_a_fault_is_told_with_file_line_path_and_what_is_allowed(line, rendered):
    assert only_finding(line).render("F") == rendered


def test_a_single_leaf_said_twice_is_an_error_that_names_both_lines():
    finding = only_finding("set sip role proxy", "", "set sip role proxy")
    assert finding.is_error()
    assert finding.line == 4
    assert "lines 2 and 4" in finding.sentence


def test_a_list_keeps_its_order_and_warns_of_the_same_value():
    tree, findings = read(*(f"set sip digest algorithm {one}" for one in ("sha-256", "md5", "sha-256")))
    assert tree.values(sip.DIGEST_ALGORITHM) == ("sha-256", "md5")
    assert [(one.id, one.line, one.is_error()) for one in findings] == [("added-twice", 4, False)]


def test_nothing_that_was_said_of_a_secret_is_in_any_message():
    lines = [
        "set extension 1001 secret hush1 hush2",
        'set extension 1001 secret "hush3',
        'set extension 1001 secret hush4"',
        "set extension 1002 secret hush5",
        "set extension 1002 secret hush6",
        "set extension 1001 secert hush7",
        "set extension 1001 hush9",
        "set trunk t secret hush8" + "x" * 200,
    ]
    findings = read(*lines)[1]
    assert len(findings) == 7
    assert not any("hush" in one.render("F") for one in findings)


def test_every_one_of_a_thousand_errors_is_told():
    findings = read(*(f"set sip role wrong{number}" for number in range(1000)))[1]
    assert [one.line for one in findings] == list(range(2, 1002))


def test_a_list_of_ten_thousand_values_is_read_in_linear_time():
    tree, findings = read(*(f"set sip listener a trusted 10.0.{n // 256}.{n % 256}" for n in range(10000)))
    assert findings == []
    assert len(tree.values(sip.TRUSTED, "a")) == 10000


def test_what_was_refused_counts_as_said():
    tree = read("set extension 1001 secret " + "x" * 200)[0]
    assert tree.has_said(extension.SECRET_WORD, "1001")
    assert tree.value(extension.SECRET_WORD, "1001") is None


@given(
    st.lists(
        st.lists(
            st.sampled_from(
                [
                    "set",
                    "sip",
                    "listener",
                    "a",
                    "port",
                    "5060",
                    "extension",
                    "1001",
                    "secret",
                    "did",
                    "to",
                    "trunk",
                    '"x y"',
                    "#",
                    "",
                ]
            ),
            max_size=8,
        ).map(" ".join),
        max_size=8,
    )
)
def test_any_words_give_a_tree_and_findings_in_order(lines):
    findings = read(*lines)[1]
    assert [one.line for one in findings] == sorted(one.line for one in findings)


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.path)
def test_every_path_of_the_schema_leads_to_its_leaf(leaf):
    words = leaf.path_for("name-1").split()
    assert find_leaf([*words, "value"]) == (leaf, len(words))
    assert find_leaf(words[:-1]) is None or leaf.path == "emergency"
