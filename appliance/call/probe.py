# SPDX-License-Identifier: Apache-2.0
"""Is anybody there? An OPTIONS inside the dialog of a leg that says nothing any more (RFC 3261 11); whoever does not
answer has been unplugged, and the call ends on both sides.
"""

from __future__ import annotations

from typing import Final, Protocol

from appliance.call.leg import Leg
from appliance.call.reasons import MEDIA_LOST
from appliance.call.services import CallServices
from appliance.native.sip_scanner import Message
from appliance.ua.outgoing_request import OutgoingRequest

PROBE_S: Final = 20.0
"""A silent leg that does not answer within this time is taken for dead."""
AGAIN_S: Final = 45.0
"""One that is only mute is asked again after so long: it may be unplugged later."""
REASON: Final = "network lost"


class ProbedCall(Protocol):
    """The call that the leg is part of."""

    services: CallServices

    def note(self, reason: str) -> None:
        """Why something did not work, in words, for the record."""


class Probe:
    """Asks until the leg is heard again (`stop`), or is over. Satisfies in_dialog_request.InDialogOwner."""

    __slots__ = ("_alarm", "_call", "_leg")

    def __init__(self, call: ProbedCall, leg: Leg) -> None:
        self._call = call
        self._leg = leg
        self._alarm = call.services.alarm()

    def ask(self, now: float) -> None:
        """Ask."""
        if not self._leg.has_ended:
            self._alarm.set(now + PROBE_S, self._bury)
            self._leg.handle.send_inside(b"OPTIONS", b"", b"", b"", self, now)

    def stop(self) -> None:
        """It is heard."""
        self._alarm.clear()

    def provisional_received(self, request: OutgoingRequest, response: Message, now: float) -> None:
        """RequestOwner."""

    def request_succeeded(self, request: OutgoingRequest, response: Message, now: float) -> None:
        """RequestOwner. Alive: it may be mute."""
        if self._alarm.is_set:
            self._alarm.set(now + AGAIN_S, self.ask)

    def request_refused(self, request: OutgoingRequest, status: int, response: Message | None, now: float) -> None:
        """RequestOwner. Whoever answers is alive, unless he knows nothing of the call (RFC 5057)."""
        if response is None or status in (404, 410, 481):
            self._bury(now)
        else:
            self.request_succeeded(request, response, now)

    def _bury(self, now: float) -> None:
        self._alarm.clear()
        if self._leg.has_ended:
            return
        self._leg.record.reason = REASON
        self._call.note(REASON)
        self._leg.hang_up(now, MEDIA_LOST)
