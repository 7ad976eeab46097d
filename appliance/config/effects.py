# SPDX-License-Identifier: Apache-2.0
"""What a change means, told by the names of things: `extension 1003 added`, `sip role: proxy -> b2bua`. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from appliance.config.kind import show_text
from appliance.config.leaf import Leaf, Section
from appliance.config.schema import SECTIONS
from appliance.config.tree import Tree

NAMED_AT_ONCE: Final = 5


def describe_effects(old: Tree, new: Tree) -> list[str]:
    """A sentence for each sort of change, in the order of the schema. No secret is in it."""
    sentences: list[str] = []
    for section in SECTIONS:
        if section.label():
            sentences.extend(_describe_objects(section, old, new))
        else:
            sentences.extend(_describe_value(leaf, old, new) for leaf in section.leaves if _differs(leaf, "", old, new))
    return sentences


def _describe_objects(section: Section, old: Tree, new: Tree) -> Iterator[str]:
    before, after = old.names(section.label()), new.names(section.label())
    yield from _list_names(section, [name for name in before if name not in after], "removed")
    yield from _list_names(section, [name for name in after if name not in before], "added")
    changed: dict[str, list[str]] = {}
    for name in after:
        leaves = [leaf for leaf in section.leaves if name in before and _differs(leaf, name, old, new)]
        if leaves:
            words = ", ".join([leaf.path.removeprefix(section.path).strip() for leaf in leaves])
            changed.setdefault(words, []).append(name)
    for words, names in changed.items():
        yield from _list_names(section, names, f"changed: {words}")


def _list_names(section: Section, names: list[str], became: str) -> Iterator[str]:
    if len(names) <= NAMED_AT_ONCE:
        yield from (f"{section.path_for(name)} {became}" for name in names)
    else:
        yield f"{section.path_for(names[0])} to {names[-1]}, {len(names)} in all, {became}"


def _differs(leaf: Leaf[Any], name: str, old: Tree, new: Tree) -> bool:
    return _texts(old, leaf, name) != _texts(new, leaf, name)


def _describe_value(leaf: Leaf[Any], old: Tree, new: Tree) -> str:
    if leaf.kind.is_secret:
        return f"{leaf.path} changed"
    return f"{leaf.path}: {_show(_texts(old, leaf, ''))} -> {_show(_texts(new, leaf, ''))}"


def _show(texts: list[str]) -> str:
    return ", ".join([show_text(text)[1:-1] for text in texts]) or "default"


def _texts(tree: Tree, leaf: Leaf[Any], name: str) -> list[str]:
    return [said.text for said in tree.sayings(leaf, name)]
