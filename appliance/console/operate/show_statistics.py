# SPDX-License-Identifier: Apache-2.0
"""`show statistics`: what was counted since the server started."""

from typing import TYPE_CHECKING

from appliance.console.operate import show_alarms
from appliance.console.table import render_duration, render_pairs

if TYPE_CHECKING:
    from appliance.control.observed import MessageCounts, Statistics

IS_PROSE = True     # the alarms at its end


def render(result: "Statistics") -> str:
    """The server, its messages, its calls, what it threw away, and what is wrong."""
    calls = result["calls"]
    parts = [
        render_pairs([
            ("version", result["version"]), ("running for", render_duration(result["uptime_s"])),
            ("resident memory", f"{result['resident_octets'] / 1048576:.1f} MiB"),
            ("overloaded", "yes" if result["is_overloaded"] else "no"),
            ("registered contacts", result["bindings"]), ("open transactions", result["transactions_open"])]),
        _render_messages("messages received", result["messages_received"]),
        _render_messages("messages sent", result["messages_sent"]),
        "calls\n" + render_pairs([("in progress", calls["active"]), ("since start", calls["total"]),
                                  ("answered", calls["answered"]),
                                  *((f"failed with {status}", count)
                                    for status, count in sorted(calls["failed_by_status"].items()))], "  "),
        _render_counts("discarded datagrams", result["discarded_by_reason"]),
        _render_counts("everything counted", result["counters"]),
        show_alarms.render(result["alarms"]),
    ]
    return "\n".join(part for part in parts if part)


def _render_messages(heading: str, counts: "MessageCounts") -> str:
    pairs: list[tuple[str, object]] = [("all", counts["total"]), ("octets", counts["octets"])]
    return f"{heading}\n" + render_pairs([*pairs, *counts["by_method"].items(), *counts["by_class"].items()], "  ")


def _render_counts(heading: str, counts: dict[str, int]) -> str:
    if not counts:
        return f"{heading}: none\n"
    pairs = [(name.replace("_", " "), count) for name, count in sorted(counts.items())]
    return f"{heading}\n" + render_pairs(pairs, "  ")
