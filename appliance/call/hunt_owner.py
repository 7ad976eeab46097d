# SPDX-License-Identifier: Apache-2.0
"""Whom a hunt works for: the call that somebody is searched for, who searches, and what is said where nobody was found.
"""

from __future__ import annotations

from typing import Protocol

from appliance.call.call_record import CallRecord
from appliance.call.leg import Leg
from appliance.call.line import Line
from appliance.call.services import CallServices
from appliance.ua.call_events import Alert


class Failure:
    """Why nobody was reached. status: for the caller's leg; lines: Reason and the like; reason: in words, for the
    record; cause: Q.850; is_by_callee: somebody has said so, rather than nobody anything."""

    __slots__ = ("cause", "is_by_callee", "lines", "reason", "status")

    def __init__(self, status: int, lines: bytes = b"", reason: str = "", cause: int = 0,
                 is_by_callee: bool = False) -> None:
        self.status = status
        self.lines = lines
        self.reason = reason
        self.cause = cause
        self.is_by_callee = is_by_callee


class HuntCall(Protocol):
    """The call that somebody is searched for."""

    number: int
    services: CallServices
    record: CallRecord
    legs: list[Leg]

    def wall(self, now: float) -> float:
        """Wall clock time of a monotonic one."""

    def note(self, reason: str) -> None:
        """Why something did not work, in words, for the record."""

    def free_line(self, line: Line, now: float) -> bool:
        """An emergency call needs a channel of this line: the youngest other call on it ends; False: there is none."""


class HuntOwner(Protocol):
    """Who searches."""

    def prepare_offer(self, branch: Leg, now: float) -> bytes:
        """The session for a leg that is about to be rung, b"" to be offered one. PeerError: none can be made."""

    def branch_alerted(self, branch: Leg, alert: Alert, now: float) -> None:
        """A phone rings, or speaks early."""

    def branch_offered(self, branch: Leg, offer: bytes, now: float) -> None:
        """An offer in a response to an INVITE without one, or an early change of session."""

    def branch_agreed(self, branch: Leg, answer: bytes, now: float) -> None:
        """An early change of session was answered."""

    def branch_refused_change(self, branch: Leg, status: int, now: float) -> None:
        """An early change of session was refused."""

    def branch_answered(self, branch: Leg, now: float) -> None:
        """Somebody answered; all others are being let go. The hunt is over and the leg the owner's."""

    def branch_ended(self, branch: Leg, now: float) -> None:
        """A leg that was rung is over without an answer."""

    def hunt_failed(self, failure: Failure, now: float) -> None:
        """Nobody is left."""
