# SPDX-License-Identifier: Apache-2.0
"""`monitor calls`: the calls in progress, drawn anew each second until q or ctrl-C."""

from typing import TYPE_CHECKING, cast

from appliance.console.messages.catalog import say
from appliance.console.operate import show_calls
from appliance.console.servers import CALLS

if TYPE_CHECKING:
    from appliance.console.session import Session
    from appliance.control.observed import Call

DONE = 0
CLEARED = "\x1b[H\x1b[2J"
"""Cursor home, erase in display: a vt100 knows both (ECMA-48 8.3.21, 8.3.39)."""
LOOK_S = 1.0


def act(session: "Session", _words: list[str]) -> int:
    """At a terminal the screen is drawn anew; elsewhere one table stands below the other."""
    while True:
        calls = cast("list[Call]", session.servers.ask(CALLS, ["show", "calls"]))
        session.output.write(draw_screen(calls, session.interaction.size()[0] if session.interaction.is_terminal
                                         else 0))
        if session.interaction.wait_end(LOOK_S):
            return DONE


def draw_screen(calls: "list[Call]", rows: int) -> str:
    """The table as far as it fits; rows: of the terminal, 0 for no terminal."""
    lines = show_calls.render(calls).splitlines()
    heading = say("{count} calls in progress; q ends", count=len(calls))
    if not rows:
        return "\n".join([heading, *lines, ""])
    room = max(rows - 3, 1)
    if len(lines) > room:
        lines = [*lines[:room - 1], say("  ... and {count} more", count=len(lines) - room + 1)]
    return CLEARED + "\n".join([heading, "", *lines, ""])
