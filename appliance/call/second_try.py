# SPDX-License-Identifier: Apache-2.0
"""Carriers that refuse at random: the same INVITE once more after a while, before anything else is tried. And carriers
that take so many a second: an INVITE waits for its turn.

Only the hunt that owns it changes it.
"""

from __future__ import annotations

from collections.abc import Callable

from appliance.call.leg import Leg
from appliance.call.line import Destination
from appliance.call.services import CallServices
from appliance.ua.alarm import Alarm


class SecondTries:
    """ring: rings these destinations when their time has come."""

    __slots__ = ("_alarm", "_places", "_ring", "_services", "_tried", "_turns", "_waiting")

    def __init__(self, services: CallServices, ring: Callable[[list[Destination], float], None]) -> None:
        self._services = services
        self._ring = ring
        self._alarm: Alarm | None = None
        self._places: dict[Leg, Destination] = {}
        self._tried: set[Destination] = set()
        self._turns: set[Destination] = set()
        self._waiting: list[tuple[float, Destination]] = []

    @property
    def is_waiting(self) -> bool:
        """Whether somebody is going to be rung later."""
        return bool(self._waiting)

    def note_try(self, leg: Leg, destination: Destination) -> None:
        """This leg is there."""
        if destination not in self._tried:
            self._tried.add(destination)
            self._places[leg] = destination

    def postpone(self, leg: Leg, status: int, now: float) -> bool:
        """A leg was refused; whether it is tried once more, later."""
        destination = self._places.pop(leg, None)
        if destination is None or status != 500:
            return False
        self._wait(destination, now + leg.line.retry_500_s)
        return True

    def hold(self, destination: Destination, until: float) -> None:
        """Its turn comes then."""
        self._turns.add(destination)
        self._wait(destination, until)

    def has_turn(self, destination: Destination) -> bool:
        """Whether it has waited for its turn, which is used up by asking."""
        if destination not in self._turns:
            return False
        self._turns.remove(destination)
        return True

    def _wait(self, destination: Destination, until: float) -> None:
        self._waiting.append((until, destination))
        self._wake()

    def _wake(self) -> None:
        self._alarm = self._alarm or self._services.alarm()
        self._alarm.set(min([until for until, _ in self._waiting]), self._begin)

    def _begin(self, now: float) -> None:
        due = [destination for until, destination in self._waiting if until <= now]
        self._waiting = [(until, destination) for until, destination in self._waiting if until > now]
        if self._waiting:
            self._wake()
        self._ring(due, now)

    def stop(self) -> None:
        """Nobody is rung any more."""
        self._waiting.clear()
        self._places.clear()
        self._turns.clear()
        if self._alarm is not None:
            self._alarm.clear()
