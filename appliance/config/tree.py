# SPDX-License-Identifier: Apache-2.0
"""What was said: for every leaf and name the typed values, each with its line. Nobody changes it once it is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, cast

from appliance.config.leaf import Leaf
from appliance.config.schema import SECTIONS
from appliance.errors import MisuseError

T = TypeVar("T")


class Said:
    """One value as it was written, as it was understood (`value`), and where."""

    __slots__ = ("line", "text", "value")

    def __init__(self, text: str, value: object, line: int) -> None:
        self.text = text
        self.value = value
        self.line = line


SaidByLeaf = dict[Leaf[Any], dict[str, list[Said]]]
LinesByName = dict[str, dict[str, int]]
NOTHING: dict[str, list[Said]] = {}


class Tree:
    """Reading access to what was said.

    Names (of listeners, extensions and so on) keep the order of their first mention. A leaf without name has "".
    refused: where something was said that cannot be.
    """

    __slots__ = ("_names", "_refused", "_said")

    def __init__(self, said: SaidByLeaf, names: LinesByName, refused: Mapping[tuple[Leaf[Any], str], int]) -> None:
        self._said = said
        self._names = names
        self._refused = refused

    def names(self, label: str) -> Mapping[str, int]:
        """The names given for an angle-bracket word, each with the line of its first mention."""
        return self._names.get(label, {})

    def sayings(self, leaf: Leaf[Any], name: str = "") -> list[Said]:
        """Everything said for the leaf, in order."""
        return self._said.get(leaf, NOTHING).get(name, [])

    def named_sayings(self, leaf: Leaf[Any]) -> Mapping[str, list[Said]]:
        """Everything said for the leaf, for each name."""
        return self._said.get(leaf, NOTHING)

    def has_said(self, leaf: Leaf[Any], name: str = "") -> bool:
        """Whether something was said, even if it was refused."""
        return bool(self.sayings(leaf, name)) or (leaf, name) in self._refused

    def value(self, leaf: Leaf[T], name: str = "") -> T | None:
        """The value of a single leaf, its default where nothing was said."""
        said = self.sayings(leaf, name)
        return cast(T, said[0].value) if said else leaf.default

    def certain_value(self, leaf: Leaf[T], name: str = "") -> T:
        """As `value`, for leaves that are required or have a default. Raises MisuseError where neither holds."""
        found = self.value(leaf, name)
        if found is None:
            raise MisuseError(f"{leaf.path} was neither said nor has it a default")
        return found

    def values(self, leaf: Leaf[T], name: str = "") -> tuple[T, ...]:
        """The values of a list leaf, its defaults where nothing was said."""
        said = self.sayings(leaf, name)
        return tuple(cast(T, one.value) for one in said) if said else leaf.defaults

    def line(self, leaf: Leaf[Any], name: str = "") -> int:
        """The line where the leaf was said first, even if it was refused, else that of its name, else 1."""
        said = self.sayings(leaf, name)
        return said[0].line if said else self._refused.get((leaf, name)) or self.names(leaf.label()).get(name, 1)

    def walk(self) -> Iterator[tuple[Leaf[Any], str, list[Said]]]:
        """Everything said, in the order in which it is printed."""
        for section in SECTIONS:
            for name in self.names(section.label()) if section.label() else ("",):
                for leaf in section.leaves:
                    if said := self.sayings(leaf, name):
                        yield leaf, name, said
