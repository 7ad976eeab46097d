# SPDX-License-Identifier: Apache-2.0
"""What TAB and ? know in operational mode: the words of the commands, and the calls, extensions and addresses that
there are right now. A server that does not answer within a second has none.
"""

from appliance.console.commands import ADDRESS, EXTENSION, HANDSET, NUMBER, PARTY, PLACES, list_next_words
from appliance.console.completion import END, Choice
from appliance.console.messages.catalog import say
from appliance.console.servers import CALLS, CONFIGURATION, HANDSETS, NETWORK, Servers

SHOWN = 60


def follow_words(words: list[str], servers: Servers) -> list[Choice]:
    """What may stand behind these words. Raises OperatorError where they are wrong themselves."""
    choices = []
    following = list_next_words(words)
    for word, help_text in following:
        if word in PLACES:
            choices.append(Choice(f"<{word}>", help_text, is_place=True))
            choices += _list_live(word, words, servers)
        else:
            choices.append(Choice(word, help_text))
    return choices if words and _is_whole(words) is False else [END, *choices] if words else choices


def _is_whole(words: list[str]) -> bool:
    from appliance.console.commands import resolve_command
    from appliance.errors import OperatorError
    try:
        resolve_command(" ".join(words))
    except OperatorError:
        return False
    return True


def _list_live(place: str, words: list[str], servers: Servers) -> list[Choice]:
    if place == NUMBER and "call".startswith(words[-1].lower()):
        return _describe_calls(servers.look(CALLS, ["show", "calls", "all"]))
    if place == NUMBER and words[-1].lower().startswith("rev"):
        return _describe_revisions(servers.look(CONFIGURATION, ["revisions"]))
    if place in (PARTY, EXTENSION):
        rows = servers.look(CALLS, ["show", "presence"])
        return [Choice(str(row["extension"]), say("registered") if row.get("is_registered") else "")
                for row in rows[:SHOWN]] if isinstance(rows, list) else []
    if place == HANDSET:
        rows = servers.look(HANDSETS, ["show", "handsets"])
        return [Choice(str(row.get("name", "")), str(row.get("trouble") or row.get("state", "")))
                for row in rows[:SHOWN]] if isinstance(rows, list) else []
    if place == ADDRESS:
        rows = servers.look(NETWORK, ["show", "bans"])
        return [Choice(str(row.get("address", "")), str(row.get("reason", "")))
                for row in rows[:SHOWN]] if isinstance(rows, list) else []
    return []


def _describe_calls(rows: object) -> list[Choice]:
    """The youngest calls, those in progress included."""
    if not isinstance(rows, list):
        return []
    return [Choice(str(row["number"]), f"{row['caller']} > {row['callee']}, {row['state']}")
            for row in rows[-SHOWN:]]


def _describe_revisions(rows: object) -> list[Choice]:
    if not isinstance(rows, list):
        return []
    return [Choice(str(row.get("number", "")), f"{row.get('at', '')} {row.get('user', '')} {row.get('comment', '')}")
            for row in rows[:SHOWN]]
