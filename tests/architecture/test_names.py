# SPDX-License-Identifier: Apache-2.0
"""Names: the RFC's words, whole; no word that says nothing."""

import ast
import re

from tests.architecture.source_tree import ROOT, functions_of, python_modules, repository_files

EMPTY_WORDS = {"util", "utils", "misc", "common", "helper", "helpers", "tool", "tools", "manager", "base", "data",
               "info"}
TOP_LEVEL = {"pyproject.toml", "setup.py", "appliance", "ext", "board", "systemd", "tests", "README.md", "README.ja.md",
             "Makefile", "LICENSE", "CHANGELOG.md", "docs", ".ci", ".gitignore"}
SNAKE_CASE = re.compile(r"_{0,2}[a-z][a-z0-9_]*_{0,2}")


def words_of(name: str) -> set[str]:
    """The words of a snake_case or CapWords name, in lower case."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)}


def test_no_module_or_class_is_named_by_an_empty_word():
    wrong = [f"{module.path}" for module in (*python_modules("appliance"), *python_modules("tests"))
             if EMPTY_WORDS & words_of(module.path.stem)]
    wrong += [f"{module.path}:{node.lineno} {node.name}" for module in python_modules("appliance")
              for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef) and EMPTY_WORDS & words_of(node.name)]
    wrong += [str(path) for path in repository_files()
              if path.suffix in {".pyx", ".pxd"} and EMPTY_WORDS & words_of(path.stem)]
    assert wrong == []


def test_words_of_a_name():
    assert words_of("HTTPDataThing") == {"http", "data", "thing"}
    assert words_of("sip_base64") == {"sip", "base64"}


def test_source_files_are_snake_case():
    wrong = [str(path) for path in repository_files()
             if path.suffix in {".py", ".pyx", ".pxd", ".pyi"} and not SNAKE_CASE.fullmatch(path.stem)]
    assert wrong == []


def test_predicates_answer_yes_or_no():
    wrong = [function.where for module in python_modules("appliance") for function in functions_of(module)
             if re.match(r"_?(is|has|may)_", function.node.name)
             and ast.unparse(function.node.returns or ast.Constant(None)) != "bool"]
    assert wrong == []


def test_the_top_level_is_fixed():
    assert {path.parts[0] for path in repository_files()} - TOP_LEVEL == set()


def test_what_a_checkout_must_have_is_there():
    needed = ["README.md", "LICENSE", "CHANGELOG.md", "Makefile", ".ci/run", "pyproject.toml", "docs/architecture.md"]
    assert [name for name in needed if not (ROOT / name).is_file()] == []


def test_no_source_is_kept_out_of_version_control():
    """An ignore pattern that is too wide would make a checkout that does not start."""
    kept = set(repository_files())
    sources = {module.path for folder in ("appliance", "tests") for module in python_modules(folder)}
    assert sorted(str(path) for path in sources - kept) == []
