# SPDX-License-Identifier: Apache-2.0
"""The steps of a plan. Each says what it does in words, and which step undoes it."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.networking.values import HeldAddress, Route


@dataclass(frozen=True, slots=True)
class CreateBridge:
    """Up at once. mac: that of its first port, that does not change with the others; "" lets the kernel choose."""

    link: str
    mac: str = ""

    def inverse(self) -> RemoveBridge:
        return RemoveBridge(self.link, self.mac)

    def __str__(self) -> str:
        return f"make the bridge {self.link}"


@dataclass(frozen=True, slots=True)
class RemoveBridge:
    """mac: for its return."""

    link: str
    mac: str = ""

    def inverse(self) -> CreateBridge:
        return CreateBridge(self.link, self.mac)

    def __str__(self) -> str:
        return f"remove the bridge {self.link}"


@dataclass(frozen=True, slots=True)
class SetMtu:
    """In octets."""

    link: str
    mtu: int
    before: int

    def inverse(self) -> SetMtu:
        return SetMtu(self.link, self.before, self.mtu)

    def __str__(self) -> str:
        return f"set the mtu of {self.link} to {self.mtu}"


@dataclass(frozen=True, slots=True)
class SetMac:
    """The Ethernet address to show."""

    link: str
    mac: str
    before: str

    def inverse(self) -> SetMac:
        return SetMac(self.link, self.before, self.mac)

    def __str__(self) -> str:
        return f"give {self.link} the Ethernet address {self.mac}"


@dataclass(frozen=True, slots=True)
class SetBridge:
    """bridge "": none."""

    link: str
    bridge: str
    before: str

    def inverse(self) -> SetBridge:
        return SetBridge(self.link, self.before, self.bridge)

    def __str__(self) -> str:
        return f"put {self.link} into {self.bridge}" if self.bridge else f"take {self.link} out of {self.before}"


@dataclass(frozen=True, slots=True)
class SetUp:
    """Up or down, as the administrator says."""

    link: str
    is_up: bool

    def inverse(self) -> SetUp:
        return SetUp(self.link, not self.is_up)

    def __str__(self) -> str:
        return f"bring {self.link} {'up' if self.is_up else 'down'}"


@dataclass(frozen=True, slots=True)
class AddAddress:
    """An address on a link."""

    held: HeldAddress

    def inverse(self) -> RemoveAddress:
        return RemoveAddress(self.held)

    def __str__(self) -> str:
        return f"give {self.held.link} {self.held.address}"


@dataclass(frozen=True, slots=True)
class RemoveAddress:
    """An address that was ours."""

    held: HeldAddress

    def inverse(self) -> AddAddress:
        return AddAddress(self.held)

    def __str__(self) -> str:
        return f"take {self.held.address} from {self.held.link}"


@dataclass(frozen=True, slots=True)
class AddRoute:
    """A route that nobody else has set."""

    route: Route

    def inverse(self) -> RemoveRoute:
        return RemoveRoute(self.route)

    def __str__(self) -> str:
        return f"add the route {self.route}"


@dataclass(frozen=True, slots=True)
class RemoveRoute:
    """A route that was ours."""

    route: Route

    def inverse(self) -> AddRoute:
        return AddRoute(self.route)

    def __str__(self) -> str:
        return f"remove the route {self.route}"


@dataclass(frozen=True, slots=True)
class ReplaceRoute:
    """A route of ours to the same network by another way, without a moment between."""

    route: Route
    before: Route

    def inverse(self) -> ReplaceRoute:
        return ReplaceRoute(self.before, self.route)

    def __str__(self) -> str:
        return f"turn the route {self.before} into {self.route}"


@dataclass(frozen=True, slots=True)
class SetSetting:
    """A file under /proc/sys/net. before: None where its link is made by the same plan."""

    path: str
    value: str
    before: str | None

    def inverse(self) -> SetSetting | None:
        return None if self.before is None else SetSetting(self.path, self.before, self.value)

    def __str__(self) -> str:
        return f"set net/{self.path} to {self.value}"


Step = (
    CreateBridge | RemoveBridge | SetMtu | SetMac | SetBridge | SetUp | AddAddress | RemoveAddress | AddRoute
    | RemoveRoute | ReplaceRoute | SetSetting
)
