# SPDX-License-Identifier: Apache-2.0
"""One line in, pieces of one line out: the protocol of every control socket without the socket.

Request {"id": any, "command": [words]}; answer {"id", "ok": true, "result"} or {"id", "ok": false, "error"}. A list
that could not be told to its end has "error" behind its "result". A stream is one such answer after the other.
"""

import json
from collections.abc import Iterator
from math import isfinite
from typing import Any

from appliance.errors import OperatorError

ROWS_A_PIECE = 100
WORDS_LIMIT = 16

Words = list[Any]
"""What was asked: a word, and behind it whatever JSON can hold."""


def read_request(line: bytes) -> tuple[object, Words]:
    """The identity and the words. Raises OperatorError for a line that is no request."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise OperatorError("request", line[:40].decode("utf-8", "replace"), "one JSON object a line") from error
    if not isinstance(request, dict):
        raise OperatorError("request", type(request).__name__, "one JSON object a line")
    identity = request.get("id")
    is_infinite = isinstance(identity, float) and not isfinite(identity)    # of which JSON itself knows nothing
    if is_infinite or not isinstance(identity, str | int | float | None):
        raise OperatorError("id", type(identity).__name__, "a number or a string")
    words = request.get("command")
    if not isinstance(words, list) or len(words) > WORDS_LIMIT:
        raise OperatorError("command", str(words)[:40], f"a list of at most {WORDS_LIMIT} words")
    return identity, words


def require_plain_words(words: Words) -> list[str]:
    """For sockets whose commands are words alone. Raises OperatorError for anything else: no path of a file and no name
    has a NUL or half a surrogate pair in it."""
    if not all(isinstance(word, str) and word.isprintable() for word in words):
        raise OperatorError("command", ascii(words)[:40], "printable words, and nothing else")
    return words


def write_answer(identity: object, result: object) -> Iterator[bytes]:
    """The answer, in pieces that together are one line of JSON with its line end. An iterator is a list."""
    if not isinstance(result, Iterator):
        yield _print_line({"id": identity, "ok": True, "result": result})
        return
    yield b'{"id":%s,"ok":true,"result":[' % _print_value(identity)
    try:
        yield from _print_rows(result)
    except OperatorError as error:
        yield b'],"error":%s}\n' % _print_value(_describe_error(error))
    else:
        yield b"]}\n"


def write_refusal(error: OperatorError, identity: object = None) -> bytes:
    """The line that says why there is no result, or why a client is sent away."""
    return _print_line({"id": identity, "ok": False, "error": _describe_error(error)})


def _describe_error(error: OperatorError) -> dict[str, str]:
    return {"path": error.path, "said": error.said, "allowed": error.allowed, "remedy": error.remedy}


def _print_rows(rows: Iterator[object]) -> Iterator[bytes]:
    piece: list[bytes] = []
    separator = b""
    for row in rows:
        piece.append(_print_value(row))
        if len(piece) == ROWS_A_PIECE:
            yield separator + b",".join(piece)
            separator = b","
            piece.clear()
    if piece:
        yield separator + b",".join(piece)


def _print_value(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8", "replace")


def _print_line(value: object) -> bytes:
    return _print_value(value) + b"\n"
