# SPDX-License-Identifier: Apache-2.0
"""A leg hears of another address of ours: a re-INVITE with the Contact and the media address as they are now, and the
session as it stands (RFC 3261 14.1, 12.2.1.1). The other side of the call hears nothing.

For a NAT before us that has changed its outside address, and for a listener of ours that has moved to another one.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Final

from appliance.call.bridge import Bridge
from appliance.call.call import Call
from appliance.call.caretaker import Caretaker
from appliance.call.leg import Leg
from appliance.errors import MisuseError, PeerError
from appliance.native.sip_scanner import Message
from appliance.sip.transaction.server import ServerTransaction
from appliance.ua.call_events import Release
from appliance.ua.referral import Referral

PAUSE_S: Final = 0.2
SETTLE_S: Final = 1.0
"""An address that changes again and again is told once a second: the last one, not each."""
PATIENCE_S: Final = 200.0
"""A leg that rings is waited for, and one that is busy with a change of its own."""


class ReaddressingState(IntEnum):
    """WAITING: the leg cannot be asked yet; ASKING: it has our offer; RESTING: it has just been told."""

    WAITING = 0
    ASKING = 1
    RESTING = 2
    OVER = 3


WAITING, ASKING, RESTING, OVER = ReaddressingState
TRANSITIONS: Final = (
    frozenset({ASKING, OVER}),
    frozenset({RESTING, OVER}),
    frozenset({WAITING, OVER}),
    frozenset[ReaddressingState](),
)
"""What may follow each state, by its number."""


class Readdressing(Caretaker):
    """call, leg: which; over: called once, in the end. Owns the leg from its offer to the answer. One for a leg: what
    comes while it is under way is told with the next offer."""

    __slots__ = ("_alarm", "_bridge", "_deadline", "_has_news", "_leg", "_over", "call", "state")

    def __init__(self, call: Call, leg: Leg, over: Callable[[Leg], None]) -> None:
        self.call = call
        self._leg = leg
        self._over = over
        self._bridge: Bridge | None = None
        self._alarm = call.services.alarm()
        self._deadline = 0.0
        self._has_news = False
        self.state = WAITING

    def start(self, now: float) -> None:
        """As soon as the leg stands and nothing else is under way with it. Said again, it is told once more where it
        has been told already."""
        is_first = not self._deadline
        self._deadline = now + PATIENCE_S
        self._has_news = self.state is not WAITING
        if is_first:
            self._try(now)

    def _enter(self, state: ReaddressingState) -> None:
        if state not in TRANSITIONS[self.state]:
            raise MisuseError(f"readdressing: {self.state.name} to {state.name}")
        self.state = state

    def _try(self, now: float) -> None:
        leg, bridge = self._leg, self.call.bridge
        if leg.has_ended or now >= self._deadline:
            self._end()
        elif bridge is None or leg.owner is not bridge or not self._offer(bridge, now):
            self._alarm.set(now + PAUSE_S, self._try)

    def _rest(self, now: float) -> None:
        self._enter(RESTING)
        self._alarm.set(now + SETTLE_S, self._end_rest)

    def _end_rest(self, now: float) -> None:
        if self._has_news:
            self._has_news = False
            self._enter(WAITING)
            self._try(now)
        else:
            self._end()

    def _end(self) -> None:
        self._enter(OVER)
        self._alarm.clear()
        self._over(self._leg)

    def _offer(self, bridge: Bridge, now: float) -> bool:
        leg, side = self._leg, bridge.side_of(self._leg)
        if not leg.is_confirmed or not leg.handle.is_idle or not bridge.pair.move(side, leg.media_end()):
            return False
        if not leg.handle.change_session(bridge.pair.tell_again(side), now):
            return False
        self._bridge, leg.owner = bridge, self
        self._enter(ASKING)
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
            self.call.note(str(error))
        self.call.session_changed(now)
        self._rest(now)

    def leg_refused_change(self, leg: Leg, status: int, now: float) -> None:
        """LegOwner. The call goes on as it can."""
        self._give_back()
        self.call.services.journal.record("readdressing_refused", number=self.call.number, line=leg.line.name,
                                          status=status)
        self._rest(now)

    def leg_requested(self, leg: Leg, server: ServerTransaction, request: Message, now: float) -> None:
        """LegOwner. Its partner is there all the time."""
        assert self._bridge is not None
        self._bridge.leg_requested(leg, server, request, now)

    def leg_referred(self, leg: Leg, referral: Referral, now: float) -> None:
        """LegOwner."""
        referral.refuse(491, now)

    def leg_released(self, leg: Leg, release: Release, now: float) -> None:
        """LegOwner."""
        bridge = self._give_back()
        self._end()
        bridge.leg_released(leg, release, now)
