# SPDX-License-Identifier: Apache-2.0
"""What both the wanted and the observed network are made of. Links are known by their names."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import NamedTuple


class HeldAddress(NamedTuple):
    """An address on a link, with the prefix of its network."""

    link: str
    address: IPv4Interface

    def __str__(self) -> str:
        return f"{self.address} on {self.link}"


class Route(NamedTuple):
    """A route of the main table. via: None where the destination is on the link itself."""

    to: IPv4Network
    via: IPv4Address | None
    link: str
    metric: int = 0

    def key(self) -> tuple[IPv4Network, int]:
        """What the kernel tells routes apart by."""
        return self.to, self.metric

    def __str__(self) -> str:
        to = "default" if self.to.prefixlen == 0 else str(self.to)
        return f"{to} via {self.via or 'the link itself'} on {self.link}"


@dataclass(frozen=True, slots=True)
class Link:
    """One network interface as it is. bridge: the bridge that it is a port of, "" for none."""

    name: str
    index: int
    kind: str
    mtu: int
    mac: str
    bridge: str
    is_up: bool
    has_carrier: bool
