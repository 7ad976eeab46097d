# SPDX-License-Identifier: Apache-2.0
"""The INVITE server transaction, RFC 3261 17.2.1 as changed by RFC 6026 (figure 3 there): it stays in Accepted after a
2xx, so that retransmitted INVITEs are absorbed and retransmitted 2xx pass.
"""

from enum import IntEnum
from typing import Final

from appliance.errors import MisuseError
from appliance.native.sip_scanner import Message
from appliance.sip.flow import Flow
from appliance.sip.status import status_line
from appliance.sip.transaction.core import TransactionCore
from appliance.sip.transaction.server import ServerTransaction
from appliance.sip.transaction.timing import T1_S, T2_S, T4_S, TRANSACTION_LIFE_S, TRYING_WITHIN_S


class InviteServerState(IntEnum):
    """States of RFC 6026 figure 3."""

    PROCEEDING = 0
    COMPLETED = 1
    CONFIRMED = 2
    ACCEPTED = 3
    TERMINATED = 4


PROCEEDING, COMPLETED, CONFIRMED, ACCEPTED, TERMINATED = InviteServerState
TRANSITIONS: Final = (
    frozenset({PROCEEDING, COMPLETED, ACCEPTED, TERMINATED}),
    frozenset({CONFIRMED, TERMINATED}),
    frozenset({TERMINATED}),
    frozenset({TERMINATED}),
    frozenset[InviteServerState](),
)
"""What may follow each state, by its number."""


class InviteServer(ServerTransaction):
    """RFC 6026 figure 3. Unanswered for 200 ms it says 100 (17.2.1). Timers G and H repeat and give up a final
    response, I absorbs ACKs, L ends Accepted."""

    __slots__ = ("_armed_until", "_gap_s", "_give_up")

    def __init__(self, core: TransactionCore, key: bytes, request: Message, source: Flow, now: float) -> None:
        super().__init__(core, key, request, source)
        self.state = PROCEEDING
        self._gap_s = T1_S
        self._give_up = 0.0
        self.deadline = self._armed_until = now + TRYING_WITHIN_S
        core.timers.arm(self, self.deadline)

    def _enter(self, state: InviteServerState) -> None:
        if state not in TRANSITIONS[self.state]:
            raise MisuseError(f"INVITE server transaction: {self.state.name} to {state.name}")
        self.state = state

    @property
    def is_answered(self) -> bool:
        """Whether a final response has been sent."""
        return self.state is not PROCEEDING

    @property
    def is_ended(self) -> bool:
        """Whether nothing can be sent any more."""
        return self.state is TERMINATED

    def send(self, status: int, octets: bytes, now: float) -> None:
        """Send a built response. In Accepted only further 2xx pass (RFC 6026 7.1); after a non-2xx nothing does."""
        state = self.state
        if state is PROCEEDING:
            self._transmit(octets)
            if status < 200:
                self._last = octets
                self.deadline = 0.0
                return
            self._finish(status, octets, now)
        elif state is ACCEPTED and 200 <= status < 300:
            self._transmit(octets)

    def _finish(self, status: int, octets: bytes, now: float) -> None:
        self.request = None  # what waits 32 s must be small
        if status < 300:
            self._enter(ACCEPTED)
            self._last = b""
            self._arm(now + TRANSACTION_LIFE_S, now)  # Timer L
            return
        self.owner = None
        self._enter(COMPLETED)
        self._last = octets
        self._give_up = now + TRANSACTION_LIFE_S  # Timer H
        self._arm(self._give_up if self.flow.listener.is_reliable else now + T1_S, now)  # Timer G: UDP

    def receive_retransmission(self) -> None:
        """The INVITE came again: repeat the last response in Proceeding and Completed, absorb it otherwise."""
        if self._last and self.state <= COMPLETED:
            self._transmit(self._last)

    def receive_ack(self, now: float) -> bool:
        """The ACK of this branch; False when it belongs to a 2xx and is the element's business (RFC 6026 7.1)."""
        if self.state is ACCEPTED:
            return False
        if self.state is COMPLETED:
            self._enter(CONFIRMED)
            self._last = b""
            if self.flow.listener.is_reliable:
                self._terminate()
            else:
                self._arm(now + T4_S, now)  # Timer I
        return True

    def due(self, now: float) -> None:
        """Timers G, H, I and L, and the 100 of 17.2.1."""
        request = self.request
        if self.state is PROCEEDING:
            if request is not None:
                self.send(100, request.reply(status_line(100), b""), now)
        elif self.state is COMPLETED and now < self._give_up:
            self._transmit(self._last)
            self._gap_s = min(2 * self._gap_s, T2_S)
            self._arm(min(max(self.deadline + self._gap_s, now), self._give_up), now)
        else:
            self._terminate()

    def _arm(self, deadline: float, now: float) -> None:
        self.deadline = deadline
        if now >= self._armed_until:    # else it is still in the bucket of the 100, and is moved on from there
            self._core.timers.arm(self, deadline)

    def _terminate(self) -> None:
        self._enter(TERMINATED)
        self.deadline = 0.0
        self.owner = None
        self._core.forget_server(self)
