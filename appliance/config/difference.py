# SPDX-License-Identifier: Apache-2.0
"""What leads from one tree to another, as `set` and `delete` lines, and the way to apply such lines.

`delete PATH` takes away everything under the path; on a list, `delete PATH VALUE` takes one value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from appliance.config.finding import Finding, report_error
from appliance.config.leaf import Leaf
from appliance.config.printing import join_words, list_words
from appliance.config.reading import read_tree
from appliance.config.schema import SECTIONS, find_leaf
from appliance.config.text import VERSION_LINE, LineRefused, split_words
from appliance.config.tree import Tree


def list_differences(old: Tree, new: Tree) -> list[str]:
    """The lines that turn old into new: deletions first. Empty if both say the same."""
    deletions: list[str] = []
    additions: list[str] = []
    for section in SECTIONS:
        label = section.label()
        gone = [name for name in old.names(label) if name not in new.names(label)] if label else []
        deletions.extend(f"delete {section.path_for(name)}" for name in gone)
        for name in new.names(label) if label else ("",):
            for leaf in section.leaves:
                compare_leaf(old, new, (leaf, name), deletions, additions)
    return deletions + additions


def compare_leaf(
    old: Tree, new: Tree, place: tuple[Leaf[Any], str], deletions: list[str], additions: list[str]
) -> None:
    """Adds the lines for one leaf of one name. A list whose order changes is said again as a whole."""
    leaf, name = place
    before = [list_words(leaf, name, said) for said in old.sayings(leaf, name)]
    after = [list_words(leaf, name, said) for said in new.sayings(leaf, name)]
    if before == after:
        return
    kept = [words for words in before if words in after]
    if leaf.is_list and kept and after[: len(kept)] == kept:
        deletions.extend(f"delete {join_words(words)}" for words in before if words not in kept)
        after = after[len(kept) :]
    elif before and (leaf.is_list or not after):
        deletions.append(f"delete {leaf.path_for(name)}")
    additions.extend(f"set {join_words(words)}" for words in after)


def apply_differences(tree: Tree, lines: Iterable[str], findings: list[Finding]) -> Tree:
    """The tree after `set` and `delete` lines; faults are added to the findings, the lines counted from 1.

    A single leaf that is set again is replaced. Values are checked; `verify_tree` is the caller's to ask.
    """
    said = [list_words(leaf, name, one) for leaf, name, sayings in tree.walk() for one in sayings]
    for number, line in enumerate(lines, 1):
        try:
            said = apply_line(said, split_words(line))
        except LineRefused as refused:
            findings.append(report_error("change", "line", refused.wrong, refused.remedy, number))
    return read_tree("\n".join(compose_lines(said)), findings)


def apply_line(said: list[list[str]], words: list[str]) -> list[list[str]]:
    """The words of the tree after one line. Raises LineRefused."""
    if not words:
        return said
    verb, path = words[0], words[1:]
    if verb not in ("set", "delete") or not path:
        raise LineRefused("this changes nothing", "set PATH VALUE or delete PATH")
    if verb == "delete":
        kept = [one for one in said if one[: len(path)] != path]
        if len(kept) == len(said):
            raise LineRefused("nothing is said under this path", "a path that show prints")
        return kept
    found = find_leaf(path)
    if found and not found[0].is_list:
        length = found[1]
        said = [one for one in said if one[:length] != path[:length]]
    return [*said, path]


def compose_lines(said: list[list[str]]) -> Iterator[str]:
    """The `set` lines of words."""
    yield VERSION_LINE
    for words in said:
        yield f"set {join_words(words)}"
