# SPDX-License-Identifier: Apache-2.0
"""Which listeners a configuration wants, and what becomes of those that are there: which come, move, go and stay.

Pure; a listener that moves stays the same object, so that flows, calls and bindings go with it.
"""

from collections.abc import Callable, Mapping, Sequence

from appliance.config.configuration import Configuration, ListenerConfiguration
from appliance.sip.flow import Listener, Side

SIDES = {"private": Side.PRIVATE, "public": Side.PUBLIC}
NOWHERE: Mapping[str, str] = {}
"""No interface has an address yet."""


class ListenerPlan:
    """added: to be opened; moved: (one of ours, how it is to be); removed: of ours, not wanted any more; kept: neither,
    but not to go yet; result: ours as they will be, in the order of the configuration."""

    __slots__ = ("added", "kept", "moved", "removed", "result")

    def __init__(self) -> None:
        self.added: list[Listener] = []
        self.moved: list[tuple[Listener, Listener]] = []
        self.removed: list[Listener] = []
        self.kept: list[Listener] = []
        self.result: list[Listener] = []

    @property
    def has_changes(self) -> bool:
        """Whether anything is to be done."""
        return bool(self.added or self.moved or self.removed)

    def keep(self, helping: Callable[[Listener], bool]) -> None:
        """Of those that are to go keep the ones over which somebody calls for help: nothing cuts him off."""
        self.kept = [one for one in self.removed if helping(one)]
        self.removed = [one for one in self.removed if one not in self.kept]
        self.result += self.kept

    def describe_kept(self) -> list[str]:
        """A sentence for each that is not to go yet."""
        return [f"listener {write_place(one)} stays open until the emergency call over it has ended"
                for one in self.kept]

    def describe(self) -> list[str]:
        """What is to be done, a sentence each, for people."""
        return [*(f"listener {write_place(one)} opened" for one in self.added),
                *(f"listener {write_place(one)} moved to {wanted.hostport.decode()}" for one, wanted in self.moved),
                *(f"listener {write_place(one)} closed" for one in self.removed)]


def write_place(listener: Listener) -> str:
    """Name, transport and address of a listener, for people."""
    return f"{listener.name} {listener.transport.decode().lower()}:{listener.hostport.decode()}"


def find_address(one: ListenerConfiguration, addresses: Mapping[str, str]) -> str:
    """Where a listener is to be: its address, or that of its interface; "" where that has none."""
    return addresses.get(one.interface, "") if one.interface else one.address


def build_listeners(configuration: Configuration, addresses: Mapping[str, str] = NOWHERE) -> list[Listener]:
    """One Listener for each configured listener and transport, in the order of the file; addresses: of the machine's
    interfaces, by role. One whose interface has no address is left out."""
    return [Listener(one.name, transport.upper().encode(), host.encode(),
                     one.tls_port if transport == "tls" else one.port, SIDES[one.side])
            for one in configuration.listeners.values() if (host := find_address(one, addresses))
            for transport in one.transports]


def plan_listeners(present: Sequence[Listener], wanted: Sequence[Listener]) -> ListenerPlan:
    """From those that are there to those that are wanted. One is the same where name, transport and family are, or
    else where it speaks the same at the same place: then it has got another name."""
    plan = ListenerPlan()
    left = list(present)
    chosen: dict[Listener, Listener] = {}
    for is_same in (_is_same, _is_at_same_place):
        for one in wanted:
            known = next((other for other in left if is_same(other, one)), None) if one not in chosen else None
            if known is not None:
                left.remove(known)
                chosen[one] = known
    for one in wanted:
        known = chosen.get(one)
        if known is None:
            plan.added.append(one)
        elif (known.name, known.hostport, known.side) != (one.name, one.hostport, one.side):
            plan.moved.append((known, one))
        plan.result.append(known or one)
    plan.removed = left
    return plan


def keep_absent(present: Sequence[Listener], wanted: Sequence[Listener], configuration: Configuration,
                addresses: Mapping[str, str]) -> list[Listener]:
    """The wanted ones, and those of ours whose interface has lost its address: they stay where they are until it comes
    back, or another one does."""
    absent = {name for name, one in configuration.listeners.items()
              if one.interface and not find_address(one, addresses)}
    kept = [one for one in present if one.name in absent
            and one.transport.decode().lower() in configuration.listeners[one.name].transports]
    names = list(configuration.listeners)
    return sorted([*wanted, *kept], key=lambda one: names.index(one.name))


def _is_same(one: Listener, other: Listener) -> bool:
    return (one.name, one.transport, one.family) == (other.name, other.transport, other.family)


def _is_at_same_place(one: Listener, other: Listener) -> bool:
    return (one.transport, one.hostport) == (other.transport, other.hostport)
