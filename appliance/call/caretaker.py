# SPDX-License-Identifier: Apache-2.0
"""Looks after legs that stand while something is under way with them: what they ask for meanwhile is refused for now.

Transfers and the like build on it and say what their own signals mean; it has no state.
"""

from __future__ import annotations

from appliance.call.leg import Leg
from appliance.native.sip_scanner import Message
from appliance.sip.transaction.server import ServerTransaction
from appliance.ua.call_events import Alert
from appliance.ua.referral import Referral


class Caretaker:
    """All of leg.LegOwner but the end of a leg."""

    __slots__ = ()

    def leg_offered(self, leg: Leg, offer: bytes, now: float) -> None:
        """LegOwner. Not now (RFC 3261 14.2)."""
        leg.handle.refuse_offer(491, now)

    def leg_wanted_offer(self, leg: Leg, now: float) -> None:
        """LegOwner."""
        leg.handle.refuse_offer(491, now)

    def leg_alerted(self, leg: Leg, alert: Alert, now: float) -> None:
        """LegOwner. Nothing that stands rings."""

    def leg_agreed(self, leg: Leg, answer: bytes, now: float) -> None:
        """LegOwner."""

    def leg_confirmed(self, leg: Leg, now: float) -> None:
        """LegOwner. An ACK that came late."""

    def leg_refused_change(self, leg: Leg, status: int, now: float) -> None:
        """LegOwner."""

    def leg_requested(self, leg: Leg, server: ServerTransaction, request: Message, now: float) -> None:
        """LegOwner. Nobody is there who could hear it."""
        server.respond(480, now)

    def leg_referred(self, leg: Leg, referral: Referral, now: float) -> None:
        """LegOwner. One thing after the other."""
        referral.refuse(491, now)
