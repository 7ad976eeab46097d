# SPDX-License-Identifier: Apache-2.0
"""The commands of the console and how what was typed becomes one of them: any word may be cut to a unique beginning.

A command's file in console/operate/ turns a daemon's result into text: `render(result) -> str`, with `ask(words)` where
other words are asked than were typed and SERVER where another daemon is asked. One whose output is long has
`stream(ask, words)` instead, one that does something else `act(session, words)`, one that asks several
daemons `collect(servers, words)`. IS_PROSE: lines that may be parted.
"""

from itertools import combinations
from typing import NamedTuple

from appliance.console.messages.catalog import say
from appliance.errors import OperatorError

NUMBER, PARTY, MOMENT, DIALLED, EXTENSION, TIME, ADDRESS = "N", "X", "T", "NUMBER", "EXT", "TIME", "ADDRESS"
HANDSET, KEYS = "NAME", "KEYS"
PLACES = {NUMBER: "a number", PARTY: "who called or was called", MOMENT: "since when: 2026-11-22, 14:30, 2h, 3d",
          DIALLED: "what is dialled", EXTENSION: "an extension", TIME: "2026-11-22T14:30 or 14:30, as it is here",
          ADDRESS: "an IP address", HANDSET: "a handset", KEYS: "keys: 0 to 9, *, #"}
"""What a person types there is his own."""
FREE_PLACES = tuple(place for place in PLACES if place != NUMBER)


class Command(NamedTuple):
    """words: literals, or one of PLACES; help: one line, "" for a variant of the
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
    Command(("show", "dns"), "name servers, and what their answers were", "show_dns"),
    Command(("show", "tls"), "certificates, and why handshakes failed", "show_tls"),
    Command(("show", "alarms"), "what needs a person", "show_alarms"),
    Command(("show", "version"), "version of the running server", "show_version"),
    Command(("show", "configuration"), "what runs, as `set` lines", "show_configuration"),
    *_with_options(Command(("show", "revisions"), "configurations of the past: who, when, why", "show_revisions"),
                   (NUMBER,)),
    Command(("show", "system", "commit"), "the same", "show_revisions"),
    Command(("show", "revision", NUMBER), "the text of one of them", "show_revision"),
    Command(("show", "interfaces"), "interfaces: role, link, addresses", "show_interfaces"),
    Command(("show", "leases"), "addresses that were given to machines on the LAN", "show_leases"),
    Command(("show", "firewall"), "what is let in, with counters", "show_firewall"),
    Command(("show", "bans"), "addresses that are shut out, and until when", "show_bans"),
    Command(("show", "handsets"), "telephones at the box's own sound cards", "show_handsets"),
    Command(("show", "handset", HANDSET), "one of them, its card and its calls", "show_handset"),
    *_with_options(Command(("show", "log"), "the last N lines (100) of the daemons' journals", "show_log"), (NUMBER,)),
    Command(("clear", "ban", ADDRESS), "let an address in again", "clear_ban"),
    Command(("handset", HANDSET, "lift"), "lift its receiver", "move_handset"),
    Command(("handset", HANDSET, "hang-up"), "put it back", "move_handset"),
    Command(("handset", HANDSET, "flash"), "press its hook for a moment", "move_handset"),
    Command(("handset", HANDSET, "press", KEYS), "press its keys", "move_handset"),
    Command(("handset", HANDSET, "dial", DIALLED), "lift it and call a number or an address", "move_handset"),
    Command(("monitor", "calls"), "calls as they go on, until q", "monitor_calls"),
    Command(("monitor", "sip"), "SIP messages as they come and go, until q", "monitor_sip"),
    Command(("monitor", "sip", "number", PARTY), "", "monitor_sip"),
    Command(("test", "route", DIALLED, "from", EXTENSION), "which way a call would take, now", "route_test"),
    Command(("test", "route", DIALLED, "from", EXTENSION, "at", TIME), "", "route_test"),
    Command(("explain", "call", NUMBER), "why a call went as it did, and what to do", "explain_call"),
    Command(("configure",), "change the configuration", "configure"),
    Command(("confirm",), "keep what `commit confirmed` has put on trial", "confirm"),
    Command(("status",), "what is on trial, and who else edits", "status"),
    Command(("setup",), "telephones and an outside line, by questions", "setup"),
    Command(("help",), "this list", "show_help"),
    Command(("exit",), "leave the console (so does ctrl-D)", "leave_console"),
)


GROUPS = {
    "show": "what there is and how it stands", "explain": "why something went as it did",
    "export": "records for other programs", "monitor": "what happens now", "test": "what would happen",
    "clear": "take away", "handset": "do what a hand does at a handset", "show handset": "one handset",
    "handset NAME press": "press its keys", "handset NAME dial": "lift it and call a number or an address",
    "show call": "one call", "show system": "the commits", "explain call": "one call",
    "show revision": "the text of a configuration of the past",
    "export records": "calls that are over", "test route": "which way a call would take", "clear ban": "of one address"}
"""What the first words of longer commands are about."""
OPTIONS = {"number": "only where this one called or was called", "since": "only what began then or later",
           "from": "who dials", "at": "at another time than now", "all": "with the last ones that ended"}
"""Words that may stand in several places."""


class Resolved(NamedTuple):
    """A command with its words whole and its numbers filled in."""

    command: Command
    words: list[str]


def resolve_command(line: str, commands: tuple[Command, ...] = COMMANDS) -> Resolved:
    """What was typed, as a command. Raises OperatorError: unknown, ambiguous or unfinished, and what is allowed."""
    candidates = commands
    words: list[str] = []
    if commands is COMMANDS:
        _refuse_other_mode(line.split()[:1])
    for position, typed in enumerate(line.split()):
        word = _resolve_word(typed, words, _words_at(candidates, position))
        wanted = _find_place(word, _words_at(candidates, position))
        candidates = tuple(command for command in candidates if command.words[position:position + 1] == (wanted,))
        words.append(word)
    for command in candidates:
        if len(command.words) == len(words):
            return Resolved(command, words)
    raise OperatorError(" ".join(words) or "command", say("unfinished"), _list_words(_words_at(candidates, len(words))))


def _refuse_other_mode(first: list[str]) -> None:
    """`set` and its kind are typed here by whoever is new, and some begin another command. Raises OperatorError."""
    from appliance.console.configure.verbs import WORDS
    here = {command.words[0] for command in COMMANDS}
    if first and first[0].lower() in WORDS and first[0].lower() not in here:
        raise OperatorError(first[0], say("this is a command of configuration mode"), say("`configure` before it"))


def _find_place(word: str, allowed: list[str]) -> str:
    """Which of the allowed words this one stands for."""
    if word in allowed and word not in PLACES:
        return word
    if NUMBER in allowed and _is_number(word):
        return NUMBER
    return next((place for place in FREE_PLACES if place in allowed), word)


def _resolve_word(typed: str, before: list[str], allowed: list[str]) -> str:
    if typed in allowed and typed not in PLACES:
        return typed
    if (NUMBER in allowed and _is_number(typed)) or any(place in allowed for place in FREE_PLACES):
        return typed
    meant = [word for word in allowed if word not in PLACES and word.startswith(typed.lower())]
    if len(meant) == 1:
        return meant[0]
    path = " ".join(before) or "command"
    if meant:
        raise OperatorError(path, say("{typed} may mean several things", typed=repr(typed)), _list_words(meant))
    raise OperatorError(path, say("{typed} is not known here", typed=repr(typed)), _list_words(allowed))


def _words_at(candidates: tuple[Command, ...], position: int) -> list[str]:
    words = [command.words[position] for command in candidates if len(command.words) > position]
    return list(dict.fromkeys(words))


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) < 10


def list_next_words(before: list[str]) -> list[tuple[str, str]]:
    """What may follow these words, literals and places, each with its help. Raises OperatorError."""
    candidates: tuple[Command, ...] = COMMANDS
    words: list[str] = []
    for position, typed in enumerate(before):
        allowed = _words_at(candidates, position)
        words.append(_resolve_word(typed, words, allowed))
        wanted = _find_place(words[-1], allowed)
        candidates = tuple(command for command in candidates if command.words[position:position + 1] == (wanted,))
    found: dict[str, str] = {}
    for command in candidates:
        for word in command.words[len(before):len(before) + 1]:
            is_last = len(command.words) == len(before) + 1
            help_text = command.help if is_last else GROUPS.get(
                " ".join((*command.words[:len(before)], word)), "")
            help_text = help_text or OPTIONS.get(word, "")
            found[word] = found.get(word) or say(PLACES[word]) if word in PLACES else (
                found.get(word) or (say(help_text) if help_text else ""))
    return list(found.items())


def _list_words(words: list[str]) -> str:
    return " | ".join(say(PLACES[word]) if word in PLACES else word for word in words) or say("nothing more")
