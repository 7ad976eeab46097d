# SPDX-License-Identifier: Apache-2.0
"""`monitor sip [number X]`: messages as they come and go, an arrow a line, until q or ctrl-C.

        12:00:01.123  201            ---------INVITE 202--------->  server
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from appliance.console.messages.catalog import say
from appliance.console.servers import CALLS
from appliance.console.table import clean, measure, shorten

if TYPE_CHECKING:
    from appliance.console.session import Session
    from appliance.control.watching import WatchedMessages
    from appliance.diagnosis.ladder import LadderMessage

DONE = 0
PEER_CELLS = 21
SHAFT_CELLS = 30
AGAIN = "*"
LOOK_S = 0.1


def act(session: "Session", words: list[str]) -> int:
    """Follows the server's stream; the connection is one of its own and ends with it."""
    session.output.write_prose(say("SIP messages as they come and go; times are UTC; q ends"))
    with session.servers.follow(CALLS, ["watch", *words[1:]]) as stream:
        answer: object = None
        while not session.interaction.wait_end(0.0 if answer else LOOK_S):
            answer = stream.take(0.0)
            if answer is not None:
                session.output.write("".join(render_messages(cast("WatchedMessages", answer))))
                session.output.flush()
    return DONE


def render_messages(answer: "WatchedMessages") -> Iterator[str]:
    """A line a message; what was missed is said in front."""
    if answer["missed"]:
        yield say("... {count} messages were not shown: there are too many", count=answer["missed"]) + "\n"
    for at, message in zip(answer["at"], answer["messages"], strict=True):
        yield render_message(at, message) + "\n"


def render_message(at: str, message: "LadderMessage") -> str:
    """Time, the other side, the arrow, our side."""
    is_ours = message["source"].startswith("server")
    peer, own = ((message["target"], message["source"]) if is_ours else (message["source"], message["target"]))
    label = describe_message(message)
    written = shorten(f" {label} ", SHAFT_CELLS - 4)
    dashes = SHAFT_CELLS - 1 - measure(written)
    shaft = "-" * (dashes // 2) + written + "-" * (dashes - dashes // 2)
    arrow = f"<{shaft}" if is_ours else f"{shaft}>"
    shown = shorten(clean(peer), PEER_CELLS)
    return f"{at[11:23]}  {shown}{' ' * (PEER_CELLS - measure(shown))}  {arrow}  {shorten(clean(own), 11)}"


def describe_message(message: "LadderMessage") -> str:
    """INVITE 202, or 180 Ringing (INVITE)."""
    repeated = AGAIN if message["is_retransmission"] else ""
    if message["status"]:
        return clean(f"{message['label']}{repeated}")
    words = message["start_line"].split(" ")
    user = words[1].partition(":")[2].partition("@")[0] if len(words) > 2 and "@" in words[1] else ""
    return clean(f"{message['label']}{repeated} {user}".rstrip())
