# SPDX-License-Identifier: Apache-2.0
"""What may be typed next, as TAB and ? show it: pure, from what a mode says may follow the words before.

A choice is a word that can be put in, or a place, <like-this>, for which the operator finds the word himself.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from appliance.console.messages.catalog import say
from appliance.console.pipes import PIPES, split_pipes
from appliance.console.table import WIDTH, clean, measure, wrap_cells

GAP = "  "
WORD_WIDTH_LIMIT = 28


class Choice(NamedTuple):
    """word: to be typed; help: one line; is_place: stands for a word of the operator's own."""

    word: str
    help: str = ""
    is_place: bool = False


class Completion(NamedTuple):
    """What one key press means. insertion: what is typed for the operator; choices: what is listed, if anything."""

    insertion: str = ""
    choices: tuple[Choice, ...] = ()


END = Choice("<enter>", "", is_place=True)
Following = Callable[[list[str]], Sequence[Choice]]
"""The choices behind these words. Raises OperatorError where the words themselves are wrong."""


def split_typed(before: str) -> tuple[list[str], str]:
    """Whole words, and the beginning of the one at the cursor. Quoted blanks part no words."""
    words, word, is_quoted, is_word = [], "", False, False
    for character in before:
        if character == '"':
            is_quoted, is_word = not is_quoted, True
            word += character
        elif character.isspace() and not is_quoted:
            if is_word:
                words.append(word)
            word, is_word = "", False
        else:
            word, is_word = word + character, True
    return words, word


def list_choices(before: str, following: Following) -> list[Choice]:
    """What may stand at the cursor. Raises as `following` does."""
    command, pipes = split_pipes(before)
    if pipes:
        return _list_pipes(pipes[-1])
    words, begun = split_typed(command)
    return choose_matching(following(words), begun)


def choose_matching(choices: Sequence[Choice], begun: str) -> list[Choice]:
    """Those that begin so; places only where no word does, since anything may stand there."""
    exact = [one for one in choices if not one.is_place and one.word.startswith(begun)]
    loose = exact or [one for one in choices if not one.is_place and one.word.lower().startswith(begun.lower())]
    places = [one for one in choices if one.is_place and one is not END]
    if not begun:
        return list(choices)
    return [*places, *loose] if places else loose


def _list_pipes(text: str) -> list[Choice]:
    words, begun = split_typed(text)
    if not words:
        return [Choice(name, say(help_text)) for name, help_text in PIPES.items() if name.startswith(begun)]
    places = {"match": Choice("<RE>", say("a regular expression"), is_place=True),
              "except": Choice("<RE>", say("a regular expression"), is_place=True),
              "last": Choice("<N>", say("a number"), is_place=True),
              "compare": Choice("rollback", say("with revision N of the past"))}
    return [places[words[-1]]] if words[-1] in places else []


def complete_line(before: str, following: Following) -> Completion:
    """What TAB does at the end of this text."""
    choices = list_choices(before, following)
    words = [one.word for one in choices if not one.is_place]
    begun = split_typed(split_pipes(before)[-1][-1] if split_pipes(before)[1] else before)[1]
    if len(choices) == 1 and words:
        return Completion(quote_choice(words[0])[len(begun):] + " ") if words[0].startswith(begun) else (
            Completion(choices=tuple(choices)))
    common = find_common_beginning(words)
    if len(words) == len(choices) and len(common) > len(begun) and common.startswith(begun):
        return Completion(common[len(begun):])
    return Completion(choices=tuple(choices))


def find_common_beginning(words: Sequence[str]) -> str:
    """What all of them begin with; the smallest and the largest decide."""
    if not words:
        return ""
    first, last = min(words), max(words)
    return next((first[:index] for index, sign in enumerate(first) if last[index:index + 1] != sign), first)


def quote_choice(word: str) -> str:
    """The word as it is typed: in quotes where there are blanks."""
    return f'"{word}"' if any(character.isspace() for character in word) else word


def render_choices(choices: Sequence[Choice], width: int = WIDTH) -> str:
    """The word of each choice, then its help in a column that wraps within the width."""
    if not choices:
        return say("nothing is known that may stand here") + "\n"
    widest = min(max(measure(clean(one.word)) for one in choices), WORD_WIDTH_LIMIT)
    lines = []
    for one in choices:
        word = clean(one.word)
        column = len(GAP) * 2 + max(widest, measure(word))
        first, *rest = wrap_cells(clean(one.help), max(width - 1 - column, 8))
        lines.append(f"{GAP}{word}{' ' * (widest - measure(word))}{GAP}{first}".rstrip() + "\n")
        lines += [f"{' ' * column}{line}\n" for line in rest]
    return "".join(lines)
