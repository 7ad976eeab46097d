# SPDX-License-Identifier: Apache-2.0
"""The words of the configuration language at the console: what may follow, and words that were cut short. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from appliance.config.leaf import Leaf
from appliance.config.reference import describe_default
from appliance.config.schema import ROOT, SECTIONS, Node
from appliance.config.text import LineRefused, split_words
from appliance.console.completion import END, Choice
from appliance.console.messages.catalog import say
from appliance.console.messages.said_again import say_again
from appliance.errors import OperatorError

Lines = Sequence[list[str]]
"""The words of each line of the candidate, without `set`."""


def expand_path(words: Sequence[str]) -> list[str]:
    """The words with unique beginnings made whole; what the schema does not know stays as it was typed. Raises
    OperatorError where a beginning may mean several words."""
    node: Node | None = ROOT
    whole: list[str] = []
    for word in words:
        if node is None or node.leaf is not None:
            whole.append(word)
            node = None
            continue
        meant = word if word in node.words else _expand_word(word, node, whole)
        following = node.words.get(meant, node.named)
        if following is node.named:
            meant = word
        whole.append(meant)
        node = following
    return whole


def _expand_word(word: str, node: Node, before: list[str]) -> str:
    if node.named is not None:
        return word     # a name of the operator's own may begin like anything
    found = [one for one in node.words if one.startswith(word.lower())] if word else []
    if len(found) > 1:
        raise OperatorError(" ".join(before) or "set", say("{typed} may mean several things", typed=repr(word)),
                            " | ".join(found))
    return found[0] if found else word


def follow_schema(words: Sequence[str], lines: Lines, is_value_wanted: bool = True) -> list[Choice]:
    """What may stand behind these words of a path: words, names that are there, values."""
    node, path = ROOT, list[str]()
    for index, word in enumerate(expand_path(words)):
        if node.leaf is not None:
            return follow_value(node.leaf, list(words[index:]), lines) if is_value_wanted else [END]
        following = node.words.get(word, node.named)
        if following is None:
            raise OperatorError(" ".join(path) or "path", say("{typed} is not known here", typed=repr(word)),
                                " | ".join(node.words))
        path.append(word)
        node = following
    if node.leaf is not None:
        return follow_value(node.leaf, [], lines) if is_value_wanted else [END]
    choices = [Choice(word, describe_path([*path, word])) for word, deeper in node.words.items()
               if is_value_wanted or deeper.leaf is None]
    if node.named is not None:
        allowed = say_again(node.name_kind.allowed) if node.name_kind else ""
        choices = [Choice(f"<{node.label}>", allowed, is_place=True),
                   *(Choice(name, say("is there")) for name in list_names(node.label, lines)), *choices]
    return choices if is_value_wanted else [END, *choices] if path else choices


def follow_value(leaf: Leaf[Any], before: list[str], lines: Lines) -> list[Choice]:
    """What may be given to a leaf whose value has these words already."""
    kind = leaf.kind
    if len(before) >= kind.word_count:
        return [END]
    if kind.choices:
        return [Choice(word, say("default") if word == describe_default(leaf) else "") for word in kind.choices]
    names = [Choice(name) for name in list_names(leaf.refers_to, lines)] if leaf.refers_to else []
    if before and kind.word_count == 3:     # NUMBER to EXTENSION
        return [Choice("to")] if len(before) == 1 else names
    allowed = say_again(kind.allowed)
    help_text = allowed if leaf.is_required else f"{allowed} [{say(describe_default(leaf))}]"
    return [Choice(f"<{kind.name}>", help_text, is_place=True), *(names if kind.word_count == 1 else [])]


def follow_said(words: Sequence[str], lines: Lines) -> list[Choice]:
    """What the candidate says behind these words: for delete and show. Values of secrets are not listed."""
    path = expand_path(words)
    following: dict[str, None] = {}
    for line in lines:
        if line[:len(path)] == path and len(line) > len(path):
            following[line[len(path)]] = None
    leaf = find_leaf_at(path)
    if leaf is not None and leaf.kind.is_secret:
        following.clear()
    return [*([END] if path else []), *(Choice(word, describe_path([*path, word])) for word in following)]


def list_names(label: str, lines: Lines) -> list[str]:
    """The names that the candidate has for an angle-bracket word, in their order."""
    section = next((one for one in SECTIONS if one.label() == label), None)
    if section is None:
        return []
    front = section.path.split()[:-1]
    return list(dict.fromkeys(line[len(front)] for line in lines
                              if line[:len(front)] == front and len(line) > len(front) + 1))


def find_leaf_at(path: Sequence[str]) -> Leaf[Any] | None:
    """The leaf whose path is exactly this."""
    node: Node | None = ROOT
    for word in path:
        node = node.words.get(word, node.named) if node is not None and node.leaf is None else None
    return None if node is None else node.leaf


def describe_path(path: Sequence[str]) -> str:
    """Help in a line: of a leaf, else of the sections that begin so."""
    leaf = find_leaf_at(path)
    if leaf is not None:
        return say(leaf.help)
    text = " ".join(path)
    exact = [section.title for section in SECTIONS if section.path.partition(" <")[0] == text]
    titles = exact or [section.title for section in SECTIONS if f"{section.path} ".startswith(f"{text} ")]
    return ", ".join(map(say, titles)) or ", ".join(list_words_below(path))


def list_words_below(path: Sequence[str]) -> list[str]:
    """What may be said behind a word that is no section's."""
    node: Node | None = ROOT
    for word in path:
        node = node.words.get(word, node.named) if node is not None else None
    return list(node.words) if node is not None else []


def read_lines(lines: Iterable[str]) -> list[list[str]]:
    """The words of `set` lines, without `set`; comments and what cannot be read are left out."""
    found = []
    for line in lines:
        try:
            words = split_words(line)
        except LineRefused:
            continue
        if words[:1] == ["set"]:
            found.append(words[1:])
    return found
