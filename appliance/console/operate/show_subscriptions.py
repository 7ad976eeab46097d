# SPDX-License-Identifier: Apache-2.0
"""`show subscriptions`: one line a subscription."""

from typing import TYPE_CHECKING

from appliance.console.messages.catalog import say
from appliance.console.table import render_duration, render_table

if TYPE_CHECKING:
    from appliance.control.observed import WatchedState


def render(result: "list[WatchedState]") -> str:
    """Who watches what, by the watched extension."""
    if not result:
        return say("nobody watches anything") + "\n"
    rows = [(row["target"], row["package"], row["watcher"], f"{row['address']} {row['transport']}",
             render_duration(row["expires_s"]), "yes" if row["is_up_to_date"] else "not yet") for row in result]
    return render_table(("extension", "event", "watched by", "at", "expires", "told"), rows)
