# SPDX-License-Identifier: Apache-2.0
"""`show handset NAME`: a telephone of the box: its state, its calls, its card, and what the network did to voice."""

from typing import Any, cast

from appliance.console.operate.show_handsets import describe_registration
from appliance.console.servers import HANDSETS
from appliance.console.table import render_pairs

SERVER = HANDSETS


def render(result: object) -> str:
    """One value a line; what is empty is left out."""
    row = cast("dict[str, Any]", result)
    if row["trouble"]:
        return render_pairs([("handset", row["name"]), ("state", "down"), ("trouble", row["trouble"])])
    calls = [(word, row["calls"].get(word, "")) for word in ("active", "held", "waiting")]
    return render_pairs([
        ("handset", row["name"]), ("extension", row["extension"]), ("registered", describe_registration(row)),
        ("address", row["address"]), ("state", row["state"]),
        ("receiver", "lifted" if row["lifted"] else "on the hook"),
        ("bell", "rings" if row["ringing"] else ""), ("tone", row["tone"]), ("dialled", row["dialled"]),
        ("last failure", row["last_status"] or ""), ("messages", _describe_messages(row["messages"])), *calls,
        *_list_sound(row["sound"]), *_list_line(row["sound"]["line"])])


def _list_sound(sound: dict[str, Any]) -> list[tuple[str, object]]:
    lost_ms = sound["playout_lost_units"] // 8      # a unit is a sample, 8000 a second
    return [
        ("sound device", sound["device_trouble"] or "open"), ("device lost", sound["device_losses"] or ""),
        ("xruns", sound["xruns"]), ("packets sent", sound["sent"]), ("packets heard", sound["received"]),
        ("came too late", sound["playout_late"] or ""), ("concealed ms", lost_ms or ""),
        ("playout delay ms", sound["delay_ms"])]


def _list_line(line: dict[str, Any]) -> list[tuple[str, object]]:
    """How it sounds here, 1.0 to 4.4 (ITU-T G.107), and what the far end says of us."""
    return [
        ("jitter ms", line.get("jitter_ms", "")), ("opinion", line.get("opinion") or ""),
        ("lost there %", line.get("far_lost_percent", "")), ("jitter there ms", line.get("far_jitter_ms", "")),
        ("round trip ms", line.get("round_trip_ms", ""))]


def _describe_messages(messages: dict[str, Any]) -> str:
    """Nothing where none wait; a server may say that some do, and not how many."""
    if not messages["waiting"]:
        return ""
    return f"{messages['new']} new, {messages['old']} old" if messages["new"] or messages["old"] else "yes"
