# SPDX-License-Identifier: Apache-2.0
"""The legs of a bridge get their session with one another back, when one of them was offered another that came to
nothing: it has accepted it already, or may still do so (RFC 3261 14.1 knows no way to take an offer back).
"""

from __future__ import annotations

from appliance.call.bridge import Bridge
from appliance.call.call import call_of
from appliance.call.caretaker import Caretaker
from appliance.call.leg import Leg
from appliance.call.rejoin import Rejoin
from appliance.sdp.parser import parse_session
from appliance.ua.call_events import Release


def restore_bridge(bridge: Bridge, failed: Rejoin, now: float) -> None:
    """The bridge has its legs again after this; what they were told meanwhile is made good."""
    for side, leg in enumerate(bridge.legs):
        leg.owner = bridge
        bridge.pair.unmute(side)
    for leg in bridge.legs:
        if leg is failed.asked or leg in failed.touched:
            Restoration(bridge, leg).start(leg is failed.asked, now)


class Restoration(Caretaker):
    """One leg of a bridge that was told of something else. Satisfies rejoin.RejoinOwner."""

    __slots__ = ("_bridge", "_leg")

    def __init__(self, bridge: Bridge, leg: Leg) -> None:
        self._bridge = bridge
        self._leg = leg

    def start(self, is_considering: bool, now: float) -> None:
        """is_considering: it has not answered yet."""
        if is_considering:
            self._leg.owner = self
        else:
            self._renew(now)

    def _renew(self, now: float) -> None:
        bridge, leg = self._bridge, self._leg
        leg.owner = bridge
        bridge.pair.expect(bridge.side_of(leg), parse_session(leg.handle.exchange.local))
        Rejoin(call_of(leg), bridge.legs, bridge.pair, self).start(now)

    def leg_agreed(self, leg: Leg, answer: bytes, now: float) -> None:
        """LegOwner. It took what nobody speaks any more."""
        self._renew(now)

    def leg_refused_change(self, leg: Leg, status: int, now: float) -> None:
        """LegOwner. All is as it was."""
        leg.owner = self._bridge

    def leg_released(self, leg: Leg, release: Release, now: float) -> None:
        """LegOwner."""
        leg.owner = self._bridge
        self._bridge.leg_released(leg, release, now)

    def rejoined(self, rejoin: Rejoin, now: float) -> None:
        """RejoinOwner. As it was before."""
        call = call_of(self._leg)
        call.bridge_legs(rejoin.legs, rejoin.pair)
        call.session_changed(now)

    def rejoin_failed(self, rejoin: Rejoin, status: int, now: float) -> None:
        """RejoinOwner. Two who hear nothing of one another have no call."""
        call_of(self._leg).hang_up(now, b"Reason: SIP;cause=%d\r\n" % status)
