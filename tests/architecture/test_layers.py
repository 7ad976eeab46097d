# SPDX-License-Identifier: Apache-2.0
"""Imports go down only, never sideways between rooms, never in a circle; only layer 5 and above has hands."""

import ast
import re

import pytest

import appliance
from tests.architecture.source_tree import PACKAGE, ROOT, Import, Module, imports_of, python_modules

HANDS = {"asyncio", "socket", "select", "selectors", "ssl", "threading", "subprocess", "multiprocessing", "concurrent",
         "os", "time", "random", "secrets", "uuid", "logging", "sqlite3", "pyroute2", "alsaaudio", "pathlib", "shutil",
         "tempfile", "fcntl", "signal"}
FILE_WORDS = {"read_text", "read_bytes", "write_text", "write_bytes", "fdopen"}
CLOCK_WORDS = {"now", "today", "utcnow"}
HANDLESS_LAYERS = range(5)
ONLY_UNDER = {"pyroute2": ("appliance.system.network", "appliance.system.firewall"),
              "alsaaudio": ("appliance.system.sound",),
              "appliance.native.sip_sockets": ("appliance.system",)}
MODULES = python_modules("appliance")


def read_layers() -> dict[str, int]:
    """Room -> layer, from the LAYERS paragraph of appliance/__init__.py."""
    layers = {}
    for line in appliance.LAYERS.strip().splitlines():
        number, names = re.fullmatch(r"(\d)  (\S+(?: \S+)*)\s{2,}\S.*", line).groups()
        layers.update((name, int(number)) for name in names.split())
    return layers


LAYERS = read_layers()


def target_room(found: Import) -> str | None:
    parts = found.target.split(".")
    return parts[1] if parts[0] == "appliance" and len(parts) > 1 else None


def handless_modules() -> list[Module]:
    return [module for module in MODULES if LAYERS.get(module.room) in HANDLESS_LAYERS]


def test_every_room_on_disk_has_a_layer():
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    beside = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    assert (rooms | beside) - set(LAYERS) == set()


def test_the_architecture_page_tells_the_same_layers():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    told = {name: int(number) for number, names in re.findall(r"^\| (\d) \| ((?:`\w+` ?)+)\|", page, re.MULTILINE)
            for name in re.findall(r"`(\w+)`", names)}
    assert told
    assert {name: LAYERS.get(name) for name in told} == told


def test_imports_go_down_and_never_sideways():
    wrong = []
    for module in MODULES:
        for found in imports_of(module):
            room = target_room(found)
            if room is None or not module.room or room == module.room or room not in LAYERS:
                continue
            is_shared = LAYERS[room] == LAYERS[module.room] == 0
            if LAYERS[room] >= LAYERS[module.room] and not is_shared:
                wrong.append(f"{module.path}:{found.line} imports {found.target}")
    assert wrong == []


def test_no_import_is_relative():
    wrong = [f"{module.path}:{node.lineno}" for module in MODULES for node in ast.walk(module.tree)
             if isinstance(node, ast.ImportFrom) and node.level]
    assert wrong == []


def test_rooms_without_hands_import_none():
    wrong = [f"{module.path}:{found.line} imports {found.target}" for module in handless_modules()
             for found in imports_of(module) if found.target.split(".")[0] in HANDS]
    assert wrong == []


def test_rooms_without_hands_open_no_file_and_read_no_clock():
    wrong = []
    for module in handless_modules():
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Call):
                continue
            called = node.func
            if isinstance(called, ast.Name) and called.id in {"open", "input", "exec", "eval", "__import__"}:
                wrong.append(f"{module.path}:{node.lineno} calls {called.id}")
            elif isinstance(called, ast.Attribute) and (
                    called.attr in FILE_WORDS
                    or (called.attr in CLOCK_WORDS and isinstance(called.value, ast.Name)
                        and called.value.id in {"datetime", "date"})):
                wrong.append(f"{module.path}:{node.lineno} calls {called.attr}")
    assert wrong == []


@pytest.mark.parametrize("name", ONLY_UNDER)
def test_costly_or_handy_imports_stay_in_their_room(name):
    wrong = [f"{module.path}:{found.line}" for module in MODULES if not module.name.startswith(ONLY_UNDER[name])
             for found in imports_of(module) if found.target == name or found.target.startswith(f"{name}.")]
    assert wrong == []


def import_graph() -> dict[str, set[str]]:
    """Module -> modules of ours that it imports, wherever the import stands (a circle for typing alone is one too)."""
    names = {module.name for module in MODULES}
    graph: dict[str, set[str]] = {}
    for module in MODULES:
        targets = {found.target for found in imports_of(module)}
        graph[module.name] = {name if name in names else name.rpartition(".")[0] for name in targets} & names
        graph[module.name].discard(module.name)
    return graph


def find_circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Strongly connected components of more than one module (Tarjan 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    circles = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for target in sorted(graph[name]):
            if target not in index:
                visit(target)
                low[name] = min(low[name], low[target])
            elif target in stack:
                low[name] = min(low[name], index[target])
        if low[name] == index[name]:
            circle = stack[stack.index(name):]
            del stack[stack.index(name):]
            if len(circle) > 1:
                circles.append(sorted(circle))

    for name in sorted(graph):
        if name not in index:
            visit(name)
    return circles


def test_no_import_circles():
    assert find_circles(import_graph()) == []


def test_a_circle_would_be_found():
    assert find_circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
