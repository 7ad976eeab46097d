# SPDX-License-Identifier: Apache-2.0
"""The commands of the console and how what was typed becomes one of them: any word may be cut to a unique beginning.

A command's file in console/operate/ turns the daemon's result into text: `render(result) -> str`; one whose output is
long has `stream(ask, words)` instead.
"""

from itertools import combinations
from typing import NamedTuple

from appliance.errors import OperatorError

NUMBER, PARTY, MOMENT = "N", "X", "T"
PLACES = {NUMBER: "a number", PARTY: "who called or was called", MOMENT: "since when: 2026-11-22, 14:30, 2h, 3d"}
"""What a person types there is his own."""


class Command(NamedTuple):
    """words: literals, or N for a number, X for a party, T for a moment; help: one line, "" for a variant of the
    command above it; module: its file in console/operate/."""

    words: tuple[str, ...]
    help: str
    module: str


def _with_options(command: Command, *options: tuple[str, ...]) -> list[Command]:
    """The command, and a variant for each choice of options, in their order."""
    variants = [command]
    for count in range(1, len(options) + 1):
        for chosen in combinations(options, count):
            words = command.words + tuple(word for option in chosen for word in option)
            variants.append(Command(words, "", command.module))
    return variants


COMMANDS = (
    Command(("show", "registrations"), "phones that are registered, and until when", "show_registrations"),
    Command(("show", "calls"), "calls in progress", "show_calls"),
    Command(("show", "calls", "all"), "calls in progress and the last ones that ended", "show_calls"),
    Command(("show", "call", NUMBER), "one call and every phone it was offered to", "show_call"),
    Command(("show", "call", NUMBER, "ladder"), "its messages, drawn from phone to phone", "show_ladder"),
    Command(("show", "call", NUMBER, "messages"), "the same with the text of every message", "show_messages"),
    Command(("show", "call", NUMBER, "addresses"), "the same with the addresses that stand in them", "show_addresses"),
    *_with_options(Command(("show", "records"), "calls that are over: the last N (20), of X, since T", "show_records"),
                   (NUMBER,), ("number", PARTY), ("since", MOMENT)),
    *_with_options(Command(("export", "records", "csv"), "every record, for a spreadsheet", "export_records"),
                   ("number", PARTY), ("since", MOMENT)),
    *_with_options(Command(("export", "records", "json"), "every record, one JSON object a line", "export_records"),
                   ("number", PARTY), ("since", MOMENT)),
    Command(("show", "trunks"), "connections to the outside", "show_trunks"),
    Command(("show", "subscriptions"), "who watches whose presence, calls, mailbox", "show_subscriptions"),
    Command(("show", "presence"), "what watchers are shown of each extension", "show_presence"),
    Command(("show", "messages"), "instant messages that wait for a phone to register", "show_waiting_messages"),
    Command(("show", "statistics"), "messages, calls, discarded datagrams, memory", "show_statistics"),
    Command(("show", "dns"), "name servers, and what is remembered of their answers", "show_dns"),
    Command(("show", "tls"), "certificates, and why handshakes failed", "show_tls"),
    Command(("show", "alarms"), "what needs a person", "show_alarms"),
    Command(("show", "version"), "version of the running server", "show_version"),
    Command(("explain", "call", NUMBER), "why a call went as it did, and what to do", "explain_call"),
    Command(("help",), "this list", "show_help"),
    Command(("exit",), "leave the console (so does ctrl-D)", "leave_console"),
)


class Resolved(NamedTuple):
    """A command with its words whole and its numbers filled in."""

    command: Command
    words: list[str]


def resolve_command(line: str, commands: tuple[Command, ...] = COMMANDS) -> Resolved:
    """What was typed, as a command. Raises OperatorError: unknown, ambiguous or unfinished, and what is allowed."""
    candidates = commands
    words: list[str] = []
    for position, typed in enumerate(line.split()):
        word = _resolve_word(typed, words, _words_at(candidates, position))
        wanted = _find_place(word, _words_at(candidates, position))
        candidates = tuple(command for command in candidates if command.words[position:position + 1] == (wanted,))
        words.append(word)
    for command in candidates:
        if len(command.words) == len(words):
            return Resolved(command, words)
    raise OperatorError(" ".join(words) or "command", "unfinished", _list_words(_words_at(candidates, len(words))))


def _find_place(word: str, allowed: list[str]) -> str:
    """Which of the allowed words this one stands for."""
    if word in allowed and word not in PLACES:
        return word
    if NUMBER in allowed and _is_number(word):
        return NUMBER
    return next((place for place in (PARTY, MOMENT) if place in allowed), word)


def _resolve_word(typed: str, before: list[str], allowed: list[str]) -> str:
    if typed in allowed and typed not in PLACES:
        return typed
    if (NUMBER in allowed and _is_number(typed)) or PARTY in allowed or MOMENT in allowed:
        return typed
    meant = [word for word in allowed if word not in PLACES and word.startswith(typed.lower())]
    if len(meant) == 1:
        return meant[0]
    path = " ".join(before) or "command"
    if meant:
        raise OperatorError(path, f"{typed!r} may mean several things", _list_words(meant))
    raise OperatorError(path, f"{typed!r} is not known here", _list_words(allowed))


def _words_at(candidates: tuple[Command, ...], position: int) -> list[str]:
    words = [command.words[position] for command in candidates if len(command.words) > position]
    return list(dict.fromkeys(words))


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) < 10


def _list_words(words: list[str]) -> str:
    return " | ".join(PLACES.get(word, word) for word in words) or "nothing more"
