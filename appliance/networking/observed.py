# SPDX-License-Identifier: Apache-2.0
"""What is there: the network as the kernel tells it, whoever has set it up."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.networking.values import HeldAddress, Link, Route


@dataclass(frozen=True, slots=True)
class ObservedNetwork:
    """links: by name; addresses and routes: IPv4, without those that the kernel makes by itself.

    settings: files under /proc/sys/net that were asked for, path -> text; what does not exist is missing.
    """

    links: dict[str, Link]
    addresses: frozenset[HeldAddress]
    routes: frozenset[Route]
    settings: dict[str, str]
