# SPDX-License-Identifier: Apache-2.0
"""The kernel's network by rtnetlink(7) and /proc/sys/net: looks at it, and carries out one step of a plan."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any, Final

from pyroute2.iproute.linux import AsyncIPRoute  # type: ignore[import-untyped]
from pyroute2.netlink.exceptions import NetlinkError  # type: ignore[import-untyped]

from appliance.errors import MachineError
from appliance.networking import steps
from appliance.networking.desired import IP_FORWARD
from appliance.networking.observed import ObservedNetwork
from appliance.networking.steps import Step
from appliance.networking.values import HeldAddress, Link, Route

SETTINGS: Final = "/proc/sys/net"
IFF_UP: Final = 0x1
MAIN_TABLE: Final = 254
MADE_BY_KERNEL, MADE_BY_OPERATOR = 2, 4     # RTPROT_KERNEL, RTPROT_STATIC: rtnetlink(7)
UNICAST: Final = 1


class KernelNetwork:
    """One connection to the kernel, in the network namespace in which it was opened."""

    def __init__(self) -> None:
        self._route: Any = AsyncIPRoute()
        self._listing = asyncio.Lock()      # a socket lists one thing at a time: EBUSY, netlink(7)
        self._hands: dict[type, Callable[[Any], Awaitable[None]]] = {
            steps.CreateBridge: self._create_bridge,
            steps.RemoveBridge: self._remove_bridge,
            steps.SetMtu: self._set_mtu,
            steps.SetMac: self._set_mac,
            steps.SetBridge: self._set_bridge,
            steps.SetUp: self._set_up,
            steps.AddAddress: self._add_address,
            steps.RemoveAddress: self._remove_address,
            steps.AddRoute: self._add_route,
            steps.RemoveRoute: self._remove_route,
            steps.ReplaceRoute: self._replace_route,
            steps.SetSetting: self._set_setting,
        }

    async def open(self) -> None:
        """Connect. Raises MachineError."""
        try:
            await self._route.setup_endpoint()
        except OSError as error:
            raise MachineError(f"open rtnetlink: {error}", error.errno or 0) from error

    def close(self) -> None:
        """Disconnect."""
        self._route.close()

    async def observe(self, settings: Iterable[str]) -> ObservedNetwork:
        """What is there; settings: the files under /proc/sys/net to be read. Raises MachineError."""
        try:
            async with self._listing:
                links = {link.index: link for link in await self._read_links()}
                names = {index: link.name for index, link in links.items()}
                addresses = await self._read_addresses(names)
                routes = await self._read_routes(names)
        except (NetlinkError, OSError) as error:
            raise MachineError(f"read the network: {_explain(error)}", _number(error)) from error
        values = ((path, read_setting(path)) for path in settings)
        return ObservedNetwork({link.name: link for link in links.values()}, addresses, routes,
                               {path: value for path, value in values if value is not None})

    async def read_counters(self) -> dict[str, dict[str, int]]:
        """Packets and octets by link, both ways. Raises MachineError."""
        try:
            async with self._listing:
                messages = [message async for message in await self._route.get_links()]
        except (NetlinkError, OSError) as error:
            raise MachineError(f"read the network: {_explain(error)}", _number(error)) from error
        counted = {}
        for message in messages:
            said = message.get("stats64") or message.get("stats") or {}
            counted[message.get("ifname")] = {
                name: int(said.get(name) or 0) for name in (
                    "rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "rx_errors", "rx_dropped", "tx_dropped")}
        return counted

    async def carry_out(self, step: Step) -> None:
        """Raises MachineError with the step and what the kernel said to it."""
        try:
            await self._hands[type(step)](step)
        except (NetlinkError, OSError) as error:
            raise MachineError(f"{step}: {_explain(error)}{_hint(step, error)}", _number(error)) from error

    async def _read_links(self) -> list[Link]:
        messages = [message async for message in await self._route.get_links()]
        names = {message["index"]: message.get("ifname") for message in messages}
        return [Link(
            name=message.get("ifname"),
            index=message["index"],
            kind=(message.get("linkinfo") or {}).get("kind") or "",
            mtu=message.get("mtu") or 0,
            mac=message.get("address") or "",
            bridge=names.get(message.get("master"), ""),
            is_up=bool(message["flags"] & IFF_UP),
            has_carrier=bool(message.get("carrier")),
        ) for message in messages]

    async def _read_addresses(self, names: dict[int, str]) -> frozenset[HeldAddress]:
        found = set()
        async for message in await self._route.get_addr(family=2):
            address = message.get("local") or message.get("address")
            if address and message["index"] in names:
                found.add(HeldAddress(names[message["index"]], IPv4Interface((address, message["prefixlen"]))))
        return frozenset(found)

    async def _read_routes(self, names: dict[int, str]) -> frozenset[Route]:
        found = set()
        async for message in await self._route.get_routes(family=2, table=MAIN_TABLE):
            if message["proto"] == MADE_BY_KERNEL or message["type"] != UNICAST or message.get("oif") not in names:
                continue
            via = message.get("gateway")
            to = IPv4Network((message.get("dst") or "0.0.0.0", message["dst_len"]))
            found.add(Route(to, IPv4Address(via) if via else None, names[message.get("oif")],
                            message.get("priority") or 0))
        return frozenset(found)

    async def _index(self, link: str) -> int:
        found = await self._route.link_lookup(ifname=link)
        if not found:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        index: int = found[0]
        return index

    async def _create_bridge(self, step: steps.CreateBridge) -> None:
        mac = {"address": step.mac} if step.mac else {}
        await self._route.link("add", ifname=step.link, kind="bridge", **mac)
        await self._route.link("set", index=await self._index(step.link), state="up")

    async def _remove_bridge(self, step: steps.RemoveBridge) -> None:
        await self._route.link("del", index=await self._index(step.link))

    async def _set_mtu(self, step: steps.SetMtu) -> None:
        await self._route.link("set", index=await self._index(step.link), mtu=step.mtu)

    async def _set_mac(self, step: steps.SetMac) -> None:
        index = await self._index(step.link)
        try:
            await self._route.link("set", index=index, address=step.mac)
        except NetlinkError as error:
            if error.code != errno.EBUSY:       # many drivers change it only while the link is down
                raise
            await self._route.link("set", index=index, state="down")
            try:
                await self._route.link("set", index=index, address=step.mac)
            finally:
                await self._route.link("set", index=index, state="up")

    async def _set_bridge(self, step: steps.SetBridge) -> None:
        master = await self._index(step.bridge) if step.bridge else 0
        await self._route.link("set", index=await self._index(step.link), master=master)

    async def _set_up(self, step: steps.SetUp) -> None:
        await self._route.link("set", index=await self._index(step.link), state="up" if step.is_up else "down")

    async def _add_address(self, step: steps.AddAddress) -> None:
        await self._route.addr("add", **await self._describe_address(step.held))

    async def _remove_address(self, step: steps.RemoveAddress) -> None:
        await self._route.addr("del", **await self._describe_address(step.held))

    async def _describe_address(self, held: HeldAddress) -> dict[str, Any]:
        network = held.address.network
        described = {"index": await self._index(held.link), "address": str(held.address.ip),
                     "prefixlen": network.prefixlen}
        return described | ({"broadcast": str(network.broadcast_address)} if network.prefixlen < 31 else {})

    async def _add_route(self, step: steps.AddRoute) -> None:
        await self._route.route("add", **await self._describe_route(step.route))

    async def _remove_route(self, step: steps.RemoveRoute) -> None:
        await self._route.route("del", **await self._describe_route(step.route))

    async def _replace_route(self, step: steps.ReplaceRoute) -> None:
        await self._route.route("replace", **await self._describe_route(step.route))

    async def _describe_route(self, route: Route) -> dict[str, Any]:
        described: dict[str, Any] = {"dst": str(route.to), "oif": await self._index(route.link),
                                     "proto": MADE_BY_OPERATOR, "table": MAIN_TABLE}
        if route.metric:
            described["priority"] = route.metric
        if route.via is None:
            return described | {"scope": 253}       # RT_SCOPE_LINK
        # providers lend single addresses whose router is in no network of ours
        return described | {"gateway": str(route.via), "flags": ["onlink"]}

    async def _set_setting(self, step: steps.SetSetting) -> None:
        try:
            with open(f"{SETTINGS}/{step.path}", "w", encoding="ascii") as file:
                file.write(step.value)
        except FileNotFoundError:
            if step.path == IP_FORWARD:
                raise
            # a kernel without it (IPv6, conntrack's helpers) does not do what it would forbid


def read_setting(path: str) -> str | None:
    """A file under /proc/sys/net without its line end, None where there is none."""
    try:
        with open(f"{SETTINGS}/{path}", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return None


def _number(error: NetlinkError | OSError) -> int:
    return int(error.code) if isinstance(error, NetlinkError) else error.errno or 0


def _explain(error: NetlinkError | OSError) -> str:
    number = _number(error)
    return f"{os.strerror(number)} ({errno.errorcode.get(number, number)})" if number else str(error)


def _hint(step: Step, error: NetlinkError | OSError) -> str:
    if _number(error) == errno.EEXIST and isinstance(step, steps.AddRoute):
        return "; somebody else has set a route to the same network, which must go first"
    return ""
