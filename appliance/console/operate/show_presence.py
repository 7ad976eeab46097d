# SPDX-License-Identifier: Apache-2.0
"""`show presence`: one line an extension."""

from typing import TYPE_CHECKING

from appliance.console.table import render_table

if TYPE_CHECKING:
    from appliance.control.observed import Presence


def render(result: "list[Presence]") -> str:
    """What watchers are shown of each extension."""
    rows = [(row["extension"], row["basic"], "yes" if row["is_registered"] else "no",
             "yes" if row["is_on_phone"] else "no", ", ".join(list_activities(row)), find_note(row)) for row in result]
    return render_table(("extension", "presence", "registered", "on the phone", "published", "note"), rows)


def list_activities(row: "Presence") -> list[str]:
    """What the publications say that the user does, each once; of one that says nothing more, open or closed."""
    said = [word for one in row["publications"] for word in (one["activities"] or [one["basic"]]) if word]
    return list(dict.fromkeys(said))


def find_note(row: "Presence") -> str:
    """The youngest note."""
    return next((one["note"] for one in row["publications"] if one["note"]), "")
