# SPDX-License-Identifier: Apache-2.0
"""What every source file keeps to: licence line, docstring, annotations, narrow excepts, nobody's own paths."""

import ast
import re
from collections import Counter
from pathlib import Path

from tests.architecture.exceptions import BROAD_EXCEPTS
from tests.architecture.source_tree import ROOT, Module, functions_of, python_modules, repository_files

SPDX = "SPDX-License-Identifier: Apache-2.0"
SOURCES = {".py", ".pyx", ".pxd", ".pyi", ".c", ".h", ".sh", ".xml", ".service", ".cfg"}
DOCSTRING_LINES = 8
# Absolute places that exist on one machine only.
SOMEBODYS_PLACE = re.compile(r"(?<![\w.}/-])/(?:work|root|Users|mnt/c)(?:/|\b)")
SECRET_FIELD = re.compile(r"(?!is_|has_)(?:\w+_)?(?:secret|password|ha1s?)")
EVERY_MODULE = (*python_modules("appliance"), *python_modules("tests"))


def is_made_by_cython(path: Path) -> bool:
    return path.suffix == ".c" and (ROOT / path).with_suffix(".pyx").is_file()


def test_every_source_names_its_licence():
    wrong = []
    for path in repository_files():
        if path.suffix in SOURCES and "vectors" not in path.parts and not is_made_by_cython(path):
            first = (ROOT / path).read_text(encoding="utf-8").split("\n", 2)[:2]
            if not any(SPDX in line for line in first):
                wrong.append(str(path))
    assert wrong == []


def test_every_module_says_what_it_is_in_at_most_eight_lines():
    wrong = []
    for module in EVERY_MODULE:
        docstring = ast.get_docstring(module.tree, clean=False)
        if docstring is None or docstring.strip().count("\n") + 1 > DOCSTRING_LINES:
            wrong.append(str(module.path))
    assert wrong == []


def test_every_public_class_and_function_of_the_program_is_documented_or_plain():
    """A public class says what it is; functions may speak through their names when they are short."""
    wrong = [f"{module.path}:{node.lineno} {node.name}" for module in python_modules("appliance")
             for node in module.tree.body
             if isinstance(node, ast.ClassDef) and not node.name.startswith("_") and ast.get_docstring(node) is None]
    assert wrong == []


def test_every_function_of_the_program_is_annotated():
    wrong = []
    for module in python_modules("appliance"):
        for function in functions_of(module):
            arguments = function.node.args
            named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
            named = named[1:] if function.is_method else named
            named += [item for item in (arguments.vararg, arguments.kwarg) if item]
            if function.node.returns is None or any(item.annotation is None for item in named):
                wrong.append(function.where)
    assert wrong == []


def is_everything(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in {"Exception", "BaseException"}


def broad_excepts(module: Module) -> list[int]:
    """Lines of handlers that catch everything and keep it: one that ends in `raise` only cleans up."""
    lines = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ExceptHandler):
            if isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None:
                continue
            kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            if any(kind is None or is_everything(kind) for kind in kinds):
                lines.append(node.lineno)
        elif isinstance(node, ast.Call) and "suppress" in ast.unparse(node.func) and any(map(is_everything, node.args)):
            lines.append(node.lineno)
    return lines


def test_nothing_catches_everything_but_one_main_loop_a_daemon():
    found = Counter({str(module.path): len(broad_excepts(module)) for module in python_modules("appliance")})
    assert {path: count for path, count in found.items() if count and path not in BROAD_EXCEPTS} == {}
    assert [path for path in BROAD_EXCEPTS if found[path] != 1 or not path.startswith("appliance/daemons/")] == []


def test_a_handler_that_does_nothing_says_why():
    """But for `try: return ...`, which plainly goes on to the next attempt."""
    wrong = []
    for module in python_modules("appliance"):
        lines = module.text.splitlines()
        handlers = [handler for node in ast.walk(module.tree) if isinstance(node, ast.Try)
                    and not isinstance(node.body[-1], ast.Return) for handler in node.handlers]
        for node in handlers:
            if (all(isinstance(item, ast.Pass) for item in node.body)
                    and not any("#" in line for line in lines[node.lineno - 1:node.body[-1].lineno])):
                wrong.append(f"{module.path}:{node.lineno}")
    assert wrong == []


def test_no_text_names_a_place_on_somebodys_machine():
    wrong = []
    for path in repository_files():
        octets = (ROOT / path).read_bytes()
        if b"\0" in octets or "vectors" in path.parts:
            continue
        for number, line in enumerate(octets.decode("utf-8", "replace").splitlines(), 1):
            if SOMEBODYS_PLACE.search(line):
                wrong.append(f"{path}:{number}")
    assert wrong == []


def test_nothing_is_left_to_be_done():
    word = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
    wrong = [f"{module.path}:{number}" for module in python_modules("appliance")
             for number, line in enumerate(module.text.splitlines(), 1) if word.search(line)]
    assert wrong == []


def says_its_fields(node: ast.ClassDef) -> bool:
    """Whether its repr is made of its fields: a tuple or a dataclass without one of its own."""
    made = "".join(map(ast.unparse, (*node.bases, *node.decorator_list)))
    has_own = any(isinstance(one, ast.FunctionDef) and one.name == "__repr__" for one in node.body)
    return ("NamedTuple" in made or "dataclass" in made) and not has_own


def test_no_value_shows_a_secret_in_its_repr():
    """A traceback or a journal line that prints a value must not print what it keeps."""
    wrong = []
    for module in python_modules("appliance"):
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef) and says_its_fields(node):
                wrong += [f"{module.path}: {node.name}.{field.target.id}" for field in node.body
                          if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
                          and SECRET_FIELD.fullmatch(field.target.id)
                          and "repr=False" not in ast.unparse(field)]
    assert wrong == []
