# SPDX-License-Identifier: Apache-2.0
"""The DHCP client, RFC 2131 4.4: a machine without hands. Octets and time go in; octets and leases go to its user."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from ipaddress import IPv4Address
from math import inf
from typing import Final, Protocol

from appliance.errors import MisuseError, PeerError
from appliance.networking.dhcp_lease import DhcpLease
from appliance.networking.dhcp_message import (
    OCTETS_MAXIMUM,
    UNSPECIFIED,
    DhcpReply,
    DhcpRequest,
    MessageType,
    Option,
    read_reply,
    write_request,
)
from appliance.networking.dhcp_options import read_lease

FIRST_WAIT_S, LAST_WAIT_S = 4.0, 64.0       # RFC 2131 4.1
REQUESTS: Final = 4             # for an offer; then from the beginning (3.1, 60 s in all)
REBOOT_REQUESTS: Final = 2      # for the address that we had; then it is used for as long as it is lent (3.2)
RENEWAL_WAIT_S: Final = 60.0    # the shortest wait between requests for more time, 4.4.5
CHECK_S: Final = 0.6            # for another machine to say that it has the address
DECLINED_WAIT_S: Final = 10.0   # 3.1 step 5
PARAMETERS: Final = bytes((
    Option.CLASSLESS_ROUTES, Option.MASK, Option.ROUTERS, Option.NAME_SERVERS, Option.DOMAIN, Option.MTU,
    Option.TIME_SERVERS, Option.LEASE_TIME, Option.RENEWAL_TIME, Option.REBINDING_TIME, Option.SIP_SERVERS))


class State(IntEnum):
    """RFC 2131 figure 5. CHECKING: whether nobody else has the address; WAITING: after it was declined."""

    STOPPED = 0
    SELECTING = 1
    REQUESTING = 2
    CHECKING = 3
    WAITING = 4
    REBOOTING = 5
    BOUND = 6
    RENEWING = 7
    REBINDING = 8


TRANSITIONS: Final[dict[State, frozenset[State]]] = {
    State.STOPPED: frozenset({State.SELECTING, State.REBOOTING}),
    State.SELECTING: frozenset({State.REQUESTING, State.SELECTING, State.STOPPED}),
    State.REQUESTING: frozenset({State.CHECKING, State.SELECTING, State.STOPPED}),
    State.CHECKING: frozenset({State.BOUND, State.WAITING, State.SELECTING, State.STOPPED}),
    State.WAITING: frozenset({State.SELECTING, State.STOPPED}),
    State.REBOOTING: frozenset({State.BOUND, State.SELECTING, State.REBOOTING, State.STOPPED}),
    State.BOUND: frozenset({State.RENEWING, State.REBOOTING, State.SELECTING, State.STOPPED}),
    State.RENEWING: frozenset({State.BOUND, State.REBINDING, State.REBOOTING, State.SELECTING, State.STOPPED}),
    State.REBINDING: frozenset({State.BOUND, State.REBOOTING, State.SELECTING, State.STOPPED}),
}
HOLDING: Final = frozenset({State.REBOOTING, State.BOUND, State.RENEWING, State.REBINDING})


class DhcpUser(Protocol):
    """The hands of the client."""

    def send(self, octets: bytes, source: IPv4Address, server: IPv4Address | None) -> None:
        """To the server, or to everybody where it is None."""

    def ask_whose(self, address: IPv4Address) -> None:
        """Ask on the link who has the address (RFC 5227); `address_claimed` tells the client."""

    def lease_changed(self, lease: DhcpLease | None) -> None:
        """This is lent to us from now on; None: nothing."""


class DhcpClient:
    """One interface's. Times are monotonic seconds; `next_at` says when `tick` is due."""

    __slots__ = ("_attempts", "_began", "_expires", "_host_name", "_mac", "_offered", "_random", "_requested",
                 "_requested_at", "_transaction", "_user", "_wait_s", "lease", "next_at", "state")

    def __init__(self, mac: bytes, host_name: str, random: Callable[[int], bytes], user: DhcpUser) -> None:
        self._mac = mac
        self._host_name = host_name.encode("ascii", "ignore")[:63]
        self._random = random
        self._user = user
        self._transaction = 0
        self._began = self._requested_at = 0.0
        self._expires = inf
        self._wait_s = FIRST_WAIT_S
        self._attempts = 0
        self._requested: tuple[IPv4Address, IPv4Address] = (UNSPECIFIED, UNSPECIFIED)     # address, server
        self._offered: DhcpLease | None = None
        self.state = State.STOPPED
        self.lease: DhcpLease | None = None
        self.next_at = inf

    @property
    def expires(self) -> float:
        """When what is lent ends."""
        return self._expires

    def start(self, now: float, lease: DhcpLease | None = None, expires: float = 0.0) -> None:
        """Get an address; lease: what an earlier process had, and until when."""
        if lease is not None and expires > now:
            self.lease, self._expires = lease, expires
            self._requested_at = expires - lease.lease_s
            self._user.lease_changed(lease)
            self._reboot(now)
        else:
            self._discover(now)

    def stop(self) -> None:
        """Say no more; what is lent stays lent."""
        self._change(State.STOPPED)
        self.next_at = inf

    def release(self, now: float) -> None:
        """Give the address back (4.4.6) and stop."""
        lease = self.lease
        if lease is not None:
            self._transaction = self._draw()
            options = ((Option.SERVER, lease.server.packed),)
            self._send(MessageType.RELEASE, now, lease.address.ip, options, lease.server)
        self.stop()
        self._lose()

    def note_link_up(self, now: float) -> None:
        """The link was away: perhaps another network is at its other end now (3.7, 4.4.2)."""
        if self.state in HOLDING:
            self._reboot(now)
        elif self.state is not State.STOPPED:
            self._discover(now)

    def note_claimed(self, address: IPv4Address, now: float) -> None:
        """Another machine says that this is its address."""
        offered = self._offered
        if self.state is not State.CHECKING or offered is None or address != offered.address.ip:
            return
        options = ((Option.REQUESTED_ADDRESS, address.packed), (Option.SERVER, offered.server.packed))
        self._send(MessageType.DECLINE, now, UNSPECIFIED, options, None)      # 3.1 step 5
        self._change(State.WAITING)
        self.next_at = now + DECLINED_WAIT_S

    def take_octets(self, octets: bytes, now: float) -> bool:
        """A message from a server; whether it was one for us. Never raises for anything in it."""
        try:
            reply = read_reply(octets)
        except PeerError:
            return False
        if reply.transaction != self._transaction or reply.mac != self._mac:
            return False
        if reply.kind is MessageType.OFFER:
            return self._take_offer(reply, now)
        if reply.kind is MessageType.NAK:
            return self._take_nak(reply, now)
        return self._take_ack(reply, now)

    def tick(self, now: float) -> None:
        """Time has come."""
        if now < self.next_at:
            return
        if self.state in HOLDING and now >= self._expires:      # 4.4.5: no use of it any more
            self._lose()
            self._discover(now)
            return
        match self.state:
            case State.SELECTING | State.REQUESTING:
                self._repeat(now)
            case State.REBOOTING:
                self._repeat_reboot(now)
            case State.CHECKING:
                self._bind(now)
            case State.WAITING:
                self._discover(now)
            case State.BOUND | State.RENEWING | State.REBINDING:
                self._ask_for_more(now)

    def _take_offer(self, reply: DhcpReply, now: float) -> bool:
        server = reply.server()
        if self.state is not State.SELECTING or server is None or read_lease(reply) is None:
            return False
        self._requested = (reply.address, server)
        self._change(State.REQUESTING)
        self._restart_waits()
        self._request_offered(now)
        return True

    def _take_ack(self, reply: DhcpReply, now: float) -> bool:
        lease = read_lease(reply)
        if lease is None:
            return False
        if self.state is State.REQUESTING:
            if (lease.address.ip, lease.server) != self._requested:
                return False
            self._offered = lease
            self._change(State.CHECKING)
            self._user.ask_whose(lease.address.ip)
            self.next_at = now + CHECK_S
            return True
        if self.state not in (State.REBOOTING, State.RENEWING, State.REBINDING):
            return False
        held = self.lease
        if held is not None and self.state is not State.REBINDING and lease.address.ip != held.address.ip:
            return False
        self._offered = lease
        self._bind(now)
        return True

    def _take_nak(self, reply: DhcpReply, now: float) -> bool:
        if self.state is State.REQUESTING and reply.server() != self._requested[1]:
            return False
        if self.state not in (State.REQUESTING, State.REBOOTING, State.RENEWING, State.REBINDING):
            return False
        self._lose()            # 4.4.5: DHCPNAK in RENEWING or REBINDING ends the use of the address at once
        self._discover(now)
        return True

    def _bind(self, now: float) -> None:
        lease = self._offered
        assert lease is not None    # only an ACK leads here
        is_new = lease != self.lease
        self.lease, self._offered = lease, None
        self._expires = self._requested_at + lease.lease_s      # 4.4.1: from when the request was sent
        self._change(State.BOUND)
        self.next_at = max(now, self._requested_at + lease.renewal_s)
        if is_new:
            self._user.lease_changed(lease)

    def _lose(self) -> None:
        self._expires = inf
        if self.lease is not None:
            self.lease = None
            self._user.lease_changed(None)

    def _discover(self, now: float) -> None:
        self._change(State.SELECTING)
        self._begin(now)
        self._repeat(now)

    def _reboot(self, now: float) -> None:
        self._change(State.REBOOTING)
        self._begin(now)
        self._repeat_reboot(now)

    def _begin(self, now: float) -> None:
        self._transaction = self._draw()
        self._began = now
        self._restart_waits()

    def _restart_waits(self) -> None:
        self._wait_s = FIRST_WAIT_S
        self._attempts = 0

    def _repeat(self, now: float) -> None:
        if self.state is State.REQUESTING:
            if self._attempts < REQUESTS:
                self._request_offered(now)
            else:
                self._discover(now)
            return
        options = (*self._common_options(), (Option.PARAMETERS, PARAMETERS))
        self._send(MessageType.DISCOVER, now, UNSPECIFIED, options, None)
        self._wait(now)

    def _request_offered(self, now: float) -> None:
        address, server = self._requested
        options = ((Option.REQUESTED_ADDRESS, address.packed), (Option.SERVER, server.packed),
                   *self._common_options(), (Option.PARAMETERS, PARAMETERS))
        self._requested_at = now
        self._send(MessageType.REQUEST, now, UNSPECIFIED, options, None)
        self._wait(now)

    def _repeat_reboot(self, now: float) -> None:
        lease = self.lease
        assert lease is not None    # only with a lease is there something to ask for again
        if self._attempts >= REBOOT_REQUESTS:
            self._change(State.BOUND)       # nobody says no: 3.2 step 4
            self._requested_at = self._expires - lease.lease_s
            self.next_at = max(now + RENEWAL_WAIT_S, self._requested_at + lease.renewal_s)
            self.next_at = min(self.next_at, self._expires)
            return
        options = ((Option.REQUESTED_ADDRESS, lease.address.ip.packed), *self._common_options(),
                   (Option.PARAMETERS, PARAMETERS))
        self._requested_at = now
        self._send(MessageType.REQUEST, now, UNSPECIFIED, options, None)
        self._wait(now)

    def _ask_for_more(self, now: float) -> None:
        """4.4.5: the server that has lent it until T2, then whoever hears us."""
        lease = self.lease
        assert lease is not None    # these states have one
        rebinding_at = self._expires - lease.lease_s + lease.rebinding_s
        if self.state is State.BOUND:
            self._begin(now)
            self._change(State.RENEWING)
        if self.state is State.RENEWING and now >= rebinding_at:
            self._change(State.REBINDING)
        limit = rebinding_at if self.state is State.RENEWING else self._expires
        server = lease.server if self.state is State.RENEWING else None
        self._requested_at = now
        options = (*self._common_options(), (Option.PARAMETERS, PARAMETERS))
        self._send(MessageType.REQUEST, now, lease.address.ip, options, server)
        self.next_at = min(limit, now + max(RENEWAL_WAIT_S, (limit - now) / 2))

    def _common_options(self) -> tuple[tuple[int, bytes], ...]:
        size = (Option.SIZE_MAXIMUM, OCTETS_MAXIMUM.to_bytes(2, "big"))
        return (size, (Option.HOST_NAME, self._host_name)) if self._host_name else (size,)

    def _send(self, kind: MessageType, now: float, address: IPv4Address, options: tuple[tuple[int, bytes], ...],
              server: IPv4Address | None) -> None:
        request = DhcpRequest(kind, self._transaction, int(now - self._began), self._mac, address, options)
        self._user.send(write_request(request), address, server)

    def _wait(self, now: float) -> None:
        """Twice as long each time, and a second more or less (4.1)."""
        self._attempts += 1
        self.next_at = now + self._wait_s + int.from_bytes(self._random(2), "big") / 32768 - 1.0
        self._wait_s = min(2 * self._wait_s, LAST_WAIT_S)
        if self.state in HOLDING:
            self.next_at = min(self.next_at, self._expires)

    def _draw(self) -> int:
        return int.from_bytes(self._random(4), "big")

    def _change(self, state: State) -> None:
        if state is not self.state and state not in TRANSITIONS[self.state]:
            raise MisuseError(f"DHCP client: {self.state.name} to {state.name}")
        self.state = state
