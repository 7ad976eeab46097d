# SPDX-License-Identifier: Apache-2.0
"""Two people have changed one configuration: what both have done, or what stands against it. Pure.

Leaf by leaf: what only one has changed is his. A list takes the additions and deletions of both. Whoever changes what
the other has taken away is in conflict with him.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from appliance.config.finding import Finding
from appliance.config.leaf import Leaf, Section
from appliance.config.schema import SECTIONS
from appliance.config.text_editing import EditedText
from appliance.config.tree import Tree


class Conflict(NamedTuple):
    """path: of the leaf or the object; mine, theirs: what both say now, "" for nothing; is_secret: neither is shown."""

    path: str
    mine: str
    theirs: str


def list_conflicts(base: Tree, theirs: Tree, mine: Tree) -> Iterator[Conflict]:
    """Everything both have changed in ways that do not go together."""
    for section in SECTIONS:
        label = section.label()
        names = dict.fromkeys([*base.names(label), *theirs.names(label), *mine.names(label)]) if label else ("",)
        for name in names:
            gone = _find_gone(section, name, base, theirs, mine) if label else None
            if gone is not None:
                yield gone
                continue
            for leaf in section.leaves:
                conflict = _compare_leaf(leaf, name, base, theirs, mine)
                if conflict is not None:
                    yield conflict


def merge_text(theirs_text: str, lines: list[str]) -> str:
    """The text of the others with the lines that lead from the base to what is mine. Only where nothing conflicts."""
    edited = EditedText(theirs_text)
    already_so: list[Finding] = []      # what both have taken away
    edited.apply(lines, already_so)
    return edited.text()


def _find_gone(section: Section, name: str, base: Tree, theirs: Tree, mine: Tree) -> Conflict | None:
    label = section.label()
    if name not in base.names(label):
        return None
    path = section.path_for(name)
    if name not in mine.names(label) and name in theirs.names(label) and _has_changed(section, name, base, theirs):
        return Conflict(path, "", "changed")
    if name not in theirs.names(label) and name in mine.names(label) and _has_changed(section, name, base, mine):
        return Conflict(path, "changed", "")
    return None


def _has_changed(section: Section, name: str, old: Tree, new: Tree) -> bool:
    return any(_list_texts(old, leaf, name) != _list_texts(new, leaf, name) for leaf in section.leaves)


def _compare_leaf(leaf: Leaf[Any], name: str, base: Tree, theirs: Tree, mine: Tree) -> Conflict | None:
    before, other, own = (_list_texts(tree, leaf, name) for tree in (base, theirs, mine))
    if own in (before, other) or before == other:
        return None
    if leaf.is_list and _is_incremental(before, own) and _is_incremental(before, other):
        return None
    if leaf.kind.is_secret:
        return Conflict(leaf.path_for(name), "changed" if own else "", "changed" if other else "")
    return Conflict(leaf.path_for(name), ", ".join(own), ", ".join(other))


def _is_incremental(before: list[str], after: list[str]) -> bool:
    """Whether values were only taken away and added behind the others."""
    kept = [text for text in before if text in after]
    return after[: len(kept)] == kept and (bool(kept) or not before)


def _list_texts(tree: Tree, leaf: Leaf[Any], name: str) -> list[str]:
    return [said.text for said in tree.sayings(leaf, name)]
