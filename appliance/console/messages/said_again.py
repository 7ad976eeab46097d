# SPDX-License-Identifier: Apache-2.0
"""Sentences that a daemon has said in English, in the language of this console: daemons know no operator's language.

Tables hold them with {places}; the first that fits is taken. Nothing is kept here but the patterns made of the tables.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Final

from appliance.console.messages.catalog import JAPANESE, find_language

SAID_BY_DAEMONS: Final = {
    JAPANESE: ("ja_effects", "ja_answers", "ja_findings", "ja_values", "ja_firewall", "ja_explanations")}
SAID_AS_WELL: Final = ("before", "after", "who", "whom", "cause")
"""Places whose words are a sentence themselves."""
SEVERAL_WORDS: Final = (*SAID_AS_WELL, "text", "words", "names", "path", "place", "route", "other")
"""Places in which blanks may stand."""


def say_again(sentence: str) -> str:
    """The sentence in the chosen language; as it is where no table has it."""
    language = find_language()
    if language not in SAID_BY_DAEMONS:
        return sentence
    sentences = load_said(language)
    if sentence in sentences:
        return sentences[sentence]
    for pattern, said in load_patterns(language):
        match = pattern.fullmatch(sentence)
        if match is not None:
            return said.format(**{name: say_again(text) if name in SAID_AS_WELL else text
                                  for name, text in match.groupdict().items()})
    return sentence


@cache
def load_said(language: str) -> Mapping[str, str]:
    """The tables of a language, as one."""
    sentences: dict[str, str] = {}
    for name in SAID_BY_DAEMONS.get(language, ()):
        sentences.update(import_module(f"appliance.console.messages.{name}").SAID)
    return sentences


@cache
def load_patterns(language: str) -> list[tuple[re.Pattern[str], str]]:
    """Those with places, as patterns, in their order."""
    return [(compile_sentence(sentence), said) for sentence, said in load_said(language).items() if "{" in sentence]


def compile_sentence(sentence: str) -> re.Pattern[str]:
    """What fits a sentence with places."""
    parts = re.split(r"\{(\w+)\}", sentence)
    return re.compile("".join(_match_place(part) if index % 2 else re.escape(part)
                              for index, part in enumerate(parts)))


def _match_place(name: str) -> str:
    return f"(?P<{name}>.+?)" if name in SEVERAL_WORDS else rf"(?P<{name}>\S+?)"
