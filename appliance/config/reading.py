# SPDX-License-Identifier: Apache-2.0
"""From numbered words to the tree: finds each leaf in the schema and reads its value. Every fault becomes a finding."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from appliance.config.finding import Finding, report_error, report_warning
from appliance.config.kind import ValueRefused, show_text
from appliance.config.leaf import Leaf
from appliance.config.schema import LEAVES, ROOT, Node
from appliance.config.text import read_words
from appliance.config.tree import LinesByName, Said, SaidByLeaf, Tree


def suggest_word(word: str, node: Node) -> str:
    """`, did you mean "..."` for a word that the node does not know, or nothing."""
    near = get_close_matches(word.lower()[:32], node.words, 1)
    if not near:
        deeper = [leaf.path for leaf in LEAVES if f" {word} " in f"{leaf.path} "]
        near = [path[: f"{path} ".index(f" {word} ")] + f" {word}" for path in deeper[:1]]
    return f', did you mean "{near[0]}"' if near else ""


class TreeReader:
    """Takes line after line; `tree` gives what was understood. Holds the state of one reading."""

    __slots__ = ("_added", "_findings", "_names", "_refused", "_said")

    def __init__(self, findings: list[Finding]) -> None:
        self._findings = findings
        self._said: SaidByLeaf = {}
        self._names: LinesByName = {}
        self._refused: dict[tuple[Leaf[Any], str], int] = {}
        self._added: dict[tuple[Leaf[Any], str, object], int] = {}

    def tree(self) -> Tree:
        """What was understood so far."""
        return Tree(self._said, self._names, self._refused)

    def read_line(self, words: list[str], line: int) -> None:
        """Understands one line or adds a finding."""
        if words[0] != "set":
            self._refuse("no-set", "line", f"{show_text(words[0])} does not begin a line", "set PATH VALUE", line)
            return
        node, name, index = ROOT, "", 1
        while node.leaf is None:
            if index == len(words):
                self._refuse_end(node, words[1:index], line)
                return
            word = words[index]
            following = node.words.get(word)
            if following is None:
                if node.named is None:
                    self._refuse_word(node, words[1 : index + 1], line)
                    return
                is_known = word in self._names.get(node.label, ())
                if not is_known and not self._read_name(node, words[1:index], word, line):
                    return
                following, name = node.named, word
            node = following
            index += 1
        self._read_value(node.leaf, name, words[index:], line)

    def _read_name(self, node: Node, before: list[str], name: str, line: int) -> bool:
        assert node.name_kind is not None  # the schema gives one wherever a name may stand
        try:
            node.name_kind.read(name)
        except ValueRefused as refused:
            self._refuse("wrong-name", " ".join(before), refused.wrong, node.name_kind.allowed, line)
            return False
        self._names.setdefault(node.label, {})[name] = line
        return True

    def _read_value(self, leaf: Leaf[Any], name: str, words: list[str], line: int) -> None:
        kind = leaf.kind
        if len(words) != kind.word_count:
            self._refuse_count(leaf, name, len(words), line)
            return
        text = words[0] if kind.word_count == 1 else " ".join(words)
        try:
            value = kind.read(text)
        except ValueRefused as refused:
            self._refused.setdefault((leaf, name), line)
            allowed = refused.allowed or kind.allowed
            self._refuse("wrong-value", leaf.path_for(name), refused.wrong, allowed, line)
            return
        said = self._said.setdefault(leaf, {}).setdefault(name, [])
        if leaf.is_list:
            if self._is_added(leaf, name, value, line):
                return
        elif said:
            wrong = f"said twice, on lines {said[0].line} and {line}"
            self._refuse("said-twice", leaf.path_for(name), wrong, "one value", line)
            return
        said.append(Said(text, value, line))

    def _is_added(self, leaf: Leaf[Any], name: str, value: object, line: int) -> bool:
        earlier = self._added.setdefault((leaf, name, value), line)
        if earlier == line:
            return False
        wrong = f"the same value was added on line {earlier}"
        self._findings.append(report_warning("added-twice", leaf.path_for(name), wrong, "each value once", line))
        return True

    def _refuse(self, finding_id: str, path: str, wrong: str, allowed: str, line: int) -> None:
        self._findings.append(report_error(finding_id, path, wrong, allowed, line))

    def _refuse_count(self, leaf: Leaf[Any], name: str, count: int, line: int) -> None:
        self._refused.setdefault((leaf, name), line)
        if count == 0:
            wrong, hint = "the value is missing", ""
        else:
            wanted = leaf.kind.word_count
            wrong = f"1 word where {wanted} must stand" if count == 1 else f"{count} words where {wanted} must stand"
            hint = ", in quotes if there are blanks" if leaf.kind.word_count == 1 else ""
        allowed = leaf.kind.allowed
        self._refuse("wrong-count", leaf.path_for(name), wrong, allowed + (hint if hint not in allowed else ""), line)

    def _refuse_end(self, node: Node, before: list[str], line: int) -> None:
        allowed = f"one of {', '.join(sorted(node.words))}" if node.words else "a name"
        self._refuse("path-ends", " ".join(before) or "line", "the path ends too early", allowed, line)

    def _refuse_word(self, node: Node, path: list[str], line: int) -> None:
        # Where a secret may stand, an unknown word may be one whose `secret` was forgotten.
        may_be_secret = any(one.leaf is not None and one.leaf.kind.is_secret for one in node.words.values())
        shown = "" if may_be_secret else f" {show_text(path[-1])}"
        wrong = f"unknown word{shown}{suggest_word(path[-1], node)}"
        before = " ".join(path[:-1]) or "line"
        self._refuse("unknown-path", before, wrong, f"one of {', '.join(sorted(node.words))}", line)


def read_tree(text: bytes | str, findings: list[Finding]) -> Tree:
    """The tree of a whole text; faults are added to the findings, in the order of their lines."""
    reader = TreeReader(findings)
    for line, words in read_words(text, findings):
        reader.read_line(words, line)
    return reader.tree()
