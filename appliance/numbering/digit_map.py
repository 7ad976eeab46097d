# SPDX-License-Identifier: Apache-2.0
"""When dialling is complete: digit maps as RFC 3435 2.1.5 writes them, longest match. A map is a value.

(0[1-9]xxxxxxxx|1xx|010xxx.T): "x" any digit, [ ] a range, "." what stands before it any number of times, none too;
"T" the inter-digit time-out.
"""

import re
from enum import IntEnum
from typing import Final, NamedTuple

from appliance.errors import OperatorError

_ELEMENT: Final = re.compile(r"(\[(?:[0-9]-[0-9]|[0-9*#A-D])+\]|[0-9*#A-DTX])(\.?)", re.IGNORECASE)
_RANGE: Final = re.compile(r"([0-9])-([0-9])|([0-9*#A-D])")
_DIGITS: Final = frozenset("0123456789")
TIMER: Final = "T"
LENGTH_LIMIT: Final = 4096


class Match(IntEnum):
    """NONE: no number begins so; PARTIAL: more must come; OPEN: a number, but it may go on; WHOLE: it cannot."""

    NONE = 0
    PARTIAL = 1
    OPEN = 2
    WHOLE = 3


class _Position(NamedTuple):
    """What may come in one place of an alternative."""

    letters: frozenset[str]
    is_repeated: bool


_States = frozenset[tuple[int, int]]


class DigitMap:
    """Alternatives side by side, as a set of places where what was dialled may stand."""

    __slots__ = ("_alternatives", "start")

    def __init__(self, text: str) -> None:
        """OperatorError for what is no digit map."""
        inner = text.strip()
        if inner.startswith("(") and inner.endswith(")"):
            inner = inner[1:-1]
        if len(inner) > LENGTH_LIMIT:
            raise OperatorError("digit map", "too long", f"at most {LENGTH_LIMIT} characters")
        self._alternatives = [_read_alternative(part.strip()) for part in inner.split("|")]
        self.start: _States = self._close({(number, 0) for number in range(len(self._alternatives))})

    def press(self, states: _States, letter: str) -> _States:
        """Where dialling stands after one more digit; empty where no number goes on so."""
        reached = set()
        for number, place in states:
            alternative = self._alternatives[number]
            if place < len(alternative) and letter in alternative[place].letters:
                reached.add((number, place if alternative[place].is_repeated else place + 1))
        return self._close(reached)

    def _close(self, states: set[tuple[int, int]]) -> _States:
        """With the places that are reached by leaving out what may be left out."""
        waiting = list(states)
        while waiting:
            number, place = waiting.pop()
            alternative = self._alternatives[number]
            if place < len(alternative) and alternative[place].is_repeated and (number, place + 1) not in states:
                states.add((number, place + 1))
                waiting.append((number, place + 1))
        return frozenset(states)

    def judge(self, states: _States) -> Match:
        """Whether what led here is a number, and whether it can go on."""
        if not states:
            return Match.NONE
        alternatives = self._alternatives
        is_number = any(place == len(alternatives[number]) for number, place in states)
        is_open = any(place < len(alternatives[number]) for number, place in states)
        if is_number:
            return Match.OPEN if is_open else Match.WHOLE
        timed = self.press(states, TIMER)
        return Match.OPEN if any(place == len(alternatives[number]) for number, place in timed) else Match.PARTIAL

    def match(self, dialled: str) -> Match:
        """`judge` for all of these digits."""
        states = self.start
        for letter in dialled.upper():
            states = self.press(states, letter)
        return self.judge(states)


def _read_alternative(text: str) -> tuple[_Position, ...]:
    positions = []
    place = 0
    while place < len(text):
        found = _ELEMENT.match(text, place)
        if found is None:
            raise OperatorError("digit map", f"{text!r} cannot be read at {text[place:]!r}",
                                'digits, "*", "#", "x", [2-9], "." and "T", alternatives with "|" between them')
        positions.append(_Position(_read_letters(found[1].upper()), bool(found[2])))
        place = found.end()
    if not positions:
        raise OperatorError("digit map", "an empty alternative", 'at least one digit between "|" and "|"')
    return tuple(positions)


def _read_letters(word: str) -> frozenset[str]:
    if word == "X":
        return _DIGITS
    if not word.startswith("["):
        return frozenset(word)
    letters: set[str] = set()
    for first, last, single in _RANGE.findall(word[1:-1]):
        letters.update(single or (chr(code) for code in range(ord(first), ord(last) + 1)))
    return frozenset(letters)
