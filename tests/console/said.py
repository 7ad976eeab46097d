# SPDX-License-Identifier: Apache-2.0
"""Every English sentence that the console says, by a walk over its syntax trees and its tables."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from appliance.config.schema import LEAVES, SECTIONS
from appliance.console.commands import COMMANDS, GROUPS, OPTIONS, PLACES
from appliance.console.configure.verbs import COMMIT_WORDS, VERBS
from appliance.console.operate.show_alarms import WORDINGS
from appliance.console.pipes import PIPES

CONSOLE = Path(__file__).parents[2] / "appliance" / "console"
CONFIG = CONSOLE.parent / "config"
SAMPLE = "17"
WORD = re.compile("[a-z]{2}")
REFUSALS = {"report_error": 2, "report_warning": 2, "refuse": 3, "_refuse": 2, "ValueRefused": 0, "LineRefused": 0}
"""Who says what is wrong, and where in the call that begins."""
ASSIGNED = ("wrong", "remedy", "allowed")


def list_literals() -> Iterator[tuple[str, str]]:
    """(file, sentence) of each `say("...")`; both sides of a choice. A variable must be one of the tables below."""
    for path in sorted(CONSOLE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say":
                yield from ((str(path), text) for text in _constants(node.args[0]))


def _constants(node: ast.expr) -> list[str]:
    if isinstance(node, ast.IfExp):
        return _constants(node.body) + _constants(node.orelse)
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def list_sentences() -> dict[str, None]:
    """Each once, in the order of the files; what comes from the configuration's schema is not among them."""
    tables = [command.help for command in COMMANDS if command.help]
    for table in (PLACES, GROUPS, OPTIONS, COMMIT_WORDS, PIPES):
        tables += table.values()
    tables += [verb.help for verb in VERBS]
    tables += [text for wording in WORDINGS.values() for text in wording]
    return dict.fromkeys([*tables, *(text for _file, text in list_literals())])


def list_schema_sentences() -> dict[str, None]:
    """Titles of sections, help of leaves, and what holds where nothing is said."""
    return dict.fromkeys([*(section.title for section in SECTIONS), *(leaf.help for leaf in LEAVES), "required", "none",
                          *(leaf.remark for leaf in LEAVES if leaf.remark)])


def list_value_sentences() -> dict[str, None]:
    """What kinds of values allow, for leaves and for names."""
    kinds = [*(leaf.kind for leaf in LEAVES), *(section.name_kind for section in SECTIONS if section.name_kind)]
    return dict.fromkeys(kind.allowed for kind in kinds if not kind.choices)


def list_finding_sentences() -> dict[str, None]:
    """What may be wrong with a configuration and what is allowed, with a sample in the place of each value."""
    return dict.fromkeys(text for path in sorted(CONFIG.rglob("*.py"))
                         for node in ast.walk(ast.parse(path.read_text("utf-8"))) for text in _find_sentences(node)
                         if WORD.search(text.replace(SAMPLE, "")) and not text.startswith(("set ", "# ", "one of ")))


def list_step_sentences() -> dict[str, None]:
    """What the network's steps are called, with a sample in the place of each value."""
    path = CONFIG.parent / "networking" / "steps.py"
    functions = [node for node in ast.walk(ast.parse(path.read_text("utf-8")))
                 if isinstance(node, ast.FunctionDef) and node.name == "__str__"]
    return dict.fromkeys(text for function in functions for node in ast.walk(function)
                         if isinstance(node, ast.Return) and node.value is not None for text in _fill(node.value))


def list_explanation_sentences() -> dict[str, None]:
    """Why calls went as they did, what proves it, what to do."""
    found: dict[str, None] = {}
    for path in sorted((CONFIG.parent / "diagnosis" / "explain").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            wanted: list[ast.expr] = []
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Finding", "Proof"):
                wanted = node.args[1:]
            elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
                wanted = node.value.elts
            elif isinstance(node, ast.Dict):
                wanted = [part for value in node.values for part in getattr(value, "elts", [value])]
            found.update(dict.fromkeys(text.replace("{0}", SAMPLE) for one in wanted for text in _fill(one)
                                       if " " in text))
    return found


def _find_sentences(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
        name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        for argument in node.args[REFUSALS.get(name, len(node.args)):]:
            yield from _fill(argument)
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in ASSIGNED:
        yield from _fill(node.value)


def _fill(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else SAMPLE for part in node.values)
    elif isinstance(node, ast.IfExp):
        yield from _fill(node.body)
        yield from _fill(node.orelse)
