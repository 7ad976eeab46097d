# SPDX-License-Identifier: Apache-2.0
"""`show log [N]`: the last lines of the call server's journal."""

from collections.abc import Mapping

from appliance.console.messages.catalog import say
from appliance.console.operate.show_calls import render_time
from appliance.console.table import clean

IS_PROSE = True


def ask(words: list[str]) -> list[str]:
    """The words of the call server."""
    return ["log", *words[2:]]


def render(result: object) -> str:
    """A line an event: when, what, its values."""
    rows = [row for row in result if isinstance(row, Mapping)] if isinstance(result, list) else []
    if not rows:
        return say("the journal is empty") + "\n"
    return "".join(_render_event(row) for row in rows)


def _render_event(row: Mapping[str, object]) -> str:
    values = " ".join(f"{name}={clean(value)}" for name, value in row.items() if name not in ("at", "event"))
    return f"{render_time(str(row.get('at', '')))}  {clean(row.get('event', ''))}  {values}".rstrip() + "\n"
