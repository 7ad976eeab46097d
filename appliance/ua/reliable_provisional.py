# SPDX-License-Identifier: Apache-2.0
"""Reliable provisional responses as the callee sends them: RFC 3262 section 3, one early dialog of one INVITE.

One is unacknowledged at a time, repeated until its PRACK comes; those that follow wait. Only its early dialog changes
it.
"""

from typing import Final, NamedTuple, Protocol

from appliance.native.sip_scanner import Message
from appliance.sip.transaction.invite_server import InviteServer
from appliance.sip.transaction.timing import T1_S, TRANSACTION_LIFE_S
from appliance.ua.agent_core import AgentCore

RSEQ_CEILING: Final = 2 ** 31 - 1


class Provisional(NamedTuple):
    """What is to be sent. session: b"" for none."""

    status: int
    session: bytes


class ProvisionalOwner(Protocol):
    """Who sends them."""

    def write_reliable(self, provisional: Provisional, rseq: int) -> tuple[bytes, bool]:
        """The octets with this RSeq, and whether a session is in them; b"" where it may not be sent any more."""

    def provisional_unacknowledged(self, now: float) -> None:
        """64*T1 have passed without a PRACK."""


class ReliableProvisionals:
    """has_session: the unacknowledged one carries an offer or an answer."""

    __slots__ = ("_alarm", "_cseq", "_gap_s", "_give_up", "_octets", "_owner", "_pending", "_rseq", "_server",
                 "_waiting", "has_session")

    def __init__(self, core: AgentCore, server: InviteServer, cseq: int, owner: ProvisionalOwner) -> None:
        self._alarm = core.alarm()
        self._server = server
        self._owner = owner
        self._cseq = cseq
        # 3: between 1 and 2**31 - 1, chosen uniformly
        self._rseq = int(core.random_fraction() * RSEQ_CEILING)
        self._octets = b""
        self._pending: Provisional | None = None
        self._waiting: list[Provisional] = []
        self._gap_s = T1_S
        self._give_up = 0.0
        self.has_session = False

    @property
    def is_pending(self) -> bool:
        """Whether one waits for its PRACK."""
        return self._pending is not None

    def send(self, provisional: Provisional, now: float) -> None:
        """Now, or after those before it have been acknowledged (3)."""
        if self._pending is not None:
            self._waiting.append(provisional)
            return
        octets, has_session = self._owner.write_reliable(provisional, self._rseq + 1)
        if not octets:
            return
        self._rseq += 1     # 3: greater by exactly one
        self._octets, self._pending, self.has_session = octets, provisional, has_session
        self._server.send(provisional.status, octets, now)
        self._gap_s = T1_S
        self._give_up = now + TRANSACTION_LIFE_S
        self._alarm.set(now + T1_S, self._repeat)

    def matches(self, prack: Message) -> bool:
        """Whether RAck names the one that is unacknowledged (7.2)."""
        parts = (prack.header(b"RAck") or b"").split()
        if self._pending is None or len(parts) != 3 or parts[2] != b"INVITE":
            return False
        return (_read_number(parts[0]), _read_number(parts[1])) == (self._rseq, self._cseq)

    def acknowledge(self) -> None:
        """Its PRACK has come."""
        self._alarm.clear()
        self._pending = None
        self._octets = b""
        self.has_session = False

    def send_next(self, now: float) -> None:
        """What has waited, if anything has."""
        while self._waiting and self._pending is None:
            self.send(self._waiting.pop(0), now)

    def drop_waiting(self) -> None:
        """A final response is decided: nothing new is sent reliably any more (3)."""
        self._waiting.clear()

    def silence(self) -> None:
        """A final response went out: nothing is repeated, but the PRACK may still come (3)."""
        self._waiting.clear()
        self._alarm.clear()

    def _repeat(self, now: float) -> None:
        pending = self._pending
        if pending is None:
            return
        if now >= self._give_up:
            self._owner.provisional_unacknowledged(now)
            return
        self._server.send(pending.status, self._octets, now)
        self._gap_s *= 2    # 3: T1, doubling, without the ceiling T2
        self._alarm.set(min(now + self._gap_s, self._give_up), self._repeat)


def _read_number(written: bytes) -> int:
    """At most 2**32 - 1 (7.1, RFC 3261 8.1.1.5); -1 for what is no number."""
    return int(written) if written.isdigit() and len(written) <= 10 else -1
