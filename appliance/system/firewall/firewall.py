# SPDX-License-Identifier: Apache-2.0
"""The firewall in force. `apply` puts a ruleset in the place of the last one in a single transaction; bans, pinholes
and carriers found by name are in sets that stay. Each is kept here as well, for the day somebody flushes the table.

Used from one thread: nothing waits, a whole replacement takes a few milliseconds, a ban some microseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from ipaddress import summarize_address_range
from typing import Final

from appliance.config.network_kinds import IpAddress, IpNetwork, PortRange
from appliance.errors import MachineError
from appliance.networking.ruleset import merge_networks
from appliance.networking.ruleset_admission import read_media
from appliance.networking.ruleset_values import (
    ADMISSION,
    CARRIERS,
    CHAINS,
    NEVER_BANNED,
    PEERS,
    PINHOLES,
    SETS,
    STATIC_SETS,
    VERSIONS,
    Ruleset,
)
from appliance.system.firewall.elements import (
    DELETE_ELEMENT,
    NEW_ELEMENT,
    Ban,
    Pinhole,
    order_ban,
    order_empty,
    order_networks,
    order_pinholes,
    order_unban,
    read_bans,
    read_networks,
    read_pinholes,
)
from appliance.system.firewall.kernel_settings import reserve_ports
from appliance.system.firewall.nftables_socket import NftablesSocket, Order
from appliance.system.firewall.observing import CountedRule, is_table_ours, read_generation, read_rules
from appliance.system.firewall.orders import (
    LAYOUT,
    order_chain,
    order_no_rules,
    order_removal,
    order_rule,
    order_set,
    order_table,
)

LONGEST_BAN_S: Final = 7 * 24 * 3600.0
BANS_LIMIT: Final = 16_000


class Firewall:
    """clock gives monotonic seconds. It belongs to the network namespace in which it was made."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._socket = NftablesSocket()
        self._reserved = find_media(read_rules(self._socket))
        self._handles: tuple[tuple[str, int], ...] = ()
        self._generation = 0
        self._bans = {one.address: (clock() + one.left_s, one.reason) for one in read_bans(self._socket)}
        self._pinholes = set(read_pinholes(self._socket))
        self._peers = tuple(self._read_networks(PEERS))
        self._is_doubtful = False       # somebody has been at our sets
        self.ruleset: Ruleset | None = None

    def close(self) -> None:
        """Let go. What is in force stays."""
        self._socket.close()

    # ---- the whole

    def check(self, ruleset: Ruleset) -> None:
        """What the kernel would say to `apply`. Raises MachineError with the rule at fault."""
        self._socket.carry_out(list(self._order_everything(ruleset)), is_trial=True)

    def apply(self, ruleset: Ruleset | None) -> None:
        """From now on this holds, None for nothing of ours. Raises MachineError with the rule that was refused: then
        everything is as it was."""
        if ruleset is None:
            self._remove()
            return
        reserve_ports(ruleset.media_ports, self._reserved)
        self._reserved = ruleset.media_ports
        self._socket.carry_out(list(self._order_everything(ruleset)))
        self.ruleset = ruleset
        self._is_doubtful = False
        self._note_state()

    def has_table(self) -> bool:
        """Whether there is a table of ours in the kernel, whoever made it."""
        return is_table_ours(self._socket, "")

    def is_in_force(self) -> bool:
        """Whether the rules are those that we have made. Without `apply` before there is nothing to miss."""
        if self.ruleset is None or (read_generation(self._socket) == self._generation and not self._is_doubtful):
            return True
        generation = read_generation(self._socket)
        if self._read_handles() != self._handles or not self._are_sets_ours(self.ruleset):
            self._is_doubtful = True
            return False
        self._generation, self._is_doubtful = generation, False
        return True

    def _order_everything(self, ruleset: Ruleset) -> Iterator[Order]:
        is_ours = is_table_ours(self._socket, LAYOUT)
        yield from order_table(is_ours)
        yield from map(order_set, SETS)
        yield from map(order_chain, CHAINS)
        yield order_no_rules()
        for name in STATIC_SETS:
            yield from order_networks(name, ruleset.networks.get(name, ()))
        yield from map(order_rule, ruleset.rules)
        if not is_ours or self.ruleset is None or self._is_doubtful:
            yield from self._order_living()

    def _order_living(self) -> Iterator[Order]:
        """What was in a table that is gone, and what was said before there was one."""
        now = self._clock()
        for address, (until, reason) in self._bans.items():
            if until > now:
                yield from order_ban(address, until - now, reason)
        yield from map(order_empty, (f"{PINHOLES}{version}" for version in VERSIONS))
        yield from order_pinholes(NEW_ELEMENT, self._pinholes)
        yield from order_networks(PEERS, self._peers)

    def _remove(self) -> None:
        if self.has_table():
            self._socket.carry_out([order_removal()])
        reserve_ports(None, self._reserved)
        self._reserved = None
        self.ruleset = None

    def _note_state(self) -> None:
        self._generation = read_generation(self._socket)
        self._handles = self._read_handles()

    def _change(self, orders: Iterable[Order]) -> None:
        """Of what is in the sets. Ours is no reason to read all the rules again, which takes longer than a ban may."""
        self._socket.carry_out(list(orders))
        if read_generation(self._socket) == self._generation + 1:
            self._generation += 1

    def _read_handles(self) -> tuple[tuple[str, int], ...]:
        return tuple((one.chain, one.handle) for one in read_rules(self._socket))

    def _are_sets_ours(self, ruleset: Ruleset) -> bool:
        """But for bans, which end by themselves."""
        wanted = {PEERS: self._peers, **{name: ruleset.networks.get(name, ()) for name in STATIC_SETS}}
        return set(read_pinholes(self._socket)) == self._pinholes and all(
            merge_networks(self._read_networks(name)) == merge_networks(networks) for name, networks in wanted.items())

    def _read_networks(self, name: str) -> Iterator[IpNetwork]:
        for first, last in read_networks(self._socket, name):
            yield from summarize_address_range(first, last)

    # ---- bans

    def ban(self, address: IpAddress, seconds: float, reason: str) -> str:
        """Shut a source on the WAN out, at once and in the middle of whatever it does, LONGEST_BAN_S at most. Why not,
        or "" where it is in force. Raises MachineError."""
        refusal = self._refuse_ban(address)
        if refusal:
            return refusal
        seconds = min(seconds, LONGEST_BAN_S)
        self._change(order_ban(address, seconds, reason))
        self._bans[address] = (self._clock() + seconds, reason)
        return ""

    def unban(self, address: IpAddress) -> bool:
        """Whether there was a ban. Raises MachineError."""
        if self._bans.pop(address, None) is None:
            return False
        try:
            self._change(order_unban(address))
        except MachineError:
            if any(one.address == address for one in read_bans(self._socket)):
                raise
        return True     # it had just run out

    def list_bans(self) -> list[Ban]:
        """Whom the kernel shuts out now."""
        return sorted(read_bans(self._socket), key=lambda one: (one.address.version, int(one.address)))

    def _refuse_ban(self, address: IpAddress) -> str:
        ruleset = self.ruleset
        if ruleset is None or not ruleset.border.wan:
            return "there is no WAN"
        if address.is_loopback or address.is_unspecified or address.is_multicast:
            return "it is nobody's address"
        if is_among(address, ruleset.border.lan_networks):
            return "it is on the LAN"
        if is_among(address, ruleset.networks.get(CARRIERS, ())) or is_among(address, self._peers):
            return "it is a carrier's"
        if is_among(address, ruleset.networks.get(NEVER_BANNED, ())):
            return "it is never to be banned"
        if len(self._bans) >= BANS_LIMIT and address not in self._bans:
            now = self._clock()
            self._bans = {one: ban for one, ban in self._bans.items() if ban[0] > now}
            if len(self._bans) >= BANS_LIMIT:
                return f"{BANS_LIMIT} are banned already"
        return ""

    # ---- pinholes and peers

    @property
    def pinholes(self) -> frozenset[Pinhole]:
        """What is open."""
        return frozenset(self._pinholes)

    @property
    def peers(self) -> tuple[IpNetwork, ...]:
        """Carriers found by name."""
        return self._peers

    def open_pinholes(self, pinholes: Iterable[Pinhole]) -> None:
        """Let audio in there. Raises MachineError."""
        self._change_pinholes(set(pinholes) - self._pinholes, set())

    def close_pinholes(self, pinholes: Iterable[Pinhole]) -> None:
        """And no more, not even what has begun. Raises MachineError."""
        self._change_pinholes(set(), self._pinholes & set(pinholes))

    def set_pinholes(self, pinholes: Iterable[Pinhole]) -> None:
        """Exactly these are open. Raises MachineError."""
        wanted = set(pinholes)
        self._change_pinholes(wanted - self._pinholes, self._pinholes - wanted)

    def _change_pinholes(self, opened: set[Pinhole], closed: set[Pinhole]) -> None:
        orders = [*order_pinholes(DELETE_ELEMENT, closed), *order_pinholes(NEW_ELEMENT, opened)]
        if self._is_filled() and orders:
            try:
                self._change(orders)
            except MachineError:
                self._is_doubtful |= bool(closed)       # somebody has closed it before us: it is not to come back
                self._pinholes -= closed
                raise
        self._pinholes = (self._pinholes | opened) - closed

    def set_peers(self, networks: Iterable[IpNetwork]) -> None:
        """These may speak SIP to us, beside those of the configuration. Raises MachineError."""
        peers = merge_networks(networks)
        if self._is_filled() and peers != self._peers:
            self._change(order_networks(PEERS, peers))
        self._peers = peers

    def _is_filled(self) -> bool:
        """Before the first `apply` things are only remembered; they go in with it."""
        return self.ruleset is not None

    # ---- for people

    def read_rules(self) -> list[CountedRule]:
        """As the kernel has them, with what they have counted. Raises MachineError."""
        return list(read_rules(self._socket))


def find_media(rules: Iterable[CountedRule]) -> PortRange | None:
    """The ports of audio that the rules speak of, and so what was reserved with them."""
    ports = (read_media(rule.words) for rule in rules if rule.chain == ADMISSION.name)
    return next((one for one in ports if one is not None), None)


def is_among(address: IpAddress, networks: Iterable[IpNetwork]) -> bool:
    """Whether one of the networks holds the address."""
    return any(address in network for network in networks if network.version == address.version)
