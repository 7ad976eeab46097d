# SPDX-License-Identifier: Apache-2.0
"""The INVITE client transaction, RFC 3261 17.1.1 as changed by RFC 6026 (figure 5 there): Accepted passes every 2xx of
every fork to its owner; Completed acknowledges each copy of a non-2xx final response by itself.
"""

from enum import IntEnum
from typing import Final

from appliance.errors import MisuseError
from appliance.native.sip_scanner import Message
from appliance.sip.flow import Flow
from appliance.sip.serializer import build_ack, build_cancel
from appliance.sip.transaction.core import Failure, InviteOwner, TransactionCore
from appliance.sip.transaction.timing import T1_S, TIMER_C_S, TRANSACTION_LIFE_S


class InviteClientState(IntEnum):
    """States of RFC 6026 figure 5."""

    CALLING = 0
    PROCEEDING = 1
    COMPLETED = 2
    ACCEPTED = 3
    TERMINATED = 4


CALLING, PROCEEDING, COMPLETED, ACCEPTED, TERMINATED = InviteClientState
TRANSITIONS: Final = (
    frozenset({PROCEEDING, COMPLETED, ACCEPTED, TERMINATED}),
    frozenset({PROCEEDING, COMPLETED, ACCEPTED, TERMINATED}),
    frozenset({TERMINATED}),
    frozenset({TERMINATED}),
    frozenset[InviteClientState](),
)
"""What may follow each state, by its number."""


class InviteClient:
    """RFC 6026 figure 5: Timer A repeats, B gives up, D and M absorb late copies; Timer C bounds ringing (16.6)."""

    __slots__ = ("_ack", "_core", "_entry", "_gap_s", "_give_up", "_is_cancelled", "_octets", "_owner", "branch",
                 "deadline", "flow", "key", "method", "state")

    def __init__(self, core: TransactionCore, octets: bytes, flow: Flow, branch: bytes, owner: InviteOwner,
                 now: float) -> None:
        self._core = core
        self._octets = octets
        self._owner: InviteOwner | None = owner
        self._ack = b""
        self._is_cancelled = False
        self.flow = flow
        self.branch = branch
        self.method = b"INVITE"
        self.key = branch + b" INVITE"
        self.state = CALLING
        self._gap_s = T1_S
        self._give_up = now + TRANSACTION_LIFE_S  # Timer B
        self.deadline = self._give_up if flow.listener.is_reliable else now + T1_S  # Timer A over UDP only
        self._entry = self.deadline
        flow.outbox.append((octets, flow))
        core.timers.arm(self, self.deadline)

    def _enter(self, state: InviteClientState) -> None:
        if state not in TRANSITIONS[self.state]:
            raise MisuseError(f"INVITE client transaction: {self.state.name} to {state.name}")
        self.state = state

    def receive_response(self, response: Message, now: float) -> None:
        """A response with this transaction's key (17.1.3)."""
        status = response.status
        state = self.state
        if state is COMPLETED:
            if status >= 300:
                self.flow.outbox.append((self._ack, self.flow))
            return
        if state is ACCEPTED:
            if not 200 <= status < 300:
                return  # RFC 6026 7.2: only 2xx still count
        elif status < 200:
            self._proceed(status, now)
        elif status < 300:
            self._accept(now)
        else:
            self._complete(response, now)
        owner = self._owner
        if owner is not None:
            if self.state is COMPLETED:
                self._owner = None
            owner.response_received(self, response, now)

    def _proceed(self, status: int, now: float) -> None:
        if self.state is CALLING:
            self._enter(PROCEEDING)
            self._limit_ringing(now)
        elif status > 100:
            self._limit_ringing(now)  # 16.7 step 2: a provisional response other than 100 restarts Timer C

    def _limit_ringing(self, now: float) -> None:
        if not self._is_cancelled:
            self._give_up = self.deadline = now + TIMER_C_S  # the entry of Timer A sees the later deadline by itself

    def _accept(self, now: float) -> None:
        self._enter(ACCEPTED)
        self._octets = b""
        self._rearm(now, now + TRANSACTION_LIFE_S)  # Timer M

    def _complete(self, response: Message, now: float) -> None:
        self._enter(COMPLETED)
        self._ack = build_ack(Message(self._octets), response)  # 17.1.1.3
        self._octets = b""
        self.flow.outbox.append((self._ack, self.flow))
        if self.flow.listener.is_reliable:
            self._arm(now)  # Timer D is zero; the entry goes in the next bucket
        else:
            self._arm(now + TRANSACTION_LIFE_S)  # Timer D

    @property
    def may_cancel(self) -> bool:
        """Whether a CANCEL may go out: only after a provisional response, before a final one (9.1)."""
        return self.state is PROCEEDING and not self._is_cancelled

    def build_cancel(self, lines: bytes, now: float) -> bytes:
        """The CANCEL of this INVITE with further header lines (Reason); 32 s remain for a final response (9.1)."""
        if not self.may_cancel:
            raise MisuseError("CANCEL out of its time")
        self._is_cancelled = True
        self._give_up = now + TRANSACTION_LIFE_S
        self._arm(self._give_up)
        return build_cancel(Message(self._octets), lines)

    def fail(self, failure: Failure, now: float) -> None:
        """End without a final response: Timer B, or the transport is gone (17.1.4)."""
        owner = self._owner
        is_waiting = self.state <= PROCEEDING
        self._terminate()
        if owner is not None and is_waiting:
            owner.transaction_failed(self, failure, now)

    def due(self, now: float) -> None:
        """Timers A, B, C, D and M."""
        state = self.state
        if state is CALLING and now < self._give_up:
            self.flow.outbox.append((self._octets, self.flow))
            self._gap_s *= 2  # 17.1.1.2: doubles without a ceiling
            self._arm(min(max(self.deadline + self._gap_s, now), self._give_up))
        elif state is PROCEEDING and not self._is_cancelled:
            self._pass_limit(now)
        elif state <= PROCEEDING:
            self.fail(Failure.TIMEOUT, now)
        else:
            self._terminate()

    def _pass_limit(self, now: float) -> None:
        owner = self._owner
        self._arm(now + TRANSACTION_LIFE_S)
        if owner is not None:
            owner.provisional_limit_passed(self, now)

    def _arm(self, deadline: float) -> None:
        self.deadline = self._entry = deadline
        self._core.timers.arm(self, deadline)

    def _rearm(self, now: float, deadline: float) -> None:
        """As _arm; an entry that is still to come before the deadline does by itself."""
        if now < self._entry <= deadline:
            self.deadline = deadline
        else:
            self._arm(deadline)

    def _terminate(self) -> None:
        owner = self._owner if self.state is ACCEPTED else None
        if self.state is not TERMINATED:
            self._enter(TERMINATED)
        self.deadline = 0.0
        self._owner = None
        self._octets = b""
        self._core.forget_client(self)
        if owner is not None:
            owner.copies_ended(self)
