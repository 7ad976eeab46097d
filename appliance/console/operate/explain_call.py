# SPDX-License-Identifier: Apache-2.0
"""`explain call N`: the cause in a sentence, the evidence, and what to do."""

from typing import TYPE_CHECKING

from appliance.console.messages.catalog import say
from appliance.console.table import WIDTH, clean

if TYPE_CHECKING:
    from appliance.control.observed import Explanation

MOMENT_WIDTH = 14


def render(result: "Explanation") -> str:
    """A paragraph; times of day in UTC."""
    lines = [f"call {result['number']}: {clean(result['sentence'])}"]
    lines += _wrap(lines.pop(), "", "  ")
    if result["evidence"]:
        lines.append("evidence")
        for one in result["evidence"]:
            moment = one["at"][11:23]
            lines += _wrap(clean(one["text"]), f"  {moment:<{MOMENT_WIDTH}}", " " * (MOMENT_WIDTH + 2))
    if result["remedy"]:
        lines += _wrap(clean(result["remedy"]), say("remedy: "), "  ")
    for sentence in result["also"]:
        lines += _wrap(clean(sentence), say("also: "), "  ")
    return "\n".join(lines) + "\n"


def _wrap(text: str, first: str, rest: str) -> list[str]:
    from textwrap import wrap  # only here: it costs the start of the console
    return wrap(text, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False) or [first.rstrip()]
