# SPDX-License-Identifier: Apache-2.0
"""`show handsets`: the telephones at the sound card and the pins of the box, a line each."""

from typing import Any, cast

from appliance.console.messages.catalog import say
from appliance.console.servers import HANDSETS
from appliance.console.table import clean, render_table

SERVER = HANDSETS
HEADINGS = ("handset", "extension", "state", "with", "registered", "sound")


def render(result: object) -> str:
    """What does not stand says why below the table."""
    rows = cast("list[dict[str, Any]]", result)
    if not rows:
        return say("no handset is configured") + "\n"
    troubles = [f"{clean(row['name'])}: {clean(row['trouble'])}\n" for row in rows if row["trouble"]]
    return render_table(HEADINGS, [_list_handset(row) for row in rows]) + "".join(troubles)


def _list_handset(row: dict[str, Any]) -> tuple[object, ...]:
    if row["trouble"]:
        return row["name"], "", "down", "", "", ""
    return (row["name"], row["extension"], row["state"], ", ".join(row["calls"].values()),
            describe_registration(row), "none" if row["sound"]["device_trouble"] else "yes")


def describe_registration(row: dict[str, Any]) -> str:
    """Whether the server knows it; nothing where it has none."""
    return ("yes" if row["registered"] else "no") if row["extension"] else ""
