# SPDX-License-Identifier: Apache-2.0
"""`show configuration`: what runs, as `set` lines, with the operator's comments."""

from appliance.console.servers import CONFIGURATION

SERVER = CONFIGURATION


def ask(_words: list[str]) -> list[str]:
    """The running text."""
    return ["running"]


def render(result: object) -> str:
    """The text as it is."""
    text = str(result)
    return text if text.endswith("\n") or not text else text + "\n"
