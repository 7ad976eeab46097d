# SPDX-License-Identifier: Apache-2.0
"""`show call N ladder`: the call's messages as arrows between lanes."""

from typing import TYPE_CHECKING

from appliance.console.table import clean
from appliance.diagnosis.drawing import draw_ladder

if TYPE_CHECKING:
    from appliance.diagnosis.ladder import Ladder


def render(result: "Ladder", has_text: bool = False) -> str:
    """The ladder at 80 columns; has_text: each message's text below its arrow."""
    if not result["messages"]:
        return "the trace no longer holds the messages of this call\n"
    participants = [(clean(lane["name"]), clean(lane["address"])) for lane in result["participants"]]
    arrows = [(message["offset_s"], clean(message["source"]), clean(message["target"]), clean(message["label"]),
               message["is_retransmission"], message["text"] if has_text else "") for message in result["messages"]]
    text = draw_ladder(participants, arrows)
    if any(message["is_retransmission"] for message in result["messages"]):
        text += "# *: the same octets once more\n"
    return text
