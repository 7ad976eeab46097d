# SPDX-License-Identifier: Apache-2.0
"""`show call N addresses`: the ladder with the lines below each arrow in which addresses stand: what was rewritten."""

from typing import TYPE_CHECKING

from appliance.console.operate import show_ladder

if TYPE_CHECKING:
    from appliance.diagnosis.ladder import Ladder, LadderMessage

HEADERS = ("via", "v", "contact", "m", "from", "f", "to", "t", "record-route", "route", "p-asserted-identity",
           "p-preferred-identity", "remote-party-id")
SESSION_LINES = ("o=", "c=", "m=", "a=rtcp:", "a=candidate:")


def ask(words: list[str]) -> list[str]:
    """The ladder already carries the texts."""
    return [*words[:-1], "ladder"]


def render(result: "Ladder") -> str:
    """The ladder with those lines."""
    messages = [_keep_addresses(message) for message in result["messages"]]
    return show_ladder.render({**result, "messages": messages}, has_text=True)


def _keep_addresses(message: "LadderMessage") -> "LadderMessage":
    head, _, body = message["text"].replace("\r\n", "\n").partition("\n\n")
    start, *lines = head.split("\n")
    kept = [start] if not message["status"] else []
    kept += [line for line in lines if line.partition(":")[0].strip().lower() in HEADERS]
    kept += [line for line in body.split("\n") if line.startswith(SESSION_LINES)]
    return {**message, "text": "\n".join(kept)}
