# SPDX-License-Identifier: Apache-2.0
"""Asks a server again and again whether it is there: OPTIONS outside dialogs, RFC 3261 11.

One for each server, or set of servers of one name. Changed by its answers and its alarm.
"""

from enum import IntEnum
from typing import Final, Protocol

from appliance.errors import MisuseError
from appliance.native.sip_scanner import Message
from appliance.ua.agent_core import AgentCore
from appliance.ua.outgoing_request import OutgoingRequest

RECHECK_S: Final = 15.0
"""One that is silent is asked at least so often."""


class QualificationState(IntEnum):
    """IDLE: not asking; ASKING: an OPTIONS is out; WAITING: until the next one."""

    IDLE = 0
    ASKING = 1
    WAITING = 2


IDLE, ASKING, WAITING = QualificationState
TRANSITIONS: Final = (
    frozenset({ASKING}),
    frozenset({WAITING, IDLE}),
    frozenset({ASKING, IDLE}),
)
"""What may follow each state, by its number."""


class QualificationEvents(Protocol):
    """Who wants to know; told after every question."""

    def peer_answered(self, now: float) -> None:
        """It is there, whatever it answered."""

    def peer_silent(self, now: float) -> None:
        """None of its servers answered, or all say that they are out of service."""


class Qualification:
    """target: the URI that is asked; interval_s: from one question to the next; round_trip_s: of the last one that was
    answered, 0.0 before; status: the last answer, 408 and 503 for none."""

    __slots__ = ("_alarm", "_asked_at", "_core", "_events", "_request", "interval_s", "round_trip_s", "state", "status",
                 "target")

    def __init__(self, core: AgentCore, target: bytes, events: QualificationEvents, interval_s: float) -> None:
        self._core = core
        self._events = events
        self._alarm = core.alarm()
        self._request: OutgoingRequest | None = None
        self._asked_at = 0.0
        self.target = target
        self.interval_s = interval_s
        self.round_trip_s = 0.0
        self.status = 0
        self.state = IDLE

    def _enter(self, state: QualificationState) -> None:
        if state not in TRANSITIONS[self.state]:
            raise MisuseError(f"qualification: {self.state.name} to {state.name}")
        self.state = state

    def start(self, now: float) -> None:
        """Ask, and go on asking."""
        if self.state is IDLE:
            self._ask(now)

    def stop(self) -> None:
        """No more questions; nothing is told any more."""
        self._alarm.clear()
        if self._request is not None:
            self._request.stop_trying()
            self._request = None
        if self.state is not IDLE:
            self._enter(IDLE)

    def ask_now(self, now: float) -> None:
        """Do not wait: something has happened."""
        if self.state is WAITING:
            self._alarm.clear()
            self._ask(now)

    def _ask(self, now: float) -> None:
        self._enter(ASKING)
        self._asked_at = now
        core = self._core
        draft = core.draft_request(b"OPTIONS", self.target)
        draft.contact = core.profile.contact    # 11.1
        draft.lines += b"Accept: %s\r\n" % b", ".join(core.profile.accepted)
        self._request = OutgoingRequest(core, draft, self)
        self._request.send(now)

    def provisional_received(self, request: OutgoingRequest, response: Message, now: float) -> None:
        """RequestOwner."""

    def request_succeeded(self, request: OutgoingRequest, response: Message, now: float) -> None:
        """RequestOwner."""
        self._take_answer(request, response.status, True, now)

    def request_refused(self, request: OutgoingRequest, status: int, response: Message | None, now: float) -> None:
        """RequestOwner. Whoever refuses is there; 503 and 408 say that nobody behind it is (16.7 step 6)."""
        self._take_answer(request, status, response is not None and status not in (408, 503), now)

    def _take_answer(self, request: OutgoingRequest, status: int, is_there: bool, now: float) -> None:
        if request is not self._request:
            return
        self._request = None
        self.status = status
        self._enter(WAITING)
        if is_there:
            self.round_trip_s = now - self._asked_at
            self._alarm.set(now + self.interval_s, self._ask)
            self._events.peer_answered(now)
        else:
            self._alarm.set(now + min(self.interval_s, RECHECK_S), self._ask)
            self._events.peer_silent(now)
