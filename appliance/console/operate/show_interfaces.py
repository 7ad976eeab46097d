# SPDX-License-Identifier: Apache-2.0
"""`show interfaces`: network interfaces by role, with link, addresses, traffic; below, what DHCP has lent us."""

from typing import Any, cast

from appliance.console.messages.catalog import say
from appliance.console.servers import NETWORK
from appliance.console.table import clean, render_duration, render_table

SERVER = NETWORK
HEADINGS = ("interface", "role", "link", "mtu", "received", "sent")
INDENT = "    "


def render(result: object) -> str:
    """One line an interface, its addresses below."""
    rows = cast("list[dict[str, Any]]", result)
    if not rows:
        return say("no interface is managed") + "\n"
    heading, *lines = render_table(HEADINGS, [_list_cells(row) for row in rows]).splitlines(keepends=True)
    text = heading
    for row, line in zip(rows, lines, strict=True):
        text += line + "".join(f"{INDENT}{clean(address)}\n" for address in row["addresses"])
    return text + "".join(_render_lease(row) for row in rows if row.get("lease"))


def _list_cells(row: dict[str, Any]) -> tuple[object, ...]:
    counters = row.get("counters") or {}
    role = f"{row['role']} ({row['bridge']})" if row.get("bridge") else row["role"]
    link = "down" if not row["is_up"] else "up" if row["has_carrier"] else "no cable"
    return (row["interface"], role, link, row["mtu"], describe_octets(counters.get("rx_bytes")),
            describe_octets(counters.get("tx_bytes")))


def _render_lease(row: dict[str, Any]) -> str:
    lease = row["lease"]
    rest = render_duration(lease["remaining_s"]) if lease.get("remaining_s") is not None else say("unknown")
    return clean(say("{interface}: {address} by DHCP from {server}, for another {rest}", interface=row["interface"],
                     address=lease["address"], server=lease["server"], rest=rest)) + "\n"


def describe_octets(count: object) -> str:
    """A count of octets in few digits."""
    if not isinstance(count, int):
        return ""
    value, units = float(count), iter(("", " kB", " MB", " GB", " TB"))
    unit = next(units)
    while value >= 1000.0 and unit != " TB":
        value, unit = value / 1000.0, next(units)
    return f"{value:.0f}{unit}" if value >= 10.0 or not unit else f"{value:.1f}{unit}"
