# SPDX-License-Identifier: Apache-2.0
"""The operator's file under `set` and `delete`: what is not named keeps its line, its comment and its place.

A new line stands behind its like: with its object, else behind the last object of its section. A comment behind a value
goes with the value, one on a line of its own stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from appliance.config.finding import Finding, report_error
from appliance.config.kind import ValueRefused
from appliance.config.leaf import Leaf
from appliance.config.printing import join_words
from appliance.config.reading import TreeReader
from appliance.config.schema import SECTIONS, find_leaf
from appliance.config.text import TOKEN, VERSION_LINE, LineRefused, refuse_line, split_words

SECTION_ORDER: Final[dict[Leaf[Any], int]] = {
    leaf: order for order, section in enumerate(SECTIONS) for leaf in section.leaves}
ELSEWHERE: Final = -1
"""Of a line that belongs to no section: a comment, a blank line, one that cannot be read."""

LeafOfName = tuple[Leaf[Any], str]


class Line:
    """One line and its neighbours. words: without `set`, empty where it says nothing."""

    __slots__ = ("before", "behind", "key", "order", "text", "words")

    def __init__(self, text: str) -> None:
        self.text = text
        self.words: list[str] = []
        self.key: LeafOfName | None = None
        self.order = ELSEWHERE
        self.before: Line = self
        self.behind: Line = self
        self.read()

    def read(self) -> None:
        """Find out what the text says."""
        try:
            words = split_words(self.text)
        except LineRefused:
            return
        if not words or words[0] != "set":
            return
        self.words = words[1:]
        found = find_leaf(self.words)
        if found is not None:
            self.key = (found[0], read_name(found[0], self.words))
            self.order = SECTION_ORDER[found[0]]


class EditedText:
    """A configuration file that is being edited. Never refuses a text: what is wrong with it, reading it says."""

    __slots__ = ("_end", "_lines_of", "_lines_under", "_root")

    def __init__(self, text: str) -> None:
        self._root = Line("")           # a ring: behind the last line comes the root, and behind it the first
        self._lines_of: dict[LeafOfName, list[Line]] = {}
        self._lines_under: dict[tuple[str, ...], list[Line]] = {}       # by two words: of one object, most of them
        body = text.removeprefix("\ufeff") or VERSION_LINE
        lines = body.removesuffix("\n").split("\n")
        self._end = "\r" if lines[0].endswith("\r") else ""
        for one in lines:
            self._insert(Line(one), self._root.before)

    def text(self) -> str:
        """The whole, each line with its end."""
        return "\n".join([line.text for line in self._walk()]) + "\n"

    def apply(self, lines: Iterable[str], findings: list[Finding]) -> None:
        """`set` and `delete` lines, as typed; each one that is refused is a finding and changes nothing."""
        for number, typed in enumerate(lines, 1):
            words = split_typed(typed, number, findings)
            if not words:
                continue
            if words[0] == "set" and len(words) > 1:
                self._set(words, number, findings)
            elif words[0] == "delete" and len(words) > 1:
                self._delete(words[1:], number, findings)
            else:
                findings.append(report_error("change", "line", "this changes nothing",
                                             "set PATH VALUE or delete PATH", number))

    # set

    def _set(self, words: list[str], number: int, findings: list[Finding]) -> None:
        refused: list[Finding] = []
        TreeReader(refused).read_line(words, number)
        path = words[1:]
        found = find_leaf(path)
        if refused or found is None:
            findings.extend(refused)
            return
        leaf, length = found
        key = (leaf, read_name(leaf, path))
        present = self._lines_of.get(key, [])
        if leaf.is_list:
            if not any(is_same_value(leaf, line.words[length:], path[length:]) for line in present):
                self._place(Line(f"set {join_words(path)}{self._end}"), key)
        elif not present:
            self._place(Line(f"set {join_words(path)}{self._end}"), key)
        else:
            for superfluous in present[1:]:     # a text that was said twice
                self._remove(superfluous)
            if present[0].words != path:
                self._say_anew(present[0], path)

    def _say_anew(self, line: Line, path: list[str]) -> None:
        blank = line.text[: len(line.text) - len(line.text.lstrip())]
        line.text = f"{blank}set {join_words(path)}{cut_comment(line.text)}"
        self._forget(line)
        line.words = path
        self._note(line)

    def _place(self, line: Line, key: LeafOfName) -> None:
        """Behind what stands before it in the printed order; the first of a section gets a blank line before it."""
        leaf, name = key
        leaves = SECTIONS[SECTION_ORDER[leaf]].leaves
        index = leaves.index(leaf)
        for earlier in reversed(leaves[: index + 1]):
            if present := self._lines_of.get((earlier, name)):
                self._insert(line, present[-1])
                return
        for later in leaves[index + 1:]:
            if present := self._lines_of.get((later, name)):
                self._insert(line, present[0].before)
                return
        anchor = self._find_last(line.order, line.order)
        if anchor is None:
            anchor = self._find_last(0, line.order) or self._root.before
            if anchor is not self._root and anchor.words:
                blank = Line(self._end)
                self._insert(blank, anchor)
                anchor = blank
        self._insert(line, anchor)

    def _find_last(self, first_order: int, last_order: int) -> Line | None:
        line = self._root.before
        while line is not self._root:
            if first_order <= line.order <= last_order:
                return line
            line = line.before
        return None

    # delete

    def _delete(self, path: list[str], number: int, findings: list[Finding]) -> None:
        found = find_leaf(path)
        if found is not None:
            candidates: Iterable[Line] = tuple(self._lines_of.get((found[0], read_name(found[0], path)), ()))
        elif len(path) > 1:
            candidates = tuple(self._lines_under.get(tuple(path[:2]), ()))
        else:
            candidates = tuple(self._walk())
        length = len(path)
        gone = [line for line in candidates if line.words[:length] == path]
        for line in gone:
            self._remove(line)
        if not gone:
            findings.append(report_error("change", " ".join(path[: found[1] if found else None]),
                                         "nothing is said under this path", "a path that show prints", number))

    # the ring

    def _walk(self) -> Iterator[Line]:
        line = self._root.behind
        while line is not self._root:
            yield line
            line = line.behind

    def _insert(self, line: Line, before: Line) -> None:
        line.before, line.behind = before, before.behind
        before.behind.before = line
        before.behind = line
        self._note(line)

    def _remove(self, line: Line) -> None:
        line.before.behind = line.behind
        line.behind.before = line.before
        self._forget(line)

    def _note(self, line: Line) -> None:
        if line.key is not None:
            self._lines_of.setdefault(line.key, []).append(line)
        if line.words:
            self._lines_under.setdefault(tuple(line.words[:2]), []).append(line)

    def _forget(self, line: Line) -> None:
        if line.key is not None:
            self._lines_of[line.key].remove(line)
        if line.words:
            self._lines_under[tuple(line.words[:2])].remove(line)


def split_typed(line: str, number: int, findings: list[Finding]) -> list[str]:
    """The words of a line somebody has typed; none where it says nothing, or cannot be read, which is a finding."""
    if refusal := refuse_line(line):
        findings.append(report_error("unreadable", "line", *refusal, number))
        return []
    try:
        return split_words(line)
    except LineRefused as refused:
        findings.append(report_error("quotes", "line", refused.wrong, refused.remedy, number))
        return []


def read_name(leaf: Leaf[Any], words: list[str]) -> str:
    """The name that stands where the path of the leaf has its angle brackets; "" where it has none."""
    label = leaf.label()
    return words[leaf.path.split().index(f"<{label}>")] if label else ""


def is_same_value(leaf: Leaf[Any], one: list[str], other: list[str]) -> bool:
    """Whether both mean the same to the configuration, however they are written."""
    if one == other:
        return True
    try:
        return bool(leaf.kind.read(" ".join(one)) == leaf.kind.read(" ".join(other)))
    except ValueRefused:
        return False


def cut_comment(line: str) -> str:
    """The comment behind the words, with the blanks before it; the line's end alone where there is none."""
    end = 0
    for match in TOKEN.finditer(line):
        if match.lastgroup == "comment":
            return line[end:]
        end = match.end()
    return "\r" if line.endswith("\r") else ""
