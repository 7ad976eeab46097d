# SPDX-License-Identifier: Apache-2.0
"""A kernel of few words: what each step of a plan does to links, addresses, routes and settings."""

from dataclasses import replace

from appliance.errors import MachineError
from appliance.networking import steps
from appliance.networking.observed import ObservedNetwork
from appliance.networking.values import Link


class KernelModel:
    """`network` is what it would tell. refused: the number of the step at which it says no, counted from 0."""

    def __init__(self, network: ObservedNetwork, refused: int = -1) -> None:
        self.links = dict(network.links)
        self.addresses = set(network.addresses)
        self.routes = set(network.routes)
        self.settings = dict(network.settings)
        self.refused = refused
        self.done = 0

    @property
    def network(self) -> ObservedNetwork:
        return ObservedNetwork(dict(self.links), frozenset(self.addresses), frozenset(self.routes), dict(self.settings))

    async def carry_out(self, step: steps.Step) -> None:
        number, self.done = self.done, self.done + 1
        if number == self.refused:
            raise MachineError(f"{step}: refused", 1)
        self.act(step)

    def act(self, step: steps.Step) -> None:
        match step:
            case steps.CreateBridge(link, mac):
                assert link not in self.links
                self.links[link] = Link(link, 100 + len(self.links), "bridge", 1500, mac, "", True, True)
            case steps.RemoveBridge(link):
                assert self.links[link].kind == "bridge"
                assert not [one for one in self.links.values() if one.bridge == link]
                assert not [one for one in self.addresses if one.link == link]
                assert not [one for one in self.routes if one.link == link]
                del self.links[link]
            case steps.SetMtu(link, mtu, before):
                assert self.links[link].mtu == before
                self.links[link] = replace(self.links[link], mtu=mtu)
            case steps.SetMac(link, mac, before):
                assert self.links[link].mac == before
                self.links[link] = replace(self.links[link], mac=mac)
            case steps.SetBridge(link, bridge, before):
                assert self.links[link].bridge == before
                assert not bridge or self.links[bridge].kind == "bridge"
                self.links[link] = replace(self.links[link], bridge=bridge)
            case steps.SetUp(link, is_up):
                self.links[link] = replace(self.links[link], is_up=is_up)
            case steps.AddAddress(held):
                assert held.link in self.links
                assert held not in self.addresses
                self.addresses.add(held)
            case steps.RemoveAddress(held):
                self.addresses.remove(held)
            case steps.AddRoute(route):
                self._add_route(route)
            case steps.RemoveRoute(route):
                self.routes.remove(route)
            case steps.ReplaceRoute(route, before):
                self.routes.remove(before)
                self._add_route(route)
            case steps.SetSetting(path, value, before):
                if before is not None:
                    assert self.settings[path] == before
                self.settings[path] = value

    def _add_route(self, route) -> None:
        if route.key() in {one.key() for one in self.routes}:
            raise MachineError(f"{route}: File exists", 17)
        self.routes.add(route)
