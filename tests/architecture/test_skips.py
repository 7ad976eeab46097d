# SPDX-License-Identifier: Apache-2.0
"""No skip without a reason, none of a kind that is not listed, no expected failure, no vector commented out; nothing
that fails by chance: no stopwatch, no sleep without a real peer."""

import ast

from tests.architecture.allowed_skips import is_allowed
from tests.architecture.source_tree import python_modules

CALLS = {"skip": 0, "skipif": None, "importorskip": None}
STOPWATCHES = {"process_time", "perf_counter", "thread_time"}
WAITS = {"waitpid", "wait3", "wait4"}


def skip_calls():
    for module in python_modules("tests"):
        for node in ast.walk(module.tree):
            if (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CALLS
                    and ast.unparse(node.func).startswith(("pytest.", "mark.", "unittest."))):
                yield module, node


def reason_of(node: ast.Call) -> ast.expr | None:
    named = [item.value for item in node.keywords if item.arg in {"reason", "msg"}]
    position = CALLS[node.func.attr]
    return named[0] if named else node.args[position] if position is not None and len(node.args) > position else None


def test_every_skip_has_a_reason():
    assert [f"{module.path}:{node.lineno}" for module, node in skip_calls() if reason_of(node) is None] == []


def test_every_literal_reason_is_allowed():
    wrong = []
    for module, node in skip_calls():
        reason = reason_of(node)
        if isinstance(reason, ast.Constant) and not is_allowed(reason.value):
            wrong.append(f"{module.path}:{node.lineno} {reason.value!r}")
    assert wrong == []


def test_nothing_is_expected_to_fail():
    wrong = [f"{module.path}:{node.lineno}" for module in python_modules("tests") for node in ast.walk(module.tree)
             if isinstance(node, ast.Attribute) and node.attr == "xfail" and ast.unparse(node).startswith("pytest.")]
    assert wrong == []


def test_no_test_is_commented_out():
    wrong = [f"{module.path}:{number}" for module in python_modules("tests")
             for number, line in enumerate(module.text.splitlines(), 1)
             if line.lstrip().startswith(("# def test_", "#def test_", "# @pytest.mark", "#@pytest.mark"))]
    assert wrong == []


def test_no_test_sleeps_outside_the_real_peers():
    """Time is a parameter in units; only tests against real programs may wait."""
    wrong = [f"{module.path}:{node.lineno}" for module in python_modules("tests")
             if module.path.parts[1] not in {"interop", "bench", "system"} for node in ast.walk(module.tree)
             if isinstance(node, ast.Call) and ast.unparse(node.func) in {"time.sleep", "sleep"}]
    assert wrong == []


def test_nothing_is_timed_outside_the_benchmarks():
    """A time that is asserted fails by chance one day: work is counted (tests/work.py, tests/native/counted_island.py),
    and how long it takes is for `make bench`."""
    wrong = [f"{module.path}:{node.lineno}" for module in python_modules("tests") if module.path.parts[1] != "bench"
             for node in ast.walk(module.tree)
             if (node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
                 ).removesuffix("_ns") in STOPWATCHES]
    assert wrong == []


def test_no_test_waits_for_the_children_of_others():
    """Whatever a process has only one of belongs to every test that runs in it."""
    wrong = [f"{module.path}:{node.lineno}" for module in python_modules("tests") for node in ast.walk(module.tree)
             if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WAITS
             and (not node.args or ast.unparse(node.args[0]) in {"-1", "0"})]
    assert wrong == []
