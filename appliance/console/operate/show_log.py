# SPDX-License-Identifier: Apache-2.0
"""`show log [N]`: the last lines of every daemon's journal, as one."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from appliance.console.messages.catalog import say
from appliance.console.operate.show_calls import render_time
from appliance.console.servers import CALLS, CONFIGURATION, HANDSETS, NETWORK
from appliance.console.table import clean
from appliance.errors import MachineError, OperatorError

if TYPE_CHECKING:
    from appliance.console.servers import Servers

IS_PROSE = True
EVENTS_SHOWN = 100
WRITERS = {CALLS: "calls", CONFIGURATION: "config", NETWORK: "network", HANDSETS: "handset"}
"""Whose journals, by their sockets. Where the call server keeps the configuration itself, its journal has both."""

Row = dict[str, object]


def collect(servers: "Servers", words: list[str]) -> list[Row]:
    """The events of all who answer, by time. Raises MachineError where nobody does."""
    count = words[2] if len(words) > 2 else str(EVENTS_SHOWN)
    silence: MachineError | None = None
    has_answer = False
    rows: list[Row] = []
    for socket_name, writer in WRITERS.items():
        try:
            found = servers.ask(socket_name, ["log", count])
        except MachineError as error:
            silence = silence or error
        except OperatorError:
            continue
        else:
            has_answer = True
            rows += [{"daemon": writer, **row} for row in found] if isinstance(found, list) else []
    if silence is not None and not has_answer:
        raise silence
    rows.sort(key=lambda row: str(row.get("at", "")))
    return rows[max(len(rows) - int(count), 0):]


def render(result: object) -> str:
    """A line an event: when, who, what, its values."""
    rows = [row for row in result if isinstance(row, Mapping)] if isinstance(result, list) else []
    if not rows:
        return say("the journal is empty") + "\n"
    return "".join(_render_event(row) for row in rows)


def _render_event(row: Mapping[str, object]) -> str:
    values = " ".join(f"{name}={clean(value)}" for name, value in row.items() if name not in ("at", "daemon", "event"))
    daemon, event = clean(row.get("daemon", "")), clean(row.get("event", ""))
    return f"{render_time(str(row.get('at', '')))}  {daemon:<7}  {event}  {values}".rstrip() + "\n"
