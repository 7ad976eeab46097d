# SPDX-License-Identifier: Apache-2.0
"""`test route NUMBER from EXT [at TIME]`: which way a call would take, without calling."""

from typing import TYPE_CHECKING

from appliance.console.messages.catalog import say
from appliance.console.operate.show_calls import render_time
from appliance.console.table import clean, render_pairs

if TYPE_CHECKING:
    from appliance.control.route_question import RouteFound

IS_PROSE = True


def render(result: "RouteFound") -> str:
    """The way, then the trunks one after the other, then why."""
    text = render_pairs([("way", result["way"]), ("kind", result["kind"]), ("calls", result["number"]),
                         ("at (UTC)", render_time(result["at"]))])
    for place, step in enumerate(result["steps"], 1):
        text += say("  {place}. trunk {trunk} is sent {number}", place=place, trunk=clean(step["trunk"]),
                    number=clean(step["number"])) + "\n"
    return text + "".join(f"  {clean(reason)}\n" for reason in result["reasons"])
