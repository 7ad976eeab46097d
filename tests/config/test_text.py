# SPDX-License-Identifier: Apache-2.0
"""Lines and words: what is divided, what is refused, and that printing is the inverse of reading."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.config.text import (
    LINE_CHARACTERS,
    VERSION_LINE,
    LineRefused,
    quote_word,
    read_words,
    split_tokens,
    split_words,
)

PRINTABLE = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Cn")), max_size=30)


def read(text):
    findings = []
    return [(line, words) for line, words in read_words(text, findings)], findings


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("   \t ", []),
        ("# only a comment", []),
        ("set a b", ["set", "a", "b"]),
        ("  set\ta   b  ", ["set", "a", "b"]),
        ("set a b # c d", ["set", "a", "b"]),
        ("set a b#c", ["set", "a", "b"]),
        ('set a "b c"', ["set", "a", "b c"]),
        ('set a "b # c" # d "e', ["set", "a", "b # c"]),
        ('set a ""', ["set", "a", ""]),
        ('set a "b"#c', ["set", "a", "b"]),
        (r'set a "say \"hi\""', ["set", "a", 'say "hi"']),
        (r'set a "one \\ two"', ["set", "a", r"one \ two"]),
        (r'set a "one \n two"', ["set", "a", r"one \n two"]),
        (r"set a one\two", ["set", "a", r"one\two"]),
        ("set a 受付　一番", ["set", "a", "受付", "一番"]),
    ],
)
def test_a_line_is_divided_into_words(line, words):
    assert split_words(line) == words


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ('set a "b', "not closed"),
        ('set a "', "not closed"),
        ('set a "b\\"', "not closed"),
        ('set a b"c d"', "inside a word"),
        ('set a "b"c', "inside a word"),
        ('set a "b""c"', "inside a word"),
    ],
)
def test_a_quotation_mark_out_of_place_is_refused_without_repeating_the_line(line, wrong):
    with pytest.raises(LineRefused) as caught:
        split_words(line)
    assert wrong in caught.value.wrong
    assert line not in caught.value.wrong + caught.value.remedy


@given(st.lists(PRINTABLE, max_size=6))
def test_printed_words_are_read_as_the_same_words(words):
    assert split_words(" ".join(quote_word(word) for word in words)) == words


@given(st.text(max_size=80))
def test_any_line_gives_words_or_is_refused(line):
    try:
        words = split_words(line)
    except LineRefused:
        return
    assert all(isinstance(word, str) for word in words)


@given(st.lists(st.sampled_from(["set", " ", '"', "\\", "#", "a", "\t", "\u3000"]), max_size=12).map("".join))
def test_the_quick_way_gives_what_the_slow_way_gives(line):
    def outcome(split):
        try:
            return split(line)
        except LineRefused as refused:
            return refused.wrong

    assert outcome(split_words) == outcome(split_tokens)


@given(st.binary(max_size=200))
def test_any_octets_give_lines_in_order_and_findings(octets):
    lines, findings = read(octets)
    numbers = [number for number, _ in lines]
    assert numbers == sorted(set(numbers))
    assert all(1 <= finding.line <= octets.count(b"\n") + 1 for finding in findings)


def test_lines_are_counted_from_one_and_empty_ones_count():
    assert read(f"{VERSION_LINE}\n\nset a\n# x\nset b") == ([(3, ["set", "a"]), (5, ["set", "b"])], [])


def test_carriage_returns_and_a_byte_order_mark_are_no_part_of_the_text():
    assert read(b"\xef\xbb\xbf# denwaban-config 1\r\nset a b\r\n") == ([(2, ["set", "a", "b"])], [])
    assert read("\ufeff# denwaban-config 1\nset a b") == ([(2, ["set", "a", "b"])], [])


def test_a_line_that_is_not_utf_8_is_an_error_with_its_line_and_the_others_are_read():
    lines, findings = read(b"# denwaban-config 1\nset a \xff\nset b\n\x80\n")
    assert lines == [(3, ["set", "b"])]
    assert [(one.id, one.line, one.is_error()) for one in findings] == [("not-utf-8", 2, True), ("not-utf-8", 4, True)]


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x7f", "\x9b", "\u2028", "\ud800", "\r"])
def test_an_unprintable_character_is_an_error_even_in_quotes_and_comments(character):
    for line in (f'set a "b{character}c"', f"set a b # {character} c"):
        lines, findings = read(f"{VERSION_LINE}\n{line}\n")
        assert lines == []
        assert [(one.id, one.line) for one in findings] == [("unreadable", 2)]


def test_a_line_beyond_the_limit_is_an_error_and_one_at_the_limit_is_not():
    longest = "set a ".ljust(LINE_CHARACTERS, "b")
    lines, findings = read(f"{VERSION_LINE}\n{longest}\n{longest}b")
    assert [number for number, _ in lines] == [2]
    assert [(one.id, one.line) for one in findings] == [("unreadable", 3)]
    assert len(findings[0].sentence) < 100


@pytest.mark.parametrize("first", ["", "set a b", "# denwaban-config", "# hello"])
def test_a_missing_version_is_a_warning(first):
    findings = read(first)[1]
    assert [(one.id, one.line, one.is_error()) for one in findings] == [("no-version", 1, False)]


def test_an_unknown_version_is_an_error():
    assert [(one.id, one.is_error()) for one in read("# denwaban-config 2\n")[1]] == [("unknown-version", True)]


@pytest.mark.parametrize(
    ("line", "is_warned"),
    [
        ("set a ab#cd", True),
        ('set a "ab"#cd', True),
        ("set a ab #cd", False),
        ('set a "ab#cd"', False),
        ('set a "a" # say "b#c"', False),
        ("#comment#comment", False),
    ],
)
def test_a_comment_that_begins_inside_a_word_is_warned_of(line, is_warned):
    findings = read(f"{VERSION_LINE}\n{line}")[1]
    assert [one.id for one in findings] == (["comment-in-word"] if is_warned else [])
    assert not any(one.is_error() for one in findings)
