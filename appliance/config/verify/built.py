# SPDX-License-Identifier: Apache-2.0
"""Says of everything that is not built yet that it is ignored, so that nobody believes it works."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from appliance.config.finding import Finding, report_warning
from appliance.config.kind import show_text
from appliance.config.leaf import Leaf, Section
from appliance.config.schema import SECTIONS
from appliance.config.tree import Tree

IGNORED = "it is checked and otherwise ignored"


def verify_built(tree: Tree) -> Iterator[Finding]:
    """One warning for each name of a section, each leaf and each value that is not built."""
    for section in SECTIONS:
        if not section.is_built:
            yield from verify_section(tree, section)
            continue
        for leaf in section.leaves:
            if not leaf.is_built or leaf.not_built:
                yield from verify_leaf(tree, leaf)


def verify_section(tree: Tree, section: Section) -> Iterator[Finding]:
    """A section that is not built at all."""
    for name, line in tree.names(section.label()).items():
        yield report_warning("not-built", section.path_for(name), "this part is not built yet", IGNORED, line)


def verify_leaf(tree: Tree, leaf: Leaf[Any]) -> Iterator[Finding]:
    """A leaf that is not built, or some of whose values are not."""
    for name, sayings in tree.named_sayings(leaf).items():
        for said in sayings:
            path = leaf.path_for(name)
            if not leaf.is_built:
                yield report_warning("not-built", path, "this is not built yet", IGNORED, said.line)
            elif effect := leaf.not_built.get(said.text):
                wrong = f"{show_text(said.text)} is not built yet"
                yield report_warning("not-built", path, wrong, effect, said.line)
