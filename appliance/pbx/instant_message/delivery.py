# SPDX-License-Identifier: Apache-2.0
"""Delivers the messages of one mailbox: in order, one at a time, to every phone of the extension (RFC 3428 8: no new
out-of-dialog MESSAGE while one to the same URI is pending). It changes its own state by timer and by responses.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Final, Protocol

from appliance.errors import MisuseError
from appliance.native.sip_scanner import Message
from appliance.pbx.instant_message.mailbox import Mailbox, WaitingMessage
from appliance.pbx.instant_message.message_form import build_message
from appliance.pbx.instant_message.verdict import Verdict, is_refusal
from appliance.pbx.proxy.proxy import DATAGRAM_OCTETS_MAX
from appliance.pbx.proxy.target import Target
from appliance.pbx.target_set import TargetSets
from appliance.sip.stack import SipStack
from appliance.sip.transaction.core import ClientTransaction, Failure
from appliance.ua.retrying import read_retry_after

SLOW_LIMIT_S = 4.0
"""How long the next message waits for the other phones once one has taken this one: T2, a last repetition."""
RETRY_FIRST_S, RETRY_LAST_S = 30.0, 1800.0


class DeliveryState(IntEnum):
    """RESTING: until a phone registers; DUE: a time is set; UNDER_WAY: phones have a message before them."""

    RESTING = 0
    DUE = 1
    UNDER_WAY = 2


RESTING, DUE, UNDER_WAY = DeliveryState
TRANSITIONS: Final = (
    frozenset({DUE}),
    frozenset({UNDER_WAY, RESTING}),
    frozenset({DUE}),
)
"""What may follow each state, by its number."""


class Clerk(Protocol):
    """The relay, as its deliveries see it."""

    def message_decided(self, waiting: WaitingMessage, verdict: Verdict, status: int, now: float) -> None:
        """Delivered or refused for good: it leaves the mailbox."""


class _Alarm:
    """One set time; a time that is not wanted any more is let go, never moved."""

    __slots__ = ("_call", "deadline")

    def __init__(self, call: Callable[[float], None], deadline: float) -> None:
        self._call = call
        self.deadline = deadline

    def due(self, now: float) -> None:
        self.deadline = 0.0
        self._call(now)


class Delivery:
    """RFC 3428 7 as a store and forward server: the UAC of what waits in one mailbox."""

    __slots__ = ("_alarm", "_clerk", "_clients", "_mailbox", "_retry_after_s", "_retry_s", "_slow", "_stack",
                 "_statuses", "_targets", "_waiting", "state")

    def __init__(self, mailbox: Mailbox, clerk: Clerk, stack: SipStack, targets: TargetSets) -> None:
        self._mailbox = mailbox
        self._clerk = clerk
        self._stack = stack
        self._targets = targets
        self._alarm: _Alarm | None = None
        self._clients: dict[ClientTransaction, bytes] = {}
        self._slow: dict[ClientTransaction, bytes] = {}
        self._statuses: list[int] = []
        self._waiting: WaitingMessage | None = None
        self._retry_s = RETRY_FIRST_S
        self._retry_after_s = 0.0
        self.state = RESTING

    @property
    def is_at_work(self) -> bool:
        """Whether a message is before the phones, or has a time set for that."""
        return self.state is not RESTING

    def wake(self, at: float) -> None:
        """A phone has registered, or a message has come for one that has: try, not before `at`."""
        if self.state is RESTING:
            self._enter(DUE)
        if self.state is DUE and (self._alarm is None or at < self._alarm.deadline):
            self._set_alarm(at, self._try_first)

    # what client transactions tell (ClientOwner)

    def response_received(self, client: ClientTransaction, response: Message, now: float) -> None:
        """A phone has answered."""
        status = response.status
        if status < 200:
            return
        if status >= 300:
            self._retry_after_s = max(self._retry_after_s, min(read_retry_after(response), RETRY_LAST_S))
        self._note_status(client, status, now)

    def transaction_failed(self, client: ClientTransaction, failure: Failure, now: float) -> None:
        """A phone was silent, or its transport failed."""
        self._note_status(client, int(failure), now)

    def provisional_limit_passed(self, client: ClientTransaction, now: float) -> None:
        """Never for a MESSAGE."""

    # inside

    def _enter(self, state: DeliveryState) -> None:
        if state not in TRANSITIONS[self.state]:
            raise MisuseError(f"delivery: {self.state.name} to {state.name}")
        self.state = state

    def _set_alarm(self, deadline: float, call: Callable[[float], None]) -> None:
        self._drop_alarm()
        self._alarm = _Alarm(call, deadline)
        self._stack.timers.arm(self._alarm, deadline)

    def _drop_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.deadline = 0.0
            self._alarm = None

    def _try_first(self, now: float) -> None:
        self._alarm = None
        slow = set(self._slow.values())
        targets = [target for group in self._targets.of_extension(self._mailbox.extension, 0) for target in group
                   if isinstance(target, Target) and target.uri not in slow]
        waiting = self._mailbox.find_first(any(target.flow.listener.is_reliable for target in targets))
        if waiting is None or not targets:
            self._enter(RESTING)    # until a phone registers, or a slow one has answered
            return
        self._enter(UNDER_WAY)
        self._waiting = waiting
        self._statuses.clear()
        self._retry_after_s = 0.0
        waiting.attempts += 1
        tag = self._stack.new_tag()
        for target in targets:
            branch = self._stack.new_branch()
            octets = build_message(waiting.kept, target, branch, tag, waiting.attempts)
            if len(octets) > DATAGRAM_OCTETS_MAX and not target.flow.listener.is_reliable:
                self._statuses.append(513)  # it came over a stream and fits into no datagram
                continue
            client = self._stack.send_request(octets, target.flow, branch, b"MESSAGE", self, now)
            self._clients[client] = target.uri
        if not self._clients:
            waiting.is_for_streams = True   # kept for a phone that it can be sent to, and others go on
            self._waiting = None
            self._conclude(now)

    def _note_status(self, client: ClientTransaction, status: int, now: float) -> None:
        if self._slow.pop(client, None) is not None:
            self.wake(now)
            return
        if self._clients.pop(client, None) is None:
            return
        self._statuses.append(status)
        if 200 <= status < 300 and self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            self._set_alarm(now + SLOW_LIMIT_S, self._conclude)
            self._clerk.message_decided(waiting, Verdict.DELIVERED, status, now)
        if not self._clients:
            self._conclude(now)

    def _conclude(self, now: float) -> None:
        """All phones have answered, or one has taken it and the others were given their time."""
        self._drop_alarm()
        self._slow.update(self._clients)
        self._clients.clear()
        waiting, self._waiting = self._waiting, None
        self._enter(DUE)
        if waiting is not None and not is_refusal(self._statuses):
            self._set_alarm(now + max(self._retry_s, self._retry_after_s), self._try_first)
            self._retry_s = min(self._retry_s * 2, RETRY_LAST_S)
            return
        self._retry_s = RETRY_FIRST_S
        self._set_alarm(now, self._try_first)
        if waiting is not None:
            self._clerk.message_decided(waiting, Verdict.REFUSED, self._statuses[-1], now)
