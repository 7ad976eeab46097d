# SPDX-License-Identifier: Apache-2.0
"""The schema: every section in the order in which it is printed, and the tree of words that leads to each leaf."""

from __future__ import annotations

from typing import Any

from appliance.config.kind import Kind
from appliance.config.leaf import Leaf, Section
from appliance.config.sections import (
    emergency,
    extension,
    firewall,
    handset,
    media,
    message,
    network,
    route,
    sip,
    system,
    trunk,
)

SECTIONS: tuple[Section, ...] = (
    system.SECTION,
    system.OPERATOR_SECTION,
    sip.LISTENER_SECTION,
    sip.SECTION,
    sip.NEIGHBOUR_SECTION,
    media.SECTION,
    message.SECTION,
    extension.SECTION,
    handset.SECTION,
    trunk.SECTION,
    route.SECTION,
    emergency.SECTION,
    *network.SECTIONS,
    *firewall.SECTIONS,
)
LEAVES: tuple[Leaf[Any], ...] = tuple(leaf for section in SECTIONS for leaf in section.leaves)
SECTION_BY_LABEL: dict[str, Section] = {section.label(): section for section in SECTIONS if section.label()}


class Node:
    """A place between words. Either words lead on, or any name does, or it is a leaf."""

    __slots__ = ("label", "leaf", "name_kind", "named", "words")

    def __init__(self) -> None:
        self.words: dict[str, Node] = {}
        self.named: Node | None = None
        self.label = ""
        self.name_kind: Kind[str] | None = None
        self.leaf: Leaf[Any] | None = None


def plant_leaf(root: Node, section: Section, leaf: Leaf[Any]) -> None:
    """Adds the words of the leaf's path to the tree."""
    node = root
    for word in leaf.path.split():
        if word.startswith("<"):
            node.label, node.name_kind = section.label(), section.name_kind
            node.named = node.named or Node()
            node = node.named
        else:
            node = node.words.setdefault(word, Node())
    node.leaf = leaf


def grow_schema() -> Node:
    """The root of all paths."""
    root = Node()
    for section in SECTIONS:
        for leaf in section.leaves:
            plant_leaf(root, section, leaf)
    return root


ROOT = grow_schema()


def find_leaf(words: list[str]) -> tuple[Leaf[Any], int] | None:
    """The leaf at which the path in front of the words ends, and how many words the path has."""
    node: Node | None = ROOT
    for index, word in enumerate(words):
        node = node.words.get(word, node.named) if node else None
        if node is not None and node.leaf is not None:
            return node.leaf, index + 1
    return None
