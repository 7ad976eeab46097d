# SPDX-License-Identifier: Apache-2.0
"""`explain call N`: the cause in a sentence, the evidence, and what to do."""

from typing import TYPE_CHECKING

from appliance.console.messages.catalog import say
from appliance.console.messages.said_again import say_again
from appliance.console.table import GAP, WIDTH, clean, wrap_cells, wrap_prose

if TYPE_CHECKING:
    from appliance.control.observed import Explanation

MOMENT_WIDTH = 14


def render(result: "Explanation") -> str:
    """A paragraph; times of day in UTC."""
    lines = [say("call {number}: ", number=result["number"]) + clean(say_again(result["sentence"]))]
    if result["evidence"]:
        lines.append(say("evidence"))
        for one in result["evidence"]:
            column = len(GAP) + MOMENT_WIDTH
            first, *rest = wrap_cells(clean(say_again(one["text"])), WIDTH - column)
            lines.append(f"{GAP}{one['at'][11:23]:<{MOMENT_WIDTH}}{first}")
            lines += [" " * column + line for line in rest]
    if result["remedy"]:
        lines.append(say("remedy: ") + clean(say_again(result["remedy"])))
    lines += [say("also: ") + clean(say_again(sentence)) for sentence in result["also"]]
    return "".join(f"{wrap_prose(line)}\n" for line in lines)
