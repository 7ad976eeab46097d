# SPDX-License-Identifier: Apache-2.0
"""One MESSAGE that phones have before them: what happens when they do not answer, or not in time.

The proxy's response context tells it how its branches end; it keeps the message through the relay.
"""

from typing import Protocol

from appliance.native.sip_scanner import Message
from appliance.pbx.instant_message.mailbox import WaitingMessage
from appliance.pbx.instant_message.verdict import TEMPORARY, UNANSWERED, Verdict
from appliance.sip.timers import Timers
from appliance.sip.transaction.server import ServerTransaction
from appliance.sip.transaction.timing import T2_S, TRANSACTION_LIFE_S

PATIENCE_S = TRANSACTION_LIFE_S - 2 * T2_S
"""The sender gives up 64*T1 after it began, when our own branches do: a 202 then would come too late (RFC 4320). At
this time it still repeats its request twice, should the 202 get lost."""


class Keeper(Protocol):
    """The relay, as its requests see it."""

    def judge_room(self, request: Message, extension: bytes, now: float) -> int:
        """0, or the status that says why not, or -1 where nothing is to be kept."""

    def keep(self, server: ServerTransaction, request: Message, extension: bytes, now: float) -> WaitingMessage:
        """Put a message into its mailbox and answer it."""

    def release(self, waiting: WaitingMessage, now: float) -> None:
        """No phone has it before it any more."""

    def message_decided(self, waiting: WaitingMessage, verdict: Verdict, status: int, now: float) -> None:
        """Delivered or refused for good after all."""

    def answer(self, server: ServerTransaction, status: int, now: float, reason: bytes = b"") -> None:
        """The final response."""


class RelayedRequest:
    """Satisfies the proxy's Successor: takes over where no target has served the request."""

    __slots__ = ("_extension", "_keeper", "_server", "_timers", "_waiting", "deadline")

    def __init__(self, keeper: Keeper, timers: Timers, extension: bytes) -> None:
        self._keeper = keeper
        self._timers = timers
        self._extension = extension
        self._server: ServerTransaction | None = None
        self._waiting: WaitingMessage | None = None
        self.deadline = 0.0

    def request_started(self, server: ServerTransaction, now: float) -> None:
        """The copies are about to go out."""
        self._server = server
        self.deadline = now + PATIENCE_S
        self._timers.arm(self, self.deadline)

    def request_served(self, now: float) -> None:
        """A phone has taken it: what was kept meanwhile goes."""
        self.deadline = 0.0
        self._server = None
        if self._waiting is not None:
            self._keeper.message_decided(self._waiting, Verdict.DELIVERED, 200, now)

    def may_take_over(self, status: int, now: float) -> bool:
        """All branches have ended, with this best status: True where its sender has had, or soon gets, our answer."""
        self.deadline = 0.0
        waiting = self._waiting
        if waiting is None:
            waiting = self._keep(now, True) if status in UNANSWERED else None
            if waiting is None:
                return self._server is None
        elif status not in TEMPORARY:
            self._keeper.message_decided(waiting, Verdict.REFUSED, status, now)
            return True
        self._keeper.release(waiting, now)
        return True

    def due(self, now: float) -> None:
        """Patience has ended. The branches go on: a late 2xx takes the message out again."""
        self.deadline = 0.0
        self._waiting = self._keep(now, False)
        if self._waiting is not None:
            self._waiting.is_on_its_way = True

    def _keep(self, now: float, is_last: bool) -> WaitingMessage | None:
        """The message in its mailbox; None where it cannot be kept. is_last: no phone will answer any more, so that the
        sender is told why."""
        server = self._server
        if server is None or server.request is None:
            return None
        status = self._keeper.judge_room(server.request, self._extension, now)
        if status == 0:
            return self._keeper.keep(server, server.request, self._extension, now)
        if status > 0 and is_last:
            self._server = None
            reason = b"mailbox is full" if status == 480 else b"too large to be kept until a phone registers"
            self._keeper.answer(server, status, now, reason)
        return None
