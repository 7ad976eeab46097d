# SPDX-License-Identifier: Apache-2.0
"""What the schema is made of: leaves, grouped in sections. A path word in angle brackets stands for a name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from appliance.config.kind import Kind

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Leaf(Generic[T]):
    """One path that takes a value.

    path: its words, such as `sip listener <listener> port`; help: one sentence for people.
    is_list: repeated lines add, in order; is_required: once its section is mentioned at all.
    default: of a single leaf; defaults: of a list. is_built: False makes a warning; not_built: the same for single
    values, each with what happens instead. refers_to: the angle-bracket word whose names the value must be among,
    reference: how to take the name out of the value.
    """

    path: str
    kind: Kind[T]
    help: str
    is_list: bool = False
    is_required: bool = False
    default: T | None = None
    defaults: tuple[T, ...] = ()
    is_built: bool = True
    not_built: Mapping[str, str] = field(default_factory=dict)
    refers_to: str = ""
    reference: Callable[[T], str] = str
    remark: str = ""

    def label(self) -> str:
        """The angle-bracket word of the path, without brackets; empty where there is none."""
        return self.path.partition("<")[2].partition(">")[0]

    def path_for(self, name: str) -> str:
        """The path with the name in its place."""
        return self.path.replace(f"<{self.label()}>", name) if name else self.path


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """Leaves that belong together. path: what they share; is_built: False makes one warning for each name."""

    path: str
    title: str
    help: str
    leaves: tuple[Leaf[Any], ...]
    is_built: bool = True
    name_kind: Kind[str] | None = None

    def label(self) -> str:
        """As Leaf.label."""
        return self.path.partition("<")[2].partition(">")[0]

    def path_for(self, name: str) -> str:
        """As Leaf.path_for."""
        return self.path.replace(f"<{self.label()}>", name) if name else self.path
