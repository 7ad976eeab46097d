# SPDX-License-Identifier: Apache-2.0
"""The reference of the configuration language, made from the schema: the second half of docs/configuration.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from appliance.config.leaf import Leaf, Section
from appliance.config.schema import SECTIONS

HEADING = "| `set` | value | default | meaning |"
RULE = "|---|---|---|---|"


def render_reference() -> str:
    """The sections as Markdown tables."""
    return "\n".join(line for section in SECTIONS for line in render_section(section))


def render_section(section: Section) -> Iterator[str]:
    """One section."""
    yield f"### {section.title}"
    yield section.help + ("" if section.is_built else " **Not built yet:** checked, with a warning, otherwise ignored.")
    yield ""
    yield HEADING
    yield RULE
    for leaf in section.leaves:
        cells = (f"`{leaf.path}`", leaf.kind.allowed, describe_default(leaf), describe_leaf(leaf))
        yield f"| {' | '.join(cells)} |"
    yield ""


def describe_default(leaf: Leaf[Any]) -> str:
    """What holds where nothing is said."""
    if leaf.is_required:
        return "required"
    if leaf.defaults:
        return ", ".join(str(value) for value in leaf.defaults)
    if leaf.default is None:
        return leaf.remark or "none"
    if isinstance(leaf.default, bool):
        return str(leaf.default).lower()
    return "-".join(str(part) for part in leaf.default) if isinstance(leaf.default, tuple) else str(leaf.default)


def describe_leaf(leaf: Leaf[Any]) -> str:
    """Its help, whether it is a list, and what of it is not built."""
    sentences = [leaf.help]
    if leaf.is_list:
        sentences.append("List.")
    if not leaf.is_built:
        sentences.append("*Not built yet.*")
    sentences.extend(f"*{word} is not built yet: {effect}.*" for word, effect in leaf.not_built.items())
    return " ".join(sentences)
