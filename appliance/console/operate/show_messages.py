# SPDX-License-Identifier: Apache-2.0
"""`show call N messages`: the ladder with the text of every message below its arrow, secrets blotted out."""

from typing import TYPE_CHECKING

from appliance.console.operate import show_ladder

if TYPE_CHECKING:
    from appliance.diagnosis.ladder import Ladder


def ask(words: list[str]) -> list[str]:
    """The ladder already carries the texts."""
    return [*words[:-1], "ladder"]


def render(result: "Ladder") -> str:
    """The ladder with texts."""
    return show_ladder.render(result, has_text=True)
