# SPDX-License-Identifier: Apache-2.0
"""`show revision N`: the text of a configuration of the past."""

from appliance.console.operate.show_configuration import render
from appliance.console.servers import CONFIGURATION

__all__ = ["SERVER", "ask", "render"]

SERVER = CONFIGURATION


def ask(words: list[str]) -> list[object]:
    """The words of the configuration service."""
    return ["revision", int(words[2])]
