# SPDX-License-Identifier: Apache-2.0
"""This telephone as the transferor (RFC 5589 7): those who are being joined after it was hung up, and who comes back.

Changed by hanging up, and by what becomes of the calls.
"""

from __future__ import annotations

from appliance.handset.departure import Departure
from appliance.handset.line import Line
from appliance.handset.phone_call import PhoneCall
from appliance.handset.states import IDLE, RINGING


class Transferor:
    """Of one line. Satisfies DepartureOwner."""

    __slots__ = ("_departures", "_line")

    def __init__(self, line: Line) -> None:
        self._line = line
        self._departures: list[Departure] = []

    @property
    def is_busy(self) -> bool:
        """Whether anybody is being joined."""
        return bool(self._departures)

    def join(self, held: PhoneCall, consulted: PhoneCall, now: float) -> None:
        """Two calls that the line has no more."""
        departure = Departure(self, held, consulted)
        self._departures.append(departure)
        departure.start(now)

    def forget(self, call: PhoneCall, now: float) -> None:
        """A call has ended."""
        for departure in tuple(self._departures):
            departure.call_ended(call, now)

    def give_up(self, now: float) -> None:
        """The process ends."""
        for departure in tuple(self._departures):
            departure.give_up(now)

    def departure_ended(self, departure: Departure, left: PhoneCall | None, now: float) -> None:
        """DepartureOwner. Both have each other, or `left` is still ours and rings back."""
        self._departures.remove(departure)
        if left is None or left.has_ended:
            return
        if self._line.state is IDLE:
            self._line.held = left
            self._line.enter(RINGING)
        else:
            left.hang_up(now)
