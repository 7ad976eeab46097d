# SPDX-License-Identifier: Apache-2.0
"""From what is there to what is wanted: the steps, in an order in which established connections survive.

New addresses come before old ones go, routes turn between the two; what is as it should be is not touched, and what is
not ours is never taken away.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from appliance.networking.desired import IP_FORWARD, LOOPBACK, DesiredLink, DesiredNetwork
from appliance.networking.observed import ObservedNetwork
from appliance.networking.ownership import Ownership
from appliance.networking.steps import (
    AddAddress,
    AddRoute,
    CreateBridge,
    RemoveAddress,
    RemoveBridge,
    RemoveRoute,
    ReplaceRoute,
    SetBridge,
    SetMac,
    SetMtu,
    SetSetting,
    SetUp,
    Step,
)
from appliance.networking.values import HeldAddress, Route

MTU, MAC, BRIDGE, STATE = "mtu", "mac", "bridge", "state"
UP, DOWN = "up", "down"


class Plan(NamedTuple):
    """steps: in order; owned: what is ours once they are done; missing: links that are wanted and not there."""

    steps: tuple[Step, ...]
    owned: Ownership
    missing: tuple[str, ...]


def decide_plan(desired: DesiredNetwork, observed: ObservedNetwork, owned: Ownership) -> Plan:
    """What is wanted of links that are not there waits until they are."""
    return Planner(desired, observed, owned).decide()


class Planner:
    """One plan in the making."""

    __slots__ = ("_before", "_desired", "_observed", "_owned", "_there")

    def __init__(self, desired: DesiredNetwork, observed: ObservedNetwork, owned: Ownership) -> None:
        self._desired = desired
        self._observed = observed
        self._owned = owned
        self._before = dict(owned.before)
        made = {link.name for link in desired.links if link.is_bridge}
        self._there = made | set(observed.links)

    def decide(self) -> Plan:
        """All steps; the order is that of this function."""
        steps: list[Step] = []
        steps += self._remove_routes()
        steps += self._make_links()
        steps += self._change_settings()
        steps += self._add_addresses()
        steps += self._add_routes()
        steps += self._remove_addresses()
        steps += self._release_links()
        steps += self._release_settings()
        steps += self._remove_links()
        return Plan(tuple(steps), self._decide_owned(), tuple(
            link.name for link in self._desired.links if link.name not in self._there))

    def _decide_owned(self) -> Ownership:
        observed, owned = self._observed, self._owned
        wanted_links = {link.name for link in self._desired.links if link.is_bridge}
        return Ownership(
            frozenset(name for name in wanted_links if name in owned.links or name not in observed.links),
            frozenset(one for one in self._wanted_addresses() if one in owned.addresses
                      or one not in observed.addresses),
            frozenset(one for one in self._wanted_routes() if one in owned.routes or one not in observed.routes),
            self._before,
        )

    def _wanted_addresses(self) -> list[HeldAddress]:
        return [one for one in sorted(self._desired.addresses) if one.link in self._there]

    def _wanted_routes(self) -> list[Route]:
        return [one for one in sorted(self._desired.routes, key=str) if one.link in self._there]

    def _remove_routes(self) -> Iterator[Step]:
        wanted_keys = {one.key() for one in self._wanted_routes()}
        for route in sorted(self._owned.routes & self._observed.routes, key=str):
            if route.key() not in wanted_keys:
                yield RemoveRoute(route)

    def _make_links(self) -> Iterator[Step]:
        for link in self._desired.links:
            now = self._observed.links.get(link.name)
            if now is None:
                if link.is_bridge:
                    yield CreateBridge(link.name, link.mac or self._mac_of_first_port(link.name))
                continue
            if link.mtu and now.mtu != link.mtu:
                self._before.setdefault(f"{MTU} {link.name}", str(now.mtu))
                yield SetMtu(link.name, link.mtu, now.mtu)
            if link.mac and now.mac != link.mac:
                self._before.setdefault(f"{MAC} {link.name}", now.mac)
                yield SetMac(link.name, link.mac, now.mac)
            if link.bridge and now.bridge != link.bridge:
                self._before.setdefault(f"{BRIDGE} {link.name}", now.bridge)
                yield SetBridge(link.name, link.bridge, now.bridge)
            if not link.is_bridge and link.name != LOOPBACK:
                self._before.setdefault(f"{STATE} {link.name}", UP if now.is_up else DOWN)
            if not now.is_up:
                yield SetUp(link.name, True)

    def _mac_of_first_port(self, bridge: str) -> str:
        ports = [link for link in self._desired.links if link.bridge == bridge]
        return next((link.mac or self._observed.links[link.name].mac for link in ports
                     if link.name in self._observed.links), "")

    def _change_settings(self) -> Iterator[Step]:
        made = self._there - set(self._observed.links)
        for path, value in self._desired.settings:
            now = self._observed.settings.get(path)
            if now is None and self._link_of_setting(path) in made:
                yield SetSetting(path, value, None)
            elif now is not None and now != value:
                self._before.setdefault(path, now)
                yield SetSetting(path, value, now)
            elif now is None and path == IP_FORWARD:
                yield SetSetting(path, value, None)     # without it there is no gateway: the kernel is to say why

    @staticmethod
    def _link_of_setting(path: str) -> str:
        words = path.split("/")
        return words[2] if len(words) == 4 and words[1] == "conf" else ""

    def _add_addresses(self) -> Iterator[Step]:
        for held in self._wanted_addresses():
            if held not in self._observed.addresses:
                yield AddAddress(held)

    def _add_routes(self) -> Iterator[Step]:
        ours = {one.key(): one for one in self._owned.routes & self._observed.routes}
        for route in self._wanted_routes():
            if route in self._observed.routes:
                continue
            before = ours.get(route.key())
            yield ReplaceRoute(route, before) if before else AddRoute(route)

    def _remove_addresses(self) -> Iterator[Step]:
        for held in sorted(self._owned.addresses & self._observed.addresses):
            if held not in self._desired.addresses:
                yield RemoveAddress(held)

    def _release_links(self) -> Iterator[Step]:
        """What nobody says any more becomes what it was."""
        wanted = {link.name: link for link in self._desired.links}
        for key, before in list(self._before.items()):
            attribute, _, name = key.partition(" ")
            if not name or self._is_said(wanted.get(name), attribute):
                continue
            del self._before[key]
            now = self._observed.links.get(name)
            if now is None:
                continue
            if attribute == MTU and now.mtu != int(before):
                yield SetMtu(name, int(before), now.mtu)
            elif attribute == MAC and now.mac != before:
                yield SetMac(name, before, now.mac)
            elif attribute == BRIDGE and now.bridge != before and (not before or before in self._observed.links):
                yield SetBridge(name, before, now.bridge)
            elif attribute == STATE and now.is_up and before == DOWN:
                yield SetUp(name, False)

    @staticmethod
    def _is_said(link: DesiredLink | None, attribute: str) -> bool:
        said = link and {MTU: link.mtu, MAC: link.mac, BRIDGE: link.bridge, STATE: UP}[attribute]
        return bool(said)

    def _release_settings(self) -> Iterator[Step]:
        wanted = dict(self._desired.settings)
        for path, before in list(self._before.items()):
            if " " in path or path in wanted:
                continue
            del self._before[path]
            now = self._observed.settings.get(path)
            if now is not None and now != before:
                yield SetSetting(path, before, now)

    def _remove_links(self) -> Iterator[Step]:
        wanted = {link.name for link in self._desired.links}
        for name in sorted(self._owned.links - wanted):
            if name in self._observed.links:
                yield RemoveBridge(name, self._observed.links[name].mac)
