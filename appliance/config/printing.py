# SPDX-License-Identifier: Apache-2.0
"""From the tree back to `set` lines, in the order of the schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from appliance.config.leaf import Leaf
from appliance.config.text import VERSION_LINE, quote_word
from appliance.config.tree import Said, Tree

# Pasting such a line fails for want of a value, rather than setting a wrong secret.
HIDDEN = "# not shown"


def list_words(leaf: Leaf[Any], name: str, said: Said) -> list[str]:
    """The words of one saying, without `set`."""
    value = [said.text] if leaf.kind.word_count == 1 else said.text.split(" ")
    return [*leaf.path_for(name).split(" "), *value]


def join_words(words: list[str]) -> str:
    """Words as a line that is read as the same words."""
    return " ".join(quote_word(word) for word in words)


def print_lines(tree: Tree, is_secret_shown: bool = True) -> Iterator[str]:
    """The `set` lines of the tree without line ends, the version first."""
    yield VERSION_LINE
    for leaf, name, sayings in tree.walk():
        for said in sayings:
            if leaf.kind.is_secret and not is_secret_shown:
                yield f"set {leaf.path_for(name)} {HIDDEN}"
            else:
                yield f"set {join_words(list_words(leaf, name, said))}"


def print_tree(tree: Tree, is_secret_shown: bool = True) -> str:
    """The text of a configuration file."""
    return "\n".join(print_lines(tree, is_secret_shown)) + "\n"
