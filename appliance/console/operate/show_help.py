# SPDX-License-Identifier: Apache-2.0
"""`help`: every command in a line."""

from collections.abc import Callable, Iterator

from appliance.console.commands import COMMANDS
from appliance.console.messages.catalog import say
from appliance.console.table import render_definitions


def stream(_ask: Callable[[list[str]], object], _words: list[str]) -> Iterator[str]:
    """The commands; any word may be shortened."""
    yield render_definitions([(" ".join(command.words), say(command.help)) for command in COMMANDS if command.help])
    yield "\n" + say("Any word may be cut to a beginning that is unique: `sh reg`.") + "\n"
    yield say("Behind one: | match RE, | except RE, | count, | last N, | no-more, | json.") + "\n"
