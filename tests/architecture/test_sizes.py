# SPDX-License-Identifier: Apache-2.0
"""Sizes: the tail is where beauty is lost."""

import ast

import pytest

from tests.architecture.exceptions import LONG_FILES, LONG_FUNCTIONS, MANY_PARAMETERS
from tests.architecture.source_tree import ROOT, Function, functions_of, python_modules, quantile

FILE_LIMIT, FILE_P95, FILE_MEDIAN = 500, 400, 150
FUNCTION_LIMIT, FUNCTION_P95, FUNCTION_MEDIAN = 60, 40, 10
PARAMETER_LIMIT = 5
EVERYWHERE = ("appliance", "tests")


def key_of(function: Function) -> str:
    place, _, name = function.where.partition(" ")
    return f"{place.rpartition(':')[0]}:{name}"


def count_parameters(function: Function) -> int:
    """Without self or cls, and without a last `now`: the clock is a parameter everywhere."""
    arguments = function.node.args
    names = [item.arg for item in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    if function.is_method:
        names = names[1:]
    return len([name for name in names if name != "now"])


def test_no_file_is_too_long():
    sizes = {str(module.path): module.lines for folder in EVERYWHERE for module in python_modules(folder)}
    sizes |= {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").count("\n")
              for path in (ROOT / "ext").glob("*.p??") if path.suffix == ".pxd"}
    assert {path: size for path, size in sizes.items() if size > FILE_LIMIT and path not in LONG_FILES} == {}
    assert [path for path in LONG_FILES if sizes.get(path, 0) <= FILE_LIMIT] == []


def test_files_are_short_on_the_whole(record_property):
    sizes = [module.lines for module in python_modules("appliance")]
    record_property("file_lines_median", quantile(sizes, 0.5))
    assert quantile(sizes, 0.95) <= FILE_P95
    assert quantile(sizes, 0.5) <= FILE_MEDIAN


@pytest.mark.parametrize("folder", EVERYWHERE)
def test_no_function_is_too_long(folder):
    found = [function for module in python_modules(folder) for function in functions_of(module)]
    assert [function.where for function in found
            if function.length > FUNCTION_LIMIT and key_of(function) not in LONG_FUNCTIONS] == []


def test_functions_are_short_on_the_whole():
    sizes = [function.length for module in python_modules("appliance") for function in functions_of(module)]
    assert quantile(sizes, 0.95) <= FUNCTION_P95
    assert quantile(sizes, 0.5) <= FUNCTION_MEDIAN


def test_functions_take_few_parameters():
    found = [function for module in python_modules("appliance") for function in functions_of(module)]
    assert [f"{function.where}: {count_parameters(function)}" for function in found
            if count_parameters(function) > PARAMETER_LIMIT and key_of(function) not in MANY_PARAMETERS] == []


def test_no_exception_is_listed_in_vain():
    found = {key_of(function): function for folder in EVERYWHERE for module in python_modules(folder)
             for function in functions_of(module)}
    assert [key for key in LONG_FUNCTIONS if key not in found or found[key].length <= FUNCTION_LIMIT] == []
    assert [key for key in MANY_PARAMETERS if key not in found or count_parameters(found[key]) <= PARAMETER_LIMIT] == []


def test_parameters_are_counted_without_self_and_now():
    tree = ast.parse("class A:\n    def one(self, a, b, *, c, now): ...\n").body[0]
    assert count_parameters(Function("x:1 one", tree.body[0], 1, is_method=True)) == 3
