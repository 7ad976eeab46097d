# SPDX-License-Identifier: Apache-2.0
"""`show call N`: one call, and every way it was tried."""

from typing import TYPE_CHECKING

from appliance.console.operate.show_calls import describe_state, render_time
from appliance.console.table import render_duration, render_pairs, render_table

if TYPE_CHECKING:
    from appliance.control.observed import Call


def render(result: "Call") -> str:
    """What is known of the call, then its legs."""
    text = render_pairs([
        ("call", result["number"]), ("state", describe_state(result)), ("caller", result["caller"]),
        ("callee", result["callee"]), ("started (UTC)", render_time(result["started_at"])),
        ("answered", render_time(result["answered_at"])), ("ended", render_time(result["ended_at"])),
        ("duration", render_duration(result["duration_s"])), ("Call-ID", result["call_id"])])
    if not result["legs"]:
        return text
    rows = [(leg["target"], leg["state"], leg["status"] or "") for leg in result["legs"]]
    return f"{text}\n{render_table(('offered to', 'state', 'status'), rows)}"
