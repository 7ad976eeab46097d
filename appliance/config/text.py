# SPDX-License-Identifier: Apache-2.0
"""Lines and words: from octets to numbered words, and from words back to text.

Words are separated by blanks; double quotes keep blanks, and inside them \\" and \\\\ stand for " and \\; a # outside
quotes starts a comment. Knows nothing of paths.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from appliance.config.finding import Finding, report_error, report_warning

VERSION_LINE = "# denwaban-config 1"
LINE_CHARACTERS = 8192

VERSION_FORM = re.compile(r"#\s*denwaban-config\s+(\S+)\s*")
QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
# Whatever is not blank is one of these; blanks are what a search passes over.
TOKEN = re.compile(rf'(?P<quoted>{QUOTED.pattern})|(?P<plain>[^\s"#]+)|(?P<comment>#)|(?P<stray>")')
NEEDS_QUOTES = re.compile(r'[\s"#]')
ESCAPE = re.compile(r'\\(["\\])')
# Control characters would change what a terminal shows of the file. A tab is a blank.
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


class NumberedWords(NamedTuple):
    """One line that says something. line: counted from 1."""

    line: int
    words: list[str]


class LineRefused(ValueError):
    """The line cannot be divided into words."""

    def __init__(self, wrong: str, remedy: str) -> None:
        super().__init__(wrong)
        self.wrong = wrong
        self.remedy = remedy


def split_words(line: str) -> list[str]:
    """The words of one line. Raises LineRefused, whose text never repeats the line: it may hold a secret."""
    if '"' not in line and "#" not in line:
        return line.split()
    if line.count('"') == 2 and "#" not in line and "\\" not in line:
        before, quoted, after = line.split('"')
        if before[-1:].isspace() and not after.strip():
            return [*before.split(), quoted]
    return split_tokens(line)


def split_tokens(line: str) -> list[str]:
    """As split_words, for lines of any form: the slow way, which defines what the quick one may do."""
    words: list[str] = []
    end = -1
    for match in TOKEN.finditer(line):
        sort = match.lastgroup
        if sort == "comment":
            break
        if match.start() == end:
            raise LineRefused("a quotation mark stands inside a word", "quotes around the whole word, or none")
        if sort == "stray":
            raise LineRefused("a quotation mark is not closed", 'a second " on the same line')
        word = match[0]
        words.append(word if sort == "plain" else ESCAPE.sub(r"\1", word[1:-1]))
        end = match.end()
    return words


def has_comment_in_word(line: str) -> bool:
    """Whether a comment begins directly behind a word, as in `ab#cd`: more likely a value that wants quotes."""
    unquoted = QUOTED.sub('""', line)
    start = unquoted.find("#")
    return start > 0 and not unquoted[start - 1].isspace()


def quote_word(word: str) -> str:
    """The word as it has to be written."""
    if word and NEEDS_QUOTES.search(word) is None:
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def decode_lines(text: bytes | str, findings: list[Finding]) -> list[str]:
    """The lines of the text without their ends; a line that is not UTF-8 becomes empty and a finding."""
    if isinstance(text, str):
        return text.removeprefix("\ufeff").split("\n")
    octets = text.removeprefix(b"\xef\xbb\xbf")
    try:
        return octets.decode("utf-8").split("\n")
    except UnicodeDecodeError:  # rare: find the lines that are to blame
        pass
    lines: list[str] = []
    for number, line in enumerate(octets.split(b"\n"), 1):
        try:
            lines.append(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            wrong = f"octet {error.start + 1} of this line is not UTF-8"
            findings.append(report_error("not-utf-8", "line", wrong, "text in UTF-8", number))
            lines.append("")
    return lines


def check_version(lines: list[str], findings: list[Finding]) -> None:
    """The first line says which language follows."""
    match = VERSION_FORM.fullmatch(lines[0])
    if match is None:
        remedy = f"the first line should be {VERSION_LINE}"
        findings.append(report_warning("no-version", "line", "the version of the language is not said", remedy))
    elif match[1] != "1":
        wrong = "this program does not know the version of the language"
        findings.append(report_error("unknown-version", "line", wrong, VERSION_LINE))


def refuse_line(line: str) -> tuple[str, str] | None:
    """What makes a line unreadable before its words are looked at, and the remedy."""
    if len(line) <= LINE_CHARACTERS and line.isprintable():
        return None
    if len(line) > LINE_CHARACTERS:
        return f"the line has {len(line)} characters", f"at most {LINE_CHARACTERS}"
    if match := UNPRINTABLE.search(line):
        return f"character {match.start() + 1} is unprintable (U+{ord(match[0]):04X})", "printable characters and tabs"
    return None


def read_words(text: bytes | str, findings: list[Finding]) -> Iterator[NumberedWords]:
    """The lines that say something. What cannot be read is added to the findings."""
    lines = decode_lines(text, findings)
    check_version(lines, findings)
    for number, raw_line in enumerate(lines, 1):
        line = raw_line.removesuffix("\r")
        if refusal := refuse_line(line):
            findings.append(report_error("unreadable", "line", *refusal, number))
            continue
        try:
            words = split_words(line)
        except LineRefused as refused:
            findings.append(report_error("quotes", "line", refused.wrong, refused.remedy, number))
            continue
        if words:
            if "#" in line and has_comment_in_word(line):
                wrong = "everything from the # on is a comment, although no blank is before it"
                findings.append(report_warning("comment-in-word", "line", wrong, "quotes around the word", number))
            yield NumberedWords(number, words)
