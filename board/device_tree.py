# SPDX-License-Identifier: Apache-2.0
"""Flattened device trees (Devicetree Specification 0.4, chapter 5): what tells two of them apart, as an overlay.

The firmware of a Raspberry Pi 5 loads one tree for both steppings of its chip and, on the later one, an overlay of a
fixed name. Mainline Linux has a tree for each instead, so the overlay is made from them.
"""

import struct
from pathlib import Path

MAGIC, VERSION, COMPATIBLE_VERSION = 0xD00DFEED, 17, 16
BEGIN_NODE, END_NODE, PROPERTY, NOP, END = 1, 2, 3, 4, 9
HEADER_OCTETS, RESERVATION_OCTETS = 40, 16
Tree = dict[str, dict[str, bytes]]
"""The properties of each node by its path; a node comes before its children."""


def read_tree(path: Path) -> Tree:
    """The tree of a .dtb file. Raises ValueError."""
    octets = path.read_bytes()
    magic, _size, structure, strings = struct.unpack_from(">4I", octets)
    if magic != MAGIC:
        raise ValueError(f"{path.name} is no device tree")
    tree: Tree = {}
    names: list[str] = []
    place = structure
    while (token := _read_number(octets, place)) != END:
        place += 4
        if token == BEGIN_NODE:
            name = _read_name(octets, place)
            names.append(name)
            tree["/".join(names) or "/"] = {}
            place = _align(place + len(name) + 1)
        elif token == END_NODE:
            names.pop()
        elif token == PROPERTY:
            length, name_offset = struct.unpack_from(">2I", octets, place)
            value = octets[place + 8 : place + 8 + length]
            tree["/".join(names) or "/"][_read_name(octets, strings + name_offset)] = value
            place = _align(place + 8 + length)
        elif token != NOP:
            raise ValueError(f"{path.name}: unknown token {token}")
    return tree


def compose_overlay(base: Tree, wanted: Tree) -> bytes:
    """An overlay (.dtbo) that makes `wanted` of `base`. Raises ValueError where it would have to take something away
    or to add a node, which none so far has needed."""
    if list(base) != list(wanted):
        raise ValueError("the two trees have different nodes")
    writer = _Writer()
    writer.begin("")
    number = 0
    for path, properties in wanted.items():
        if set(base[path]) - set(properties):
            raise ValueError(f"{path} would lose a property")
        changed = {name: value for name, value in properties.items() if base[path].get(name) != value}
        if changed:
            writer.begin(f"fragment@{number}")
            writer.put("target-path", path.encode() + b"\0")
            writer.begin("__overlay__")
            for name, value in changed.items():
                writer.put(name, value)
            writer.end()
            writer.end()
            number += 1
    writer.end()
    return writer.finish()


class _Writer:
    """Structure and strings of a tree that is being written."""

    def __init__(self) -> None:
        self._structure = bytearray()
        self._strings = bytearray()
        self._offsets: dict[str, int] = {}

    def begin(self, name: str) -> None:
        self._add(struct.pack(">I", BEGIN_NODE) + name.encode() + b"\0")

    def end(self) -> None:
        self._add(struct.pack(">I", END_NODE))

    def put(self, name: str, value: bytes) -> None:
        if name not in self._offsets:
            self._offsets[name] = len(self._strings)
            self._strings += name.encode() + b"\0"
        self._add(struct.pack(">3I", PROPERTY, len(value), self._offsets[name]) + value)

    def _add(self, octets: bytes) -> None:
        self._structure += octets + bytes(-len(octets) % 4)

    def finish(self) -> bytes:
        self._add(struct.pack(">I", END))
        structure = HEADER_OCTETS + RESERVATION_OCTETS
        strings = structure + len(self._structure)
        header = struct.pack(">10I", MAGIC, strings + len(self._strings), structure, strings, HEADER_OCTETS, VERSION,
                             COMPATIBLE_VERSION, 0, len(self._strings), len(self._structure))
        return header + bytes(RESERVATION_OCTETS) + bytes(self._structure) + bytes(self._strings)


def _read_number(octets: bytes, place: int) -> int:
    return int.from_bytes(octets[place : place + 4], "big")


def _read_name(octets: bytes, place: int) -> str:
    return octets[place : octets.index(b"\0", place)].decode("ascii")


def _align(place: int) -> int:
    return (place + 3) & ~3
