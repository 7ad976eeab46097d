# SPDX-License-Identifier: Apache-2.0
"""`show configuration`: what runs, as `set` lines, with the operator's comments."""

from appliance.console.servers import CONFIGURATION
from appliance.console.table import clean

SERVER = CONFIGURATION


def ask(_words: list[str]) -> list[str]:
    """The running text."""
    return ["running"]


def render(result: object) -> str:
    """The text as it is, but for what would move the cursor: a file that was edited by hand may hold anything."""
    text = str(result)
    shown = "\n".join("\t".join(map(clean, line.split("\t"))) for line in text.split("\n"))
    return shown if shown.endswith("\n") or not shown else shown + "\n"
