# SPDX-License-Identifier: Apache-2.0
"""`show registrations`: one line a binding."""

from typing import TYPE_CHECKING

from appliance.console.messages.catalog import say
from appliance.console.table import render_duration, render_table

if TYPE_CHECKING:
    from appliance.control.observed import Registration


def render(result: "list[Registration]") -> str:
    """The bindings, by extension."""
    if not result:
        return say("no phone is registered") + "\n"
    rows = [(row["extension"], row["contact"], f"{row['source']} {row['transport']}",
             render_duration(row["expires_s"]), row["user_agent"])
            for row in sorted(result, key=lambda row: (row["extension"], row["contact"]))]
    return render_table(("extension", "contact", "source", "expires", "user agent"), rows)
