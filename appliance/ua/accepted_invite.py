# SPDX-License-Identifier: Apache-2.0
"""A 2xx that the UAS core repeats on every transport until its ACK comes: RFC 3261 13.3.1.4 (with RFC 6026 7.1).

It lives from the 2xx to the ACK, or 64*T1; then its usage hears of it.
"""

from typing import Protocol

from appliance.native.sip_scanner import Message
from appliance.sip.transaction.server import ServerTransaction
from appliance.sip.transaction.timing import T1_S, T2_S, TRANSACTION_LIFE_S
from appliance.ua.agent_core import AgentCore


class AcceptedOwner(Protocol):
    """Who has answered an INVITE with 2xx."""

    def accepted_acknowledged(self, accepted: "AcceptedInvite", ack: Message, now: float) -> None:
        """The ACK has come, for the first time."""

    def accepted_unacknowledged(self, accepted: "AcceptedInvite", now: float) -> None:
        """64*T1 have passed without one."""


class AcceptedInvite:
    """cseq: of the INVITE and of the ACK that is awaited; has_offer: the ACK must carry the answer."""

    __slots__ = ("_alarm", "_gap_s", "_give_up", "_octets", "_owner", "_server", "cseq", "has_offer")

    def __init__(self, core: AgentCore, server: ServerTransaction, cseq: int, octets: bytes,
                 owner: AcceptedOwner) -> None:
        self._alarm = core.alarm()
        self._server = server
        self._octets = octets
        self._owner = owner
        self._gap_s = T1_S
        self._give_up = 0.0
        self.cseq = cseq
        self.has_offer = False

    def send(self, now: float) -> None:
        """The 2xx for the first time."""
        self._server.send(200, self._octets, now)
        self._give_up = now + TRANSACTION_LIFE_S
        self._alarm.set(now + self._gap_s, self._repeat)

    def receive_ack(self, ack: Message, now: float) -> None:
        """The ACK with our CSeq."""
        self._alarm.clear()
        self._owner.accepted_acknowledged(self, ack, now)

    def abandon(self) -> None:
        """The dialog is over: nothing is repeated any more."""
        self._alarm.clear()

    def _repeat(self, now: float) -> None:
        if now >= self._give_up:
            self._owner.accepted_unacknowledged(self, now)
            return
        self._server.send(200, self._octets, now)
        self._gap_s = min(2 * self._gap_s, T2_S)    # 13.3.1.4: T1, doubling until T2
        self._alarm.set(min(now + self._gap_s, self._give_up), self._repeat)
