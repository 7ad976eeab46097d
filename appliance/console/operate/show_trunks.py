# SPDX-License-Identifier: Apache-2.0
"""`show trunks`: the connections to the outside, and why one is not up."""

from typing import TYPE_CHECKING

from appliance.console.messages.catalog import say
from appliance.console.messages.said_again import say_again
from appliance.console.operate.show_calls import render_time
from appliance.console.table import clean, render_table

if TYPE_CHECKING:
    from appliance.control.observed import Trunk

IS_PROSE = True


def render(result: "list[Trunk]") -> str:
    """One line a trunk; below, what is wrong with those that are not well."""
    if not result:
        return say("no trunk is configured") + "\n"
    rows = [(row["name"], row["state"], row["server"], row["number"], _render_channels(row),
             render_time(row["registered_until"]) or ("static" if row["kind"] == "static" else ""),
             f"{row['qualify_ms']:.0f}" if row["qualify_ms"] >= 0.0 else "") for row in result]
    text = render_table(("trunk", "state", "server", "number", "calls", "until (UTC)", "ms"), rows)
    return text + "".join(map(_render_trouble, result))


def _render_channels(row: "Trunk") -> str:
    return f"{row['channels_used']}/{row['channels_limit']}" if row["channels_limit"] else str(row["channels_used"])


def _render_trouble(row: "Trunk") -> str:
    lines = ""
    if row["reason"]:
        lines += f"{clean(row['name'])}: {clean(say_again(row['reason']))}\n"
    if row["last_failure"] and row["last_failure"] != row["reason"]:
        failed_at = render_time(row["failed_at"])
        lines += say("{trunk}: last failure {at} UTC: {reason}", trunk=clean(row["name"]), at=failed_at,
                     reason=clean(say_again(row["last_failure"]))) + "\n"
    return lines
