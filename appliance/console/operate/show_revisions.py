# SPDX-License-Identifier: Apache-2.0
"""`show revisions`: who changed the configuration when, how and why; the youngest first."""

from typing import cast

from appliance.console.messages.catalog import say
from appliance.console.operate.show_calls import render_time
from appliance.console.servers import CONFIGURATION
from appliance.console.table import render_table

SERVER = CONFIGURATION
HEADINGS = ("revision", "at (UTC)", "user", "how", "comment")


def ask(_words: list[str]) -> list[str]:
    """The words of the configuration service."""
    return ["revisions"]


def render(result: object) -> str:
    """One line a revision."""
    rows = cast("list[dict[str, object]]", result)
    if not rows:
        return say("no revisions yet") + "\n"
    ordered = sorted(rows, key=lambda row: -int(cast("int", row.get("number", 0))))
    return render_table(HEADINGS, [(row.get("number", ""), render_time(str(row.get("at", ""))), row.get("user", ""),
                                    row.get("how", ""), row.get("comment", "")) for row in ordered])
