# SPDX-License-Identifier: Apache-2.0
"""What stands behind a command: `| match RE`, `| count` and their like, and how they change its lines."""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from appliance.console.messages.catalog import say
from appliance.errors import OperatorError

Filter = Callable[[Iterable[str]], Iterator[str]]

PIPES = {
    "match": "only lines in which this regular expression is found",
    "except": "only lines in which it is not found",
    "count": "how many lines there are",
    "last": "the last N lines (10)",
    "no-more": "without stopping at each screen",
    "json": "as JSON, for programs",
    "compare": "as differences: to what runs, or to `rollback N`",
}
LAST_LINES = 10
CONTAINS_ANYTHING = frozenset({"set", "delete"})
"""Commands whose words are the operator's own: a | in them is no pipe."""


class Piped(NamedTuple):
    """A line taken apart. words: before the first pipe, as they were typed; filters: in their order; compare: what
    stands behind `| compare`, None where there is none."""

    words: str
    filters: tuple[Filter, ...] = ()
    is_json: bool = False
    is_whole: bool = False
    compare: tuple[str, ...] | None = None


def split_pipes(line: str) -> tuple[str, list[str]]:
    """The command, and what stands behind each | that is outside quotes."""
    if line.split(maxsplit=1)[:1] and line.split(maxsplit=1)[0].lower() in CONTAINS_ANYTHING:
        return line, []
    parts, is_quoted = [""], False
    for character in line:
        is_quoted ^= character == '"'
        if character == "|" and not is_quoted:
            parts.append("")
        else:
            parts[-1] += character
    return parts[0], parts[1:]


def read_pipes(line: str) -> Piped:
    """Raises OperatorError for a pipe that is not known."""
    words, pipes = split_pipes(line)
    piped = Piped(words)
    for text in pipes:
        name, _, argument = text.strip().partition(" ")
        piped = _add_pipe(piped, _resolve_pipe(name), argument.strip())
    return piped


def _resolve_pipe(name: str) -> str:
    meant = [word for word in PIPES if word.startswith(name.lower())] if name else []
    if name in PIPES or len(meant) == 1:
        return name if name in PIPES else meant[0]
    raise OperatorError("|", say("{typed} is not known here", typed=repr(name)), " | ".join(meant or PIPES))


def _add_pipe(piped: Piped, name: str, argument: str) -> Piped:
    if name == "json":
        return piped._replace(is_json=True)
    if name == "no-more":
        return piped._replace(is_whole=True)
    if name == "compare":
        return piped._replace(compare=tuple(argument.split()))
    return piped._replace(filters=(*piped.filters, _make_filter(name, argument)))


def _make_filter(name: str, argument: str) -> Filter:
    if name == "count":
        return _count_lines
    if name == "last":
        if argument and not (argument.isascii() and argument.isdigit() and len(argument) < 7):
            raise OperatorError("| last", say("{typed} is not known here", typed=repr(argument)), say("a number"))
        return _keep_last(int(argument or LAST_LINES))
    expression = argument[1:-1] if len(argument) > 1 and argument[0] == argument[-1] == '"' else argument
    if not expression:
        raise OperatorError(f"| {name}", say("unfinished"), say("a regular expression"))
    try:
        pattern = re.compile(expression)
    except (re.error, OverflowError, RecursionError) as error:
        raise OperatorError(f"| {name}", f"{expression!r}: {error}", say("a regular expression")) from error
    return _keep_matching(pattern, is_wanted=name == "match")


def _count_lines(lines: Iterable[str]) -> Iterator[str]:
    yield say("{count} lines", count=sum(1 for _line in lines)) + "\n"


def _keep_last(count: int) -> Filter:
    return lambda lines: iter(deque(lines, maxlen=count))


def _keep_matching(pattern: re.Pattern[str], is_wanted: bool) -> Filter:
    return lambda lines: (line for line in lines if (pattern.search(line.rstrip("\n")) is not None) is is_wanted)


def filter_text(texts: Iterable[str], filters: Iterable[Filter]) -> Iterator[str]:
    """The lines that come out of the last filter, each with its line end."""
    lines = split_lines(texts)
    for one in filters:
        lines = one(lines)
    return lines


def split_lines(texts: Iterable[str]) -> Iterator[str]:
    """Pieces of text as lines, each with its line end. Only \\n ends one."""
    rest = ""
    for text in texts:
        *whole, rest = (rest + text).split("\n")
        yield from (line + "\n" for line in whole)
    if rest:
        yield rest + "\n"
