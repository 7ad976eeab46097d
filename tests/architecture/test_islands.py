# SPDX-License-Identifier: Apache-2.0
"""Each Cython island has a stub that tells the truth about it."""

import ast
import importlib

import pytest

from tests.architecture.source_tree import PACKAGE, ROOT

ISLANDS = sorted(path.stem for path in (ROOT / "ext").glob("*.pyx"))


def public(names) -> set[str]:
    return {name for name in names if not name.startswith("_")}


def stub_names(name: str) -> dict[str, set[str]]:
    """Public name -> its public members (empty for functions and values), as the stub has them."""
    found: dict[str, set[str]] = {}
    for node in ast.parse((PACKAGE / "native" / f"{name}.pyi").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            found[node.name] = {item.name if isinstance(item, ast.FunctionDef) else item.target.id for item in node.body
                                if isinstance(item, ast.FunctionDef | ast.AnnAssign)}
        elif isinstance(node, ast.FunctionDef):
            found[node.name] = set()
        elif isinstance(node, ast.AnnAssign):
            found[node.target.id] = set()
        elif isinstance(node, ast.Assign):
            found.update((target.id, set()) for target in node.targets)
    return {name: members for name, members in found.items() if not name.startswith("_")}


def own_names(module) -> dict[str, object]:
    """What the built island gives: everything public that it does not merely import."""
    return {name: value for name, value in vars(module).items()
            if not name.startswith("_") and getattr(value, "__module__", module.__name__) in (module.__name__, None)
            and not isinstance(value, type(ast))}


def test_every_stub_has_its_island():
    assert sorted(path.stem for path in (PACKAGE / "native").glob("*.pyi")) == ISLANDS


@pytest.mark.parametrize("name", ISLANDS)
def test_the_stub_and_the_island_have_the_same_names(name):
    assert (PACKAGE / "native" / f"{name}.pyi").is_file()
    built = own_names(importlib.import_module(f"appliance.native.{name}"))
    assert public(stub_names(name)) == set(built)


@pytest.mark.parametrize("name", ISLANDS)
def test_the_classes_have_the_members_that_the_stub_promises(name):
    module = importlib.import_module(f"appliance.native.{name}")
    for kind, members in stub_names(name).items():
        value = getattr(module, kind)
        if isinstance(value, type) and not issubclass(value, Exception):
            assert public(members) == public(vars(value)), kind


@pytest.mark.parametrize("name", ISLANDS)
def test_an_island_is_self_contained(name):
    """It cimports nothing but libc, cpython, posix and header-only .pxd files of its own folder."""
    wrong = []
    for line in (ROOT / "ext" / f"{name}.pyx").read_text(encoding="utf-8").splitlines():
        words = line.split()
        if "cimport" in words and words[0] in {"from", "cimport"}:
            root = words[1].split(".")[0]
            if root not in {"libc", "cpython", "posix", "cython"} and not (ROOT / "ext" / f"{root}.pxd").is_file():
                wrong.append(line)
    assert wrong == []
