# SPDX-License-Identifier: Apache-2.0
"""A kind of value: how its text is read, and the words that say what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

SHOWN_CHARACTERS = 40


class ValueRefused(ValueError):
    """The text is no value of the kind. wrong: what is wrong with it; allowed: instead of the kind's own words."""

    def __init__(self, wrong: str, allowed: str = "") -> None:
        super().__init__(wrong)
        self.wrong = wrong
        self.allowed = allowed


@dataclass(frozen=True, slots=True, eq=False)
class Kind(Generic[T]):
    """read: text to typed value, raises ValueRefused; allowed: what may stand there, for people.

    choices: the words of an enumeration, for completion; word_count: how many words make one value;
    is_secret: the text must never be shown.
    """

    name: str
    allowed: str
    read: Callable[[str], T]
    choices: tuple[str, ...] = ()
    word_count: int = 1
    is_secret: bool = False


def show_text(text: str) -> str:
    """The text in quotes as a message may carry it: shortened, unprintable characters escaped."""
    shortened = text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."
    return '"' + "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in shortened) + '"'
