# SPDX-License-Identifier: Apache-2.0
"""`show leases`: addresses that were given to machines on the LAN."""

from typing import Any, cast

from appliance.console.messages.catalog import say
from appliance.console.servers import NETWORK
from appliance.console.table import render_table

SERVER = NETWORK
HEADINGS = ("address", "mac", "name", "until (UTC)")


def render(result: object) -> str:
    """One line an address."""
    rows = cast("list[dict[str, Any]]", result)
    if not rows:
        return say("no address is given to anybody") + "\n"
    return render_table(HEADINGS, [(row["address"], row["mac"], row["name"], describe_end(row["until"]))
                                   for row in rows])


def describe_end(until: object) -> str:
    """Seconds since 1970; 0 is for ever."""
    from datetime import UTC, datetime
    if not isinstance(until, int | float) or not until:
        return say("for ever")
    return datetime.fromtimestamp(until, UTC).strftime("%Y-%m-%d %H:%M:%S")
