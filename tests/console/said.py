# SPDX-License-Identifier: Apache-2.0
"""Every English sentence that the console says, by a walk over its syntax trees and its tables."""

import ast
from collections.abc import Iterator
from pathlib import Path

from appliance.config.schema import LEAVES, SECTIONS
from appliance.console.commands import COMMANDS, GROUPS, OPTIONS, PLACES
from appliance.console.configure.verbs import COMMIT_WORDS, VERBS
from appliance.console.pipes import PIPES
from appliance.vocabulary.trunk_alarm import WORDINGS

CONSOLE = Path(__file__).parents[2] / "appliance" / "console"


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
    """Titles of sections and help of leaves."""
    return dict.fromkeys([*(section.title for section in SECTIONS), *(leaf.help for leaf in LEAVES)])
