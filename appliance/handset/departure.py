# SPDX-License-Identifier: Apache-2.0
"""The receiver is hung up with two calls: the one on hold is asked to take our place in the other (REFER with Replaces,
RFC 5589 7), or to call whom we were calling (RFC 5589 6). What fails comes back.

Changed by what it hears of its REFER and of both calls.
"""

from __future__ import annotations

from typing import Protocol

from appliance.handset.phone_call import PhoneCall
from appliance.ua.transfer import Transfer


class DepartureOwner(Protocol):
    """The handset."""

    def departure_ended(self, departure: Departure, left: PhoneCall | None, now: float) -> None:
        """left: who is still there and has nobody, None for nobody."""


class Departure:
    """held: who is asked; consulted: whom they are to talk to."""

    __slots__ = ("_consulted", "_held", "_is_over", "_owner")

    def __init__(self, owner: DepartureOwner, held: PhoneCall, consulted: PhoneCall) -> None:
        self._owner = owner
        self._held = held
        self._consulted = consulted
        self._is_over = False

    def start(self, now: float) -> None:
        """Ask."""
        replaces = self._consulted.name_dialog()
        if replaces is None:        # nobody has answered: who was on hold calls there
            self._consulted.hang_up(now)
        if self._held.usage is None or self._held.has_ended:
            self._finish(None, now)
            return
        self._held.usage.refer(self._consulted.target, replaces, self, now)

    def give_up(self, now: float) -> None:
        """The process ends: neither is left in a call with nobody."""
        for call in (self._held, self._consulted):
            call.hang_up(now)
        self._finish(None, now)

    def transfer_progress(self, transfer: Transfer, status: int, is_over: bool, now: float) -> None:
        """TransferEvents."""
        if not is_over:
            return
        if status < 300:
            for call in (self._held, self._consulted):
                call.hang_up(now)
            self._finish(None, now)
        else:
            self._come_back(now)

    def transfer_refused(self, transfer: Transfer, status: int, now: float) -> None:
        """TransferEvents."""
        self._come_back(now)

    def call_ended(self, call: PhoneCall, now: float) -> None:
        """One of the two has gone: it is what they were asked, or nothing can come of it."""
        if call is self._held:
            self._consulted.hang_up(now)
            self._finish(None, now)

    def _come_back(self, now: float) -> None:
        self._consulted.hang_up(now)
        self._finish(self._held, now)

    def _finish(self, left: PhoneCall | None, now: float) -> None:
        if not self._is_over:
            self._is_over = True
            self._owner.departure_ended(self, left, now)
