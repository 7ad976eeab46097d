# SPDX-License-Identifier: Apache-2.0
"""The language of this console: English sentences are the keys, another language is a table of sentences.

The language is chosen once, when the console starts; nobody else changes it.
"""

from collections.abc import Mapping
from importlib import import_module

ENGLISH, JAPANESE = "en", "ja"
LANGUAGES = (ENGLISH, JAPANESE)
_TABLES = {JAPANESE: ("ja_card", "ja_commands", "ja_configure", "ja_operate", "ja_schema", "ja_setup")}
_chosen: dict[str, str] = {}
_languages = [ENGLISH]


def select_language(language: str) -> None:
    """From now on sentences are in this language, one of LANGUAGES; any other means English."""
    _chosen.clear()
    _chosen.update(load_sentences(language))
    _languages[:] = [language]


def find_language() -> str:
    """What was selected last."""
    return _languages[0]


def load_sentences(language: str) -> Mapping[str, str]:
    """The table of a language: English sentence -> its own; empty for English."""
    sentences: dict[str, str] = {}
    for name in _TABLES.get(language, ()):
        sentences.update(import_module(f"appliance.console.messages.{name}").SENTENCES)
    return sentences


def say(sentence: str, **values: object) -> str:
    """The sentence in the chosen language, {names} filled in."""
    text = _chosen.get(sentence, sentence)
    return text.format(**values) if values else text


def choose_language(asked: str, environment: Mapping[str, str]) -> str:
    """What --language asks for, else what the locale says (POSIX: LC_ALL, LC_MESSAGES, LANG), "" for neither."""
    if asked:
        return asked
    locale = next((environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), "")
    return JAPANESE if locale.lower().startswith("ja") else ""
