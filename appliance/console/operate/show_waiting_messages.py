# SPDX-License-Identifier: Apache-2.0
"""`show messages`: one line a waiting instant message."""

from typing import TYPE_CHECKING

from appliance.console.messages.catalog import say
from appliance.console.operate.show_calls import render_time
from appliance.console.table import render_duration, render_table

if TYPE_CHECKING:
    from appliance.control.observed import WaitingMessage


def render(result: "list[WaitingMessage]") -> str:
    """The messages by extension, in the order of delivery."""
    if not result:
        return say("no message waits") + "\n"
    rows = [(row["extension"], row["sender"], render_time(row["received_at"]), row["size_octets"],
             render_duration(row["expires_s"])) for row in result]
    return render_table(("extension", "sender", "received (UTC)", "octets", "expires"), rows)
