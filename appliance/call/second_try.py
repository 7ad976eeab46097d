# SPDX-License-Identifier: Apache-2.0
"""Carriers that refuse at random: the same INVITE once more after a while, before anything else is tried.

Only the hunt that owns it changes it.
"""

from __future__ import annotations

from collections.abc import Callable

from appliance.call.leg import Leg
from appliance.call.line import Destination
from appliance.call.services import CallServices
from appliance.ua.alarm import Alarm


class SecondTries:
    """ring: rings these destinations once more."""

    __slots__ = ("_alarm", "_places", "_ring", "_services", "_tried", "_waiting")

    def __init__(self, services: CallServices, ring: Callable[[list[Destination], float], None]) -> None:
        self._services = services
        self._ring = ring
        self._alarm: Alarm | None = None
        self._places: dict[Leg, Destination] = {}
        self._tried: set[Destination] = set()
        self._waiting: list[Destination] = []

    @property
    def is_waiting(self) -> bool:
        """Whether somebody is going to be rung once more."""
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
        self._waiting.append(destination)
        self._alarm = self._alarm or self._services.alarm()
        self._alarm.set(now + leg.line.retry_500_s, self._begin)
        return True

    def _begin(self, now: float) -> None:
        waiting, self._waiting = self._waiting, []
        self._ring(waiting, now)

    def stop(self) -> None:
        """Nobody is rung any more."""
        self._waiting.clear()
        self._places.clear()
        if self._alarm is not None:
            self._alarm.clear()
