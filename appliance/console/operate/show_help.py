# SPDX-License-Identifier: Apache-2.0
"""`help`: every command in a line."""

from appliance.console.commands import COMMANDS
from appliance.console.table import render_pairs


def render(_result: None) -> str:
    """The commands; any word may be shortened."""
    return render_pairs([(" ".join(command.words), command.help) for command in COMMANDS if command.help]) + (
        "\nAny word may be cut to a beginning that is unique: `sh reg`.\n")
