# SPDX-License-Identifier: Apache-2.0
"""`show calls` and `show calls all`: one line a call."""

from typing import TYPE_CHECKING

from appliance.console.messages.catalog import say
from appliance.console.table import render_duration, render_table

if TYPE_CHECKING:
    from appliance.control.observed import Call


HEADINGS = ("call", "state", "caller", "callee", "started (UTC)", "duration", "trunk")


def render(result: "list[Call]") -> str:
    """The calls in their order; a call that failed shows with which status."""
    if not result:
        return say("no calls") + "\n"
    count = len(HEADINGS) if any(row["trunk"] for row in result) else len(HEADINGS) - 1
    rows = [(row["number"], describe_state(row), row["caller"], row["callee"], render_time(row["started_at"]),
             render_duration(row["duration_s"]), row["trunk"])[:count] for row in result]
    return render_table(HEADINGS[:count], rows)


def describe_state(call: "Call") -> str:
    """The state in a word, with the status of a call that was not answered."""
    is_failed = call["state"] == "ended" and not call["answered_at"]
    return f"ended {call['status']}" if is_failed and call["status"] else call["state"]


def render_time(moment: str) -> str:
    """An RFC 3339 moment without its T, fraction and zone."""
    return moment[:19].replace("T", " ")
