# SPDX-License-Identifier: Apache-2.0
"""The commands of configuration mode: their words, their help, and what may follow each. Pure."""

from typing import NamedTuple

from appliance.console.messages.catalog import say
from appliance.errors import OperatorError


class Verb(NamedTuple):
    """word: its first word; help: one line; form: what stands behind it, for `help`."""

    word: str
    help: str
    form: str = ""


VERBS = (
    Verb("set", "say something, or say it otherwise", "PATH VALUE"),
    Verb("delete", "take back what is said under a path, or one value of a list", "PATH [VALUE]"),
    Verb("show", "the candidate, or what of it is under a path; `| compare` what has changed", "[PATH]"),
    Verb("compare", "what a commit would change, as `set` and `delete` lines", "[rollback N]"),
    Verb("commit", "make it run: after a check, and all or nothing", "[check] [confirmed MINUTES] [comment TEXT]"),
    Verb("confirm", "keep what `commit confirmed` has put on trial"),
    Verb("rollback", "load a configuration of the past; 0 is what runs", "[N]"),
    Verb("discard", "forget what was changed and not committed"),
    Verb("load", "lines to be pasted, up to a dot alone or ctrl-D: `set` and `delete`", "[replace]"),
    Verb("edit", "go to a path: what is typed then stands below it", "PATH"),
    Verb("up", "one word up from there", "[N]"),
    Verb("top", "up to the beginning"),
    Verb("run", "a command of operational mode", "COMMAND"),
    Verb("status", "what is on trial, and who else edits"),
    Verb("help", "this list"),
    Verb("exit", "back to where `edit` was typed, or out of configuration mode", "[configuration-mode]"),
)
WORDS = tuple(verb.word for verb in VERBS)
OUTSIDE = frozenset({"configure", "setup", "monitor", "test", "explain", "export", "clear", "handset"})
ALONE_OUTSIDE = frozenset({"configure", "setup"})
"""Commands of operational mode that are typed here by mistake; the last two not even behind `run`."""
COMMIT_WORDS = {"check": "only look whether it could be done, and what it would do",
                "confirmed": "take it back by itself unless it is confirmed in time",
                "comment": "why, for `show revisions`",
                "and-quit": "and leave configuration mode"}
MINUTES_LIMIT = 1440
MINUTES = 10


class CommitOrder(NamedTuple):
    """What `commit` was told. confirmed_minutes: 0 for a commit for good."""

    is_check: bool = False
    confirmed_minutes: int = 0
    comment: str = ""
    is_leaving: bool = False


def resolve_verb(typed: str) -> str:
    """The verb that a beginning means. Raises OperatorError."""
    if typed in OUTSIDE and not any(word.startswith(typed) for word in WORDS):
        allowed = say("`exit` before it") if typed in ALONE_OUTSIDE else say("`run` before it")
        raise OperatorError(typed, say("this is a command of operational mode"), allowed)
    return resolve_word(typed, WORDS, "command")


def resolve_word(typed: str, allowed: tuple[str, ...], path: str) -> str:
    """The one allowed word that begins so. Raises OperatorError."""
    meant = [word for word in allowed if word.startswith(typed.lower())]
    if typed in allowed:
        return typed
    if len(meant) == 1:
        return meant[0]
    said = say("{typed} may mean several things" if meant else "{typed} is not known here", typed=repr(typed))
    raise OperatorError(path, said, " | ".join(meant or allowed))


def read_commit(words: list[str]) -> CommitOrder:
    """What stands behind `commit`. Raises OperatorError."""
    order = CommitOrder()
    rest = list(words)
    while rest:
        word = resolve_word(rest.pop(0), tuple(COMMIT_WORDS), "commit")
        if word == "check":
            order = order._replace(is_check=True)
        elif word == "and-quit":
            order = order._replace(is_leaving=True)
        elif word == "comment":
            if not rest:
                raise OperatorError("commit comment", say("unfinished"), say("text, in quotes if there are blanks"))
            order = order._replace(comment=rest.pop(0))
        else:
            is_said = bool(rest) and rest[0].isascii() and rest[0].isdigit()
            minutes = int(rest.pop(0)[:9]) if is_said else MINUTES
            if not 1 <= minutes <= MINUTES_LIMIT:
                raise OperatorError("commit confirmed", str(minutes), say("1 to {most} minutes", most=MINUTES_LIMIT))
            order = order._replace(confirmed_minutes=minutes)
    if order.is_check and (order.confirmed_minutes or order.comment or order.is_leaving):
        raise OperatorError("commit check", " ".join(words), say("nothing more"))
    return order


def read_rollback(words: list[str], path: str = "rollback") -> int:
    """The number of a revision; none means 0, what runs. Raises OperatorError."""
    return read_number(words, path, say("a number, as `show revisions` lists it")) if words else 0


def read_number(words: list[str], path: str, allowed: str = "") -> int:
    """The only word that there is. Raises OperatorError."""
    if len(words) > 1 or not (words[0].isascii() and words[0].isdigit() and len(words[0]) < 10):
        said = say("{typed} is not known here", typed=repr(" ".join(words)))
        raise OperatorError(path, said, allowed or say("a number"))
    return int(words[0])


def render_verbs() -> str:
    """Every verb in a line."""
    from appliance.console.table import render_definitions
    return render_definitions([(f"{verb.word} {verb.form}".strip(), say(verb.help)) for verb in VERBS])
