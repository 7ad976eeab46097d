# SPDX-License-Identifier: Apache-2.0
"""`show call N ladder`: the call's messages as arrows between lanes, both legs, and what was spoken."""

from typing import TYPE_CHECKING

from appliance.console.messages.catalog import say
from appliance.console.table import clean
from appliance.diagnosis.drawing import draw_ladder, draw_stream, place_lanes

if TYPE_CHECKING:
    from appliance.diagnosis.ladder import Ladder, MediaRow


def render(result: "Ladder", has_text: bool = False) -> str:
    """The ladder at 80 columns; has_text: each message's text below its arrow."""
    if not result["messages"]:
        return say("the trace no longer holds the messages of this call") + "\n"
    participants = [(clean(lane["name"]), clean(lane["address"])) for lane in result["participants"]]
    arrows = [(message["offset_s"], clean(message["source"]), clean(message["target"]), clean(message["label"]),
               message["is_retransmission"], message["text"] if has_text else "") for message in result["messages"]]
    text = draw_ladder(participants, arrows)
    lanes = {name: place for place, (name, _address) in enumerate(participants)}
    columns = place_lanes(len(lanes))
    for row in result["media"]:
        places = lanes[clean(row["source"])], lanes[clean(row["target"])]
        text += draw_stream(columns, *places, f"RTP {row['packets']}") + "\n"
    text += "".join(map(_describe_sound, result["media"]))
    if any(message["is_retransmission"] for message in result["messages"]):
        text += say("# *: the same octets once more") + "\n"
    return text


def _describe_sound(row: "MediaRow") -> str:
    """A remark on what was measured; nothing on what was not."""
    if row["loss_percent"] < 0.0:
        return ""
    opinion = say("{value} of 4.5", value=f"{row['opinion']:.1f}") if row["opinion"] else say("unknown")
    return clean(say(
        "# {source} spoke {codec}: {packets} packets, {loss} % lost, jitter {jitter} ms, estimate {opinion}",
        source=row["source"], codec=row["codec"] or say("some codec"), packets=row["packets"],
        loss=f"{row['loss_percent']:.1f}", jitter=f"{row['jitter_ms']:.1f}", opinion=opinion)) + "\n"
