# SPDX-License-Identifier: Apache-2.0
"""What of the network is ours: only that is ever taken away. Survives on disk as JSON."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any

from appliance.networking.steps import AddAddress, AddRoute, CreateBridge, ReplaceRoute, Step
from appliance.networking.values import HeldAddress, Route

FORM = 1


@dataclass(frozen=True, slots=True)
class Ownership:
    """links: bridges that we have made; before: what a setting was before us, by `mtu LINK`, `mac LINK`, `bridge LINK`,
    `state LINK` or the path of a file under /proc/sys/net."""

    links: frozenset[str] = frozenset()
    addresses: frozenset[HeldAddress] = frozenset()
    routes: frozenset[Route] = frozenset()
    before: dict[str, str] = field(default_factory=dict)

    def join(self, other: Ownership) -> Ownership:
        """What is ours by either: for the time in which nobody knows how far a plan has got."""
        return Ownership(self.links | other.links, self.addresses | other.addresses, self.routes | other.routes,
                         {**other.before, **self.before})

    def without(self, refused: Collection[Step]) -> Ownership:
        """Less what refused steps would have added."""
        addresses = {step.held for step in refused if isinstance(step, AddAddress)}
        routes = {step.route for step in refused if isinstance(step, AddRoute | ReplaceRoute)}
        links = {step.link for step in refused if isinstance(step, CreateBridge)}
        return Ownership(self.links - links, self.addresses - addresses, self.routes - routes, self.before)


def write_ownership(owned: Ownership) -> bytes:
    """As JSON."""
    return json.dumps({
        "form": FORM,
        "links": sorted(owned.links),
        "addresses": sorted([one.link, str(one.address)] for one in owned.addresses),
        "routes": sorted([str(one.to), str(one.via or ""), one.link, one.metric] for one in owned.routes),
        "before": owned.before,
    }, indent=1).encode()


def read_ownership(octets: bytes) -> Ownership:
    """Raises ValueError for what this program has not written."""
    try:
        said: Any = json.loads(octets)
        if said["form"] != FORM:
            raise ValueError(f"ownership of form {said['form']}")
        return Ownership(
            frozenset(str(link) for link in said["links"]),
            frozenset(HeldAddress(str(link), IPv4Interface(address)) for link, address in said["addresses"]),
            frozenset(Route(IPv4Network(to), IPv4Address(via) if via else None, str(link), int(metric))
                      for to, via, link, metric in said["routes"]),
            {str(key): str(value) for key, value in said["before"].items()},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"ownership that cannot be read: {error!r}") from error
