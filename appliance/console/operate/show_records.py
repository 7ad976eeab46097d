# SPDX-License-Identifier: Apache-2.0
"""`show records`: calls that are over, one a line, also of earlier days."""

from typing import TYPE_CHECKING

from appliance.console.messages.catalog import say
from appliance.console.operate.show_calls import render_time
from appliance.console.table import render_duration, render_table

if TYPE_CHECKING:
    from appliance.control.observed import Call


def render(result: "list[Call]") -> str:
    """The records, oldest first."""
    if not result:
        return say("no records") + "\n"
    rows = [(row["number"], render_time(row["started_at"]), row["caller"], row["callee"],
             row["result"] if row["result"] == "answered" else f"{row['result']} {row['status'] or ''}".rstrip(),
             render_duration(row["duration_s"]), row["trunk"]) for row in result]
    return render_table(("call", "started (UTC)", "caller", "callee", "result", "duration", "trunk"), rows)
