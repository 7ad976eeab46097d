# SPDX-License-Identifier: Apache-2.0
"""`show bans`: addresses that are shut out, for how long still, and why."""

from typing import Any, cast

from appliance.console.messages.catalog import say
from appliance.console.messages.said_again import say_again
from appliance.console.servers import NETWORK
from appliance.console.table import render_duration, render_table

SERVER = NETWORK
HEADINGS = ("address", "for another", "packets", "reason")


def render(result: object) -> str:
    """One line an address."""
    rows = cast("list[dict[str, Any]]", result)
    if not rows:
        return say("nobody is shut out") + "\n"
    return render_table(HEADINGS, [
        (row["address"], render_duration(row["left_s"]), row["packets"], say_again(row["reason"])) for row in rows])
