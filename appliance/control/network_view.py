# SPDX-License-Identifier: Apache-2.0
"""The network as the console shows it: rows of plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from appliance.networking.lan_services import LentAddress
from appliance.networking.observed import ObservedNetwork
from appliance.networking.plan import Plan
from appliance.networking.side import Side

Row = dict[str, object]


def describe_plan(plan: Plan) -> Row:
    """The steps in words, and the interfaces that are awaited."""
    return {"steps": [str(step) for step in plan.steps], "missing": list(plan.missing)}


def describe_interfaces(observed: ObservedNetwork, sides: Mapping[str, Side], counters: Mapping[str, Mapping[str, int]],
                        remaining_s: Callable[[str], int | None]) -> list[Row]:
    """Every interface but the loopback; role: of those that are ours. remaining_s: how long a role's lease holds."""
    roles = {side.link: role for role, side in sides.items()}
    rows = []
    for link in sorted(observed.links.values(), key=lambda link: link.index):
        if link.name == "lo":
            continue
        role = roles.get(link.name) or (roles.get(link.bridge, "") if link.bridge else "")
        row: Row = {
            "interface": link.name, "role": role, "bridge": link.bridge, "is_up": link.is_up,
            "has_carrier": link.has_carrier, "mac": link.mac, "mtu": link.mtu,
            "addresses": sorted(str(one.address) for one in observed.addresses if one.link == link.name),
            "counters": dict(counters.get(link.name, {})),
        }
        side = sides.get(role)
        if side is not None and side.lease is not None and side.link == link.name:
            row["lease"] = describe_lease(side, remaining_s(role))
        rows.append(row)
    return rows


def describe_lease(side: Side, remaining_s: int | None) -> Row:
    """What a DHCP server has lent us."""
    lease = side.lease
    assert lease is not None    # asked only where there is one
    return {
        "address": str(lease.address), "server": str(lease.server), "lease_s": lease.lease_s,
        "remaining_s": remaining_s, "routers": [str(one) for one in lease.routers],
        "name_servers": [str(one) for one in lease.name_servers], "domain": lease.domain,
        "time_servers": [str(one) for one in lease.time_servers], "sip_servers": list(lease.sip_servers),
    }


def describe_lent(lent: list[LentAddress]) -> list[Row]:
    """What our DHCP server has lent. until: seconds since 1970, 0 for ever."""
    return [{"address": one.address, "mac": one.mac, "name": one.name, "until": one.until} for one in lent]
