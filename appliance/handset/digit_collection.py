# SPDX-License-Identifier: Apache-2.0
"""Digits of one lifting of the receiver, with the clock that ends them (numbering.dialling).

Changed by keys and by the time; told to the handset, which alone knows what a number leads to.
"""

from __future__ import annotations

from typing import Protocol

from appliance.numbering import dialling
from appliance.numbering.dialling import Dialling
from appliance.numbering.digit_map import DigitMap
from appliance.ua.alarm import Alarm


class NumberTaker(Protocol):
    """The handset."""

    def number_complete(self, number: str, now: float) -> None:
        """It can be called."""

    def number_impossible(self, now: float) -> None:
        """No number begins so, or it stopped short of one."""


class DigitCollection:
    """digits: so far."""

    __slots__ = ("_alarm", "_dialling", "_map", "_taker", "digits")

    def __init__(self, taker: NumberTaker, digit_map: DigitMap, alarm: Alarm) -> None:
        self._taker = taker
        self._map = digit_map
        self._alarm = alarm
        self._dialling: Dialling | None = None
        self.digits = ""

    def press(self, key: str, now: float) -> None:
        """One more."""
        if self._dialling is None:
            self._dialling = Dialling(self._map, now)
        self._dialling.press(key, now)
        self._look(self._dialling, now)

    def drop(self) -> None:
        """Begin anew with the next key."""
        self._dialling = None
        self._alarm.clear()

    def _look(self, one: Dialling, now: float) -> None:
        self.digits = one.digits
        if one.state is dialling.COMPLETE:
            self.drop()
            self._taker.number_complete(one.digits, now)
        elif one.state is dialling.FAILED:
            self.drop()
            self._taker.number_impossible(now)
        elif one.deadline is not None:
            self._alarm.set(one.deadline, self._pass_deadline)

    def _pass_deadline(self, now: float) -> None:
        one = self._dialling
        if one is not None:
            one.pass_deadline(now)
            self._look(one, now)
