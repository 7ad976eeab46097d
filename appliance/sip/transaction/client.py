# SPDX-License-Identifier: Apache-2.0
"""The non-INVITE client transaction, RFC 3261 17.1.2: repeats its request until answered, hands on responses once."""

from enum import IntEnum
from typing import Final

from appliance.errors import MisuseError
from appliance.native.sip_scanner import Message
from appliance.sip.flow import Flow
from appliance.sip.transaction.core import ClientOwner, Failure, TransactionCore
from appliance.sip.transaction.timing import T1_S, T2_S, T4_S, TRANSACTION_LIFE_S


class ClientState(IntEnum):
    """States of RFC 3261 figure 6."""

    TRYING = 0
    PROCEEDING = 1
    COMPLETED = 2
    TERMINATED = 3


TRYING, PROCEEDING, COMPLETED, TERMINATED = ClientState
TRANSITIONS: Final = (
    frozenset({PROCEEDING, COMPLETED, TERMINATED}),
    frozenset({PROCEEDING, COMPLETED, TERMINATED}),
    frozenset({TERMINATED}),
    frozenset[ClientState](),
)
"""What may follow each state, by its number."""


class NonInviteClient:
    """RFC 3261 figure 6: Timer E repeats, F gives up, K absorbs late copies of the response."""

    __slots__ = ("_core", "_gap_s", "_give_up", "_octets", "_owner", "branch", "deadline", "flow", "key", "method",
                 "state")

    def __init__(self, core: TransactionCore, octets: bytes, flow: Flow, branch: bytes, method: bytes,
                 owner: ClientOwner, now: float) -> None:
        self._core = core
        self._octets = octets
        self._owner: ClientOwner | None = owner
        self.flow = flow
        self.branch = branch
        self.method = method
        self.key = b"%s %s" % (branch, method)
        self.state = TRYING
        self._gap_s = T1_S
        self._give_up = now + TRANSACTION_LIFE_S  # Timer F
        self.deadline = self._give_up if flow.listener.is_reliable else now + T1_S  # Timer E over UDP only
        flow.outbox.append((octets, flow))
        core.timers.arm(self, self.deadline)

    def _enter(self, state: ClientState) -> None:
        if state not in TRANSITIONS[self.state]:
            raise MisuseError(f"client transaction: {self.state.name} to {state.name}")
        self.state = state

    def receive_response(self, response: Message, now: float) -> None:
        """A response with this transaction's key (17.1.3)."""
        if self.state >= COMPLETED:
            return
        owner = self._owner
        if response.status < 200:
            self._enter(PROCEEDING)
        else:
            self._enter(COMPLETED)
            self._owner = None
            self._octets = b""
            if self.flow.listener.is_reliable:
                self._terminate()
            else:
                has_entry = now < self.deadline <= now + T4_S  # that of Timer E looks at the new deadline by itself
                self.deadline = now + T4_S  # Timer K
                if not has_entry:
                    self._core.timers.arm(self, self.deadline)
        if owner is not None:
            owner.response_received(self, response, now)

    def fail(self, failure: Failure, now: float) -> None:
        """End without a final response: Timer F, or the transport is gone (17.1.4)."""
        owner = self._owner
        is_waiting = self.state < COMPLETED
        self._terminate()
        if owner is not None and is_waiting:
            owner.transaction_failed(self, failure, now)

    def due(self, now: float) -> None:
        """Timers E, F and K."""
        if self.state is COMPLETED:
            self._terminate()
        elif now >= self._give_up:
            self.fail(Failure.TIMEOUT, now)
        else:
            self.flow.outbox.append((self._octets, self.flow))
            # 17.1.2.2: in Proceeding Timer E runs with T2, before that it doubles up to T2
            self._gap_s = T2_S if self.state is PROCEEDING else min(2 * self._gap_s, T2_S)
            self.deadline = min(max(self.deadline + self._gap_s, now), self._give_up)
            self._core.timers.arm(self, self.deadline)

    def _terminate(self) -> None:
        if self.state is not TERMINATED:
            self._enter(TERMINATED)
        self.deadline = 0.0
        self._owner = None
        self._octets = b""
        self._core.forget_client(self)
