# SPDX-License-Identifier: Apache-2.0
"""Values that name something said elsewhere must find it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from appliance.config.finding import Finding, report_error
from appliance.config.kind import show_text
from appliance.config.leaf import Leaf
from appliance.config.schema import LEAVES
from appliance.config.tree import Tree

SHOWN_NAMES = 8


def verify_references(tree: Tree) -> Iterator[Finding]:
    """Dangling references, from the schema's `refers_to`."""
    for leaf in LEAVES:
        if leaf.refers_to:
            yield from verify_leaf(tree, leaf)


def verify_leaf(tree: Tree, leaf: Leaf[Any]) -> Iterator[Finding]:
    """The dangling references of one leaf."""
    known = tree.names(leaf.refers_to)
    for name, sayings in tree.named_sayings(leaf).items():
        for said in sayings:
            target = leaf.reference(said.value)
            if target not in known:
                wrong = f"there is no {leaf.refers_to} {show_text(target)}"
                yield report_error("dangling", leaf.path_for(name), wrong, list_known(leaf, list(known)), said.line)


def list_known(leaf: Leaf[Any], known: list[str]) -> str:
    """What may be named instead."""
    if not known:
        return f"no {leaf.refers_to} is configured"
    more = f" and {len(known) - SHOWN_NAMES} more" if len(known) > SHOWN_NAMES else ""
    return f"one of {', '.join(known[:SHOWN_NAMES])}{more}"
