# SPDX-License-Identifier: Apache-2.0
"""`show call N`: one call, its legs, and how they sound."""

from typing import TYPE_CHECKING

from appliance.console.messages.catalog import say
from appliance.console.operate.show_calls import describe_state, render_time
from appliance.console.table import render_duration, render_pairs, render_table

if TYPE_CHECKING:
    from appliance.control.observed import Call, Leg


def render(result: "Call") -> str:
    """What is known of the call, then its legs, then what was heard of each."""
    caller = f"{result['caller_name']} <{result['caller']}>" if result["caller_name"] else result["caller"]
    dialled = "" if result["dialled"] == result["callee"] else result["dialled"]
    parts = [render_pairs([
        ("call", result["number"]), ("state", describe_state(result)), ("caller", caller),
        ("callee", result["callee"]), ("dialled", dialled), ("trunk", result["trunk"]),
        ("emergency", "yes" if result["is_emergency"] else ""),
        ("started (UTC)", render_time(result["started_at"])),
        ("answered", render_time(result["answered_at"])), ("ended", render_time(result["ended_at"])),
        ("ended by", result["ended_by"]), ("reason", result["reason"]), ("cause", result["cause"] or ""),
        ("duration", render_duration(result["duration_s"])), ("Call-ID", result["call_id"])])]
    if result["legs"] and any(leg["direction"] == "incoming" for leg in result["legs"]):
        parts.append(_render_legs(result["legs"]))
    elif result["legs"]:
        rows = [(leg["target"], leg["state"], leg["status"] or "") for leg in result["legs"]]
        parts.append(render_table(("offered to", "state", "status"), rows))
    heard = [leg for leg in result["legs"] if leg["packets_received"] or leg["packets_sent"]]
    if heard:
        parts.append(_render_sound(heard))
    return "\n".join(parts)


def _render_legs(legs: "list[Leg]") -> str:
    rows = [("from" if leg["direction"] == "incoming" else "to", leg["line"], leg["number"], leg["address"],
             leg["state"], leg["status"] or "", leg["reason"]) for leg in legs]
    return render_table(("leg", "line", "number", "address", "state", "status", "reason"), rows)


def _render_sound(legs: "list[Leg]") -> str:
    rows = [(leg["number"], leg["codec"], leg["packets_received"], leg["packets_sent"], _measured(leg["loss_percent"]),
             _measured(leg["jitter_ms"]), f"{leg['opinion']:.1f}" if leg["opinion"] else say("unknown"))
            for leg in legs]
    return render_table(("heard of", "codec", "packets", "sent there", "lost %", "jitter ms", "estimate"), rows)


def _measured(value: float) -> str:
    return f"{value:.1f}" if value >= 0.0 else ""
