# SPDX-License-Identifier: Apache-2.0
"""The non-INVITE server transaction, RFC 3261 17.2.2 with RFC 4320, and what both server machines share.

State changes only through `_enter`, which refuses what TRANSITIONS does not list.
"""

from enum import IntEnum
from typing import Final

from appliance.errors import MisuseError
from appliance.native.sip_scanner import Message
from appliance.sip.flow import Flow
from appliance.sip.status import status_line
from appliance.sip.transaction.core import TransactionCore
from appliance.sip.transaction.timing import TRANSACTION_LIFE_S, TRYING_AFTER_S


class ServerState(IntEnum):
    """States of RFC 3261 figure 8."""

    TRYING = 0
    PROCEEDING = 1
    COMPLETED = 2
    TERMINATED = 3


TRYING, PROCEEDING, COMPLETED, TERMINATED = ServerState
TRANSITIONS: Final = (
    frozenset({PROCEEDING, COMPLETED, TERMINATED}),
    frozenset({PROCEEDING, COMPLETED, TERMINATED}),
    frozenset({TERMINATED}),
    frozenset[ServerState](),
)
"""What may follow each state, by its number."""


class ServerTransaction:
    """What an element holds to answer a request: the request, where it came from, and `respond`.

    owner: whatever the element hangs here (a proxy's response context); dropped with the final response.
    """

    __slots__ = ("_core", "_last", "_sent_by_port", "deadline", "flow", "key", "merge_key", "owner", "request",
                 "source", "state", "tag")

    def __init__(self, core: TransactionCore, key: bytes, request: Message, source: Flow) -> None:
        self._core = core
        self.key = key
        self.request: Message | None = request
        self.source = source
        self.flow = core.reply_flow(request, source)
        self.merge_key = b""
        self.tag = b""
        self.owner: object = None
        self._last = b""
        self._sent_by_port = request.via_port
        self.deadline = 0.0

    def respond(self, status: int, now: float, lines: bytes = b"", body: bytes = b"") -> None:
        """Build the response with this status and these header lines and send it; To tag as RFC 3261 8.2.6.2."""
        request = self.request
        if request is None:
            raise MisuseError("a response to a request that has had its final response")
        if status > 100 and not self.tag:
            self.tag = self._core.new_tag()
        tag = self.tag if status > 100 else b""
        self.send(status, request.reply(status_line(status), tag, lines, body), now)

    def send(self, status: int, octets: bytes, now: float) -> None:
        """Send a response that is already built."""
        raise NotImplementedError

    def _transmit(self, octets: bytes) -> None:
        flow = self.flow
        if not flow.is_open and self._sent_by_port:
            # 18.2.2: the connection is gone: another one to `received` and the port of sent-by; tried once
            flow = self.flow = self._core.flow_to(flow.listener, flow.host, self._sent_by_port)
            self._sent_by_port = 0
        flow.outbox.append((octets, flow))


class NonInviteServer(ServerTransaction):
    """RFC 3261 figure 8. Unanswered after 3.5 s it says 100 (RFC 4320 4.1); after 32 s it ends silently (4.2)."""

    __slots__ = ()

    def __init__(self, core: TransactionCore, key: bytes, request: Message, source: Flow, now: float) -> None:
        super().__init__(core, key, request, source)
        self.state = TRYING
        self.deadline = now + TRYING_AFTER_S
        core.timers.arm(self, self.deadline)

    def _enter(self, state: ServerState) -> None:
        if state not in TRANSITIONS[self.state]:
            raise MisuseError(f"server transaction: {self.state.name} to {state.name}")
        self.state = state

    def send(self, status: int, octets: bytes, now: float) -> None:
        """Send a built response; a second final response is ignored (17.2.2: any other final response is discarded)."""
        if self.state >= COMPLETED:
            return
        self._transmit(octets)
        self._last = octets
        if status < 200:
            self._enter(PROCEEDING)
            return
        self._enter(COMPLETED)
        self.request = None  # what waits for Timer J must be small
        self.owner = None
        if self.flow.listener.is_reliable:
            self.abandon()
        else:
            self.deadline = now + TRANSACTION_LIFE_S  # Timer J; armed since the start, looked at again when it passes

    @property
    def is_ended(self) -> bool:
        """Whether nothing can be sent any more."""
        return self.state is TERMINATED

    def receive_retransmission(self) -> None:
        """The request came again: repeat the last response, if there was one (17.2.2)."""
        if self._last:
            self._transmit(self._last)

    def abandon(self) -> None:
        """End without (another) response."""
        self._enter(TERMINATED)
        self.deadline = 0.0
        self.request = None
        self.owner = None
        self._core.forget_server(self)

    def due(self, now: float) -> None:
        """Timer J, or the times of RFC 4320."""
        if self.state is TRYING:
            request = self.request
            if request is not None:
                self.send(100, request.reply(status_line(100), b""), now)
            self.deadline = now + TRANSACTION_LIFE_S
            self._core.timers.arm(self, self.deadline)
        else:
            self.abandon()
