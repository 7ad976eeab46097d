# SPDX-License-Identifier: Apache-2.0
"""A leg hears of another address of ours: a re-INVITE with the Contact and the media address as they are now, and the
session as it stands (RFC 3261 14.1, 12.2.1.1). The other side of the call hears nothing.

For a NAT before us that has changed its outside address, and for a listener of ours that has moved to another one.
"""

from __future__ import annotations

from typing import Final

from appliance.call.bridge import Bridge
from appliance.call.call import Call
from appliance.call.caretaker import Caretaker
from appliance.call.leg import Leg
from appliance.errors import PeerError
from appliance.native.sip_scanner import Message
from appliance.sip.transaction.server import ServerTransaction
from appliance.ua.call_events import Release
from appliance.ua.referral import Referral

PAUSE_S: Final = 0.2
PATIENCE_S: Final = 200.0
"""A leg that rings is waited for, and one that is busy with a change of its own."""


class Readdressing(Caretaker):
    """call, leg: which. Owns the leg from its offer to the answer."""

    __slots__ = ("_alarm", "_bridge", "_call", "_deadline", "_leg")

    def __init__(self, call: Call, leg: Leg) -> None:
        self._call = call
        self._leg = leg
        self._bridge: Bridge | None = None
        self._alarm = call.services.alarm()
        self._deadline = 0.0

    def start(self, now: float) -> None:
        """As soon as the leg stands and nothing else is under way with it."""
        self._deadline = now + PATIENCE_S
        self._try(now)

    def _try(self, now: float) -> None:
        leg, bridge = self._leg, self._call.bridge
        if leg.has_ended or now >= self._deadline:
            return
        if bridge is None or leg.owner is not bridge or not self._offer(bridge, now):
            self._alarm.set(now + PAUSE_S, self._try)

    def _offer(self, bridge: Bridge, now: float) -> bool:
        leg, side = self._leg, bridge.side_of(self._leg)
        if not leg.is_confirmed or not leg.handle.is_idle or not bridge.pair.move(side, leg.media_end()):
            return False
        if not leg.handle.change_session(bridge.pair.tell_again(side), now):
            return False
        self._bridge, leg.owner = bridge, self
        return True

    def _give_back(self) -> Bridge:
        assert self._bridge is not None
        self._leg.owner = self._bridge
        return self._bridge

    # LegOwner

    def leg_agreed(self, leg: Leg, answer: bytes, now: float) -> None:
        """LegOwner."""
        bridge = self._give_back()
        try:
            bridge.pair.settle(bridge.side_of(leg), answer)
        except PeerError as error:
            self._call.note(str(error))
        self._call.session_changed(now)

    def leg_refused_change(self, leg: Leg, status: int, now: float) -> None:
        """LegOwner. The call goes on as it can."""
        self._give_back()
        self._call.services.journal.record("readdressing_refused", number=self._call.number, line=leg.line.name,
                                           status=status)

    def leg_requested(self, leg: Leg, server: ServerTransaction, request: Message, now: float) -> None:
        """LegOwner. Its partner is there all the time."""
        assert self._bridge is not None
        self._bridge.leg_requested(leg, server, request, now)

    def leg_referred(self, leg: Leg, referral: Referral, now: float) -> None:
        """LegOwner."""
        referral.refuse(491, now)

    def leg_released(self, leg: Leg, release: Release, now: float) -> None:
        """LegOwner."""
        self._give_back().leg_released(leg, release, now)
