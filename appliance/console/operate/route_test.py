# SPDX-License-Identifier: Apache-2.0
"""`test route NUMBER from EXT [at TIME]`: which way a call would take, without calling; now, with what is down."""

from typing import TYPE_CHECKING, cast

from appliance.console.messages.catalog import say
from appliance.console.messages.said_again import say_again
from appliance.console.operate.show_calls import render_time
from appliance.console.servers import CALLS
from appliance.console.table import clean, render_pairs

if TYPE_CHECKING:
    from appliance.console.servers import Servers
    from appliance.control.observed import Trunk
    from appliance.control.route_question import RouteFound, RouteStep

    class TriedStep(RouteStep, total=False):
        """obstacle: why the trunk cannot be used now; absent where it can, or another moment was asked for."""

        obstacle: str

IS_PROSE = True


def collect(servers: "Servers", words: list[str]) -> "RouteFound":
    """The way; where nobody asks for another moment, with the trunks that are not up. Raises as the server answers."""
    found = cast("RouteFound", servers.ask(CALLS, words))
    if "at" in words[5:6]:
        return found
    trunks = {row["name"]: row for row in cast("list[Trunk]", servers.ask(CALLS, ["show", "trunks"]))}
    for step in cast("list[TriedStep]", found["steps"]):
        trunk = trunks.get(step["trunk"])
        if trunk is not None and trunk["state"] != "up":
            step["obstacle"] = trunk["reason"]
    return found


def render(result: "RouteFound") -> str:
    """The way, then the trunks one after the other, then why."""
    text = render_pairs([(say("way"), say_again(result["way"])), (say("kind"), say_again(result["kind"])),
                         (say("calls"), result["number"]), (say("at (UTC)"), render_time(result["at"]))])
    for place, step in enumerate(cast("list[TriedStep]", result["steps"]), 1):
        text += say("  {place}. trunk {trunk} is sent {number}", place=place, trunk=clean(step["trunk"]),
                    number=clean(step["number"])) + "\n"
        if "obstacle" in step:
            text += say("     it is not up now: {reason}", reason=clean(say_again(step["obstacle"]))) + "\n"
    return text + "".join(f"  {clean(say_again(reason))}\n" for reason in result["reasons"])
