# SPDX-License-Identifier: Apache-2.0
"""A configuration that one operator is changing: the text, what it says, and what it was when he began. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from appliance.config.configuration import Configuration
from appliance.config.difference import list_differences
from appliance.config.finding import Finding, report_error
from appliance.config.merging import list_conflicts, merge_text
from appliance.config.printing import print_lines
from appliance.config.reading import read_tree
from appliance.config.text import LineRefused, split_words
from appliance.config.text_editing import EditedText
from appliance.config.tree import Tree


class Reading(NamedTuple):
    """A text and what came of it; configuration is None where a finding is an error."""

    text: str
    tree: Tree
    configuration: Configuration | None
    findings: tuple[Finding, ...]


Reader = Callable[[str], Reading]


class Candidate:
    """Changed by `apply` and `load`. base: what ran when the operator began, or what he has committed since."""

    __slots__ = ("_edited", "_text", "_tree", "base")

    def __init__(self, base: Reading) -> None:
        self.begin(base)

    def begin(self, base: Reading) -> None:
        """Throw every change away; go on from this."""
        self.base = base
        self._edited: EditedText | None = None      # not before the first change
        self._text: str | None = base.text
        self._tree: Tree | None = base.tree

    def apply(self, lines: Sequence[str]) -> list[Finding]:
        """`set` and `delete` lines, as typed; what is wrong with each. Those that are refused change nothing."""
        findings: list[Finding] = []
        if self._edited is None:
            self._edited = EditedText(self.text())
        self._edited.apply(lines, findings)
        self._text = self._tree = None
        return findings

    def load(self, text: str) -> list[Finding]:
        """Another text, whole; what cannot be read of it. It stays as it is until it is changed. May run in a thread:
        until it is read the candidate is what it was."""
        findings: list[Finding] = []
        tree = read_tree(text, findings)
        self._text, self._tree, self._edited = text, tree, None
        return findings

    def text(self) -> str:
        """The file as it would be."""
        if self._text is None:
            assert self._edited is not None     # only an edit makes it unknown
            self._text = self._edited.text()
        return self._text

    def has_changes(self) -> bool:
        """Whether it differs from its base."""
        return self.text() != self.base.text

    def tree(self) -> Tree:
        """What the text says."""
        if self._tree is None:
            self._tree = read_tree(self.text(), [])
        return self._tree

    def list_changes(self, other: Tree) -> list[str]:
        """What leads from the other to this one."""
        return list_differences(other, self.tree())

    def list_lines(self, path: Sequence[str]) -> list[str]:
        """The `set` lines under a path, in the order of the schema."""
        lines = list(print_lines(self.tree()))[1:]
        if not path:
            return lines
        wanted = ["set", *path]
        return [line for line in lines if split_words(line)[: len(wanted)] == wanted]

    def merge(self, running: Reading) -> tuple[str, list[Finding]]:
        """The text to commit where something else runs by now, or what stands against it."""
        if running.text == self.base.text:
            return self.text(), []
        conflicts = [report_error("conflict", one.path, (
            f"you say {one.mine or 'nothing'}, and meanwhile somebody else has said {one.theirs or 'nothing'}"),
            "discard, and change what runs now") for one in list_conflicts(self.base.tree, running.tree, self.tree())]
        return merge_text(running.text, self.list_changes(self.base.tree)), conflicts


def split_path(said: object) -> list[str]:
    """A path as it was typed. It is a path of no line where it cannot be read."""
    try:
        return split_words(str(said))
    except LineRefused:
        return [str(said)]
