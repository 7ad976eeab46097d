# SPDX-License-Identifier: Apache-2.0
"""The table of the calls that we carry as a B2BUA, and who is told of them. Only the engine and its parts change it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from appliance.call.call import Call, CallState
from appliance.call.call_record import NoRecords, RecordStore
from appliance.call.leg import Leg
from appliance.call.line import Line
from appliance.call.services import CallServices

ENDED_KEPT: Final = 100


class CallTable:
    """calls: by number; ended: the last ones; forgotten: legs of ended calls that were let go and have not said that
    they are over; keeper: told when a call stands, changes or ends; total: since start."""

    __slots__ = ("_listeners", "calls", "ended", "forgotten", "keeper", "records", "services", "total")

    def __init__(self, services: CallServices, records: RecordStore | None = None) -> None:
        self.services = services
        self.records: RecordStore = records or NoRecords()
        self.calls: dict[int, Call] = {}
        self.ended: deque[Call] = deque(maxlen=ENDED_KEPT)
        self.forgotten: list[Leg] = []
        self.total = 0
        self._listeners: tuple[list[Callable[[Call], None]], ...] = tuple([] for _ in CallState)
        self.keeper: Callable[[Call, float], None] | None = None

    def on_change(self, listener: Callable[[Call], None], *states: CallState) -> None:
        """Have every change of a call told to this listener, its end included; states: those of these alone."""
        for state in states or CallState:
            self._listeners[state].append(listener)

    def find_number(self, number: int) -> Call | None:
        """A call by its number, ended ones included."""
        call = self.calls.get(number)
        if call is None:
            call = next((one for one in reversed(self.ended) if one.number == number), None)
        return call

    @staticmethod
    def drop_leg(leg: Leg, status: int) -> None:
        """A leg that never came about, answered with this status."""
        leg.has_ended = True
        leg.record.status = leg.status = status
        leg.line.call_ends()

    # what calls say: parts of call.CallDirectory

    def tell(self, call: Call) -> None:
        """CallDirectory."""
        for listener in self._listeners[call.state]:
            listener(call)

    def keep(self, call: Call, now: float) -> None:
        """CallDirectory."""
        if self.keeper is not None:
            self.keeper(call, now)

    def remember_open(self, legs: list[Leg]) -> None:
        """CallDirectory."""
        if legs or self.forgotten:
            self.forgotten = [leg for leg in self.forgotten if not leg.handle.is_over] + legs

    def free_line(self, line: Line, call: Call, now: float) -> bool:
        """CallDirectory. One that only waits for the end of who was let go is as good as free; else the youngest call
        ends that is not itself an emergency call."""
        here = [leg for other in self.calls.values() for leg in other.legs
                if is_same_line(leg.line, line) and not leg.has_ended]
        if any(leg.let_go_at for leg in here) or any(
                is_same_line(leg.line, line) and not leg.handle.is_over for leg in self.forgotten):
            return True
        for other in reversed(self.calls.values()):
            if other is call or other.record.is_emergency or not any(leg.call is other for leg in here):
                continue
            other.note("its line was needed for an emergency call")
            other.hang_up(now, b'Reason: Q.850;cause=8;text="Preemption"\r\n')
            return True
        return False


def is_same_line(one: Line, other: Line) -> bool:
    """Whether both have their calls on the same channels: a trunk that was attached anew is another Line since then."""
    return one is other or (one.is_trunk and other.is_trunk and one.name == other.name)
