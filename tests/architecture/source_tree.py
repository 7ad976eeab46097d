# SPDX-License-Identifier: Apache-2.0
"""The source tree as the architecture tests see it: files, syntax trees, imports, functions. Nothing is imported."""

import ast
import functools
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "appliance"
GENERATED = {".venv", "build", "var", "dist", "__pycache__", ".git", ".hypothesis", ".mypy_cache", ".ruff_cache",
             ".pytest_cache", "denwaban.egg-info"}


@dataclass(frozen=True)
class Module:
    """One Python file: `name` is dotted, `path` relative to the root."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def room(self) -> str:
        """The part after `appliance.`: a room, or a module that stands beside the rooms."""
        return self.name.split(".")[1] if "." in self.name else ""

    @property
    def lines(self) -> int:
        return self.text.count("\n")


@dataclass(frozen=True)
class Import:
    """One imported module, with what is taken from it."""

    target: str
    line: int


@dataclass(frozen=True)
class Function:
    """One function or method, `length` without its docstring and decorators."""

    where: str
    node: ast.FunctionDef | ast.AsyncFunctionDef
    length: int
    is_method: bool


@functools.cache
def python_modules(folder: str) -> tuple[Module, ...]:
    """Every Python file below that folder of the root, stubs not included."""
    found = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        relative = path.relative_to(ROOT)
        if GENERATED.intersection(relative.parts):
            continue
        parts = relative.with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        text = path.read_text(encoding="utf-8")
        found.append(Module(name, relative, text, ast.parse(text, str(relative))))
    return tuple(found)


@functools.cache
def repository_files() -> tuple[Path, ...]:
    """Every file under version control or about to be, relative to the root; without git the tree is walked."""
    names = _ask_git() or [path.relative_to(ROOT) for path in ROOT.rglob("*")]
    return tuple(sorted(name for name in names if not GENERATED.intersection(name.parts) and (ROOT / name).is_file()))


def _ask_git() -> list[Path]:
    if shutil.which("git") is None:
        return []
    asked = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"],
                           cwd=ROOT, capture_output=True, text=True, check=False)
    return [Path(line) for line in asked.stdout.splitlines()]


def imports_of(module: Module) -> Iterator[Import]:
    """Absolute names of all imports of the module, wherever they stand in it; `from a import b` gives a.b and a."""
    package = module.name if module.path.name == "__init__.py" else module.name.rpartition(".")[0]
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            parent = package.rsplit(".", node.level - 1)[0] if node.level else ""
            source = ".".join(part for part in (parent, node.module) if part)
            for alias in node.names:
                yield Import(f"{source}.{alias.name}", node.lineno)


def functions_of(module: Module) -> Iterator[Function]:
    """Every function of the module, methods and inner ones too."""
    methods = {id(item) for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef) for item in node.body}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            end = node.end_lineno or node.lineno
            docstring = node.body[0] if ast.get_docstring(node, clean=False) is not None else None
            told = (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1 if docstring else 0
            is_method = id(node) in methods and not any(_is_named(item, "staticmethod") for item in node.decorator_list)
            yield Function(f"{module.path}:{node.lineno} {node.name}", node, end - node.lineno + 1 - told, is_method)


def _is_named(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def quantile(values: list[int], share: float) -> int:
    """The value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
