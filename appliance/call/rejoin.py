# SPDX-License-Identifier: Apache-2.0
"""Two legs that stand get a session with one another: after a transfer, a pickup, the loss of the relay (RFC 3725 4.1
with what is known of both instead of an INVITE without a session).

The first one's last description is offered to the second, the answer is offered to the first.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Final, Protocol

from appliance.call.leg import Leg
from appliance.call.media_pair import MediaPair
from appliance.call.services import CallServices
from appliance.errors import MisuseError, PeerError
from appliance.native.sip_scanner import Message
from appliance.sip.transaction.server import ServerTransaction
from appliance.ua.call_events import Alert, Release
from appliance.ua.referral import Referral

PAUSE_S: Final = 0.3
PATIENCE_S: Final = 10.0
"""How long a leg that is busy with a change of its own (a hold) is waited for."""
_DIRECTION: Final = re.compile(rb"(?<=\na=)(?:sendonly|recvonly|inactive)(?=\r?\n)")
_SILENT: Final = re.compile(rb"(?<=\nc=IN IP4 )0\.0\.0\.0(?=\r?\n)")


class RejoinState(IntEnum):
    """ASKING the second leg, then TELLING the first; DONE or FAILED."""

    ASKING = 0
    TELLING = 1
    DONE = 2
    FAILED = 3


ASKING, TELLING, DONE, FAILED = RejoinState
TRANSITIONS: Final = (frozenset({TELLING, FAILED}), frozenset({DONE, FAILED}), frozenset[RejoinState](),
                      frozenset[RejoinState]())
"""What may follow each state, by its number."""


class RejoinCall(Protocol):
    """The call that the legs are part of."""

    services: CallServices

    def leg_ended(self, leg: Leg, release: Release, now: float) -> None:
        """It is over."""


class RejoinOwner(Protocol):
    """Who wants them joined."""

    def rejoined(self, rejoin: Rejoin, now: float) -> None:
        """They hear one another; both legs are the owner's."""

    def rejoin_failed(self, rejoin: Rejoin, status: int, now: float) -> None:
        """They do not: refused with this status, or one has gone."""


class Rejoin:
    """legs: side 0 and 1 of `pair`. It owns both legs until it is over."""

    __slots__ = ("_alarm", "_call", "_deadline", "_owner", "legs", "pair", "state")

    def __init__(self, call: RejoinCall, legs: tuple[Leg, Leg], pair: MediaPair, owner: RejoinOwner) -> None:
        self._call = call
        self._owner = owner
        self._alarm = call.services.alarm()
        self._deadline = 0.0
        self.legs = legs
        self.pair = pair
        self.state = ASKING

    def start(self, now: float) -> None:
        """Offer the second leg what the first said last."""
        self._take_over(now)
        self._ask(now)

    def start_telling(self, session: bytes, now: float) -> None:
        """The second leg has answered already: offer the first one this."""
        self._take_over(now)
        self.state = TELLING
        self._tell(session, now)

    def _take_over(self, now: float) -> None:
        self._deadline = now + PATIENCE_S
        for leg in self.legs:
            leg.owner = self

    def _ask(self, now: float) -> None:
        first, second = self.legs
        try:
            session = self.pair.carry_offer(0, wake_session(first.handle.exchange.remote))
        except PeerError as error:
            self._fail(error.status_hint, now)
            return
        self._change(second, session, now)

    def _tell(self, session: bytes, now: float) -> None:
        self._change(self.legs[0], session, now)

    def _change(self, leg: Leg, session: bytes, now: float) -> None:
        if self.state in (DONE, FAILED):
            return
        if leg.handle.change_session(session, now):
            return
        if now >= self._deadline:
            self._fail(491, now)
            return
        self._alarm.set(now + PAUSE_S, lambda later: self._change(leg, session, later))

    def _fail(self, status: int, now: float) -> None:
        if self.state in (DONE, FAILED):
            return
        self._alarm.clear()
        self.state = FAILED
        self._owner.rejoin_failed(self, status, now)

    # LegOwner

    def leg_agreed(self, leg: Leg, answer: bytes, now: float) -> None:
        """LegOwner. The second one's answer goes to the first as an offer; the first one's ends it."""
        try:
            if leg is self.legs[1] and self.state is ASKING:
                session = self.pair.carry_answer(1, answer)
                self.state = TELLING
                self._tell(session, now)
            elif leg is self.legs[0] and self.state is TELLING:
                self.pair.settle(0, answer)
                self.state = DONE
                self._owner.rejoined(self, now)
        except PeerError as error:
            self._fail(error.status_hint, now)

    def leg_refused_change(self, leg: Leg, status: int, now: float) -> None:
        """LegOwner."""
        self._fail(status, now)

    def leg_offered(self, leg: Leg, offer: bytes, now: float) -> None:
        """LegOwner. Not now (RFC 3261 14.2)."""
        leg.handle.refuse_offer(491, now)

    def leg_wanted_offer(self, leg: Leg, now: float) -> None:
        """LegOwner."""
        leg.handle.refuse_offer(491, now)

    def leg_alerted(self, leg: Leg, alert: Alert, now: float) -> None:
        """LegOwner."""
        raise MisuseError("a leg that stands rings")

    def leg_confirmed(self, leg: Leg, now: float) -> None:
        """LegOwner. An ACK that came late."""

    def leg_requested(self, leg: Leg, server: ServerTransaction, request: Message, now: float) -> None:
        """LegOwner."""
        server.respond(480, now)

    def leg_referred(self, leg: Leg, referral: Referral, now: float) -> None:
        """LegOwner."""
        referral.refuse(491, now)

    def leg_released(self, leg: Leg, release: Release, now: float) -> None:
        """LegOwner. Without one of them there is nothing to join."""
        self._call.leg_ended(leg, release, now)
        self._fail(487, now)


def wake_session(octets: bytes) -> bytes:
    """A description without hold: both directions, and an address where it had none (ours will stand there)."""
    return _SILENT.sub(b"192.0.2.1", _DIRECTION.sub(b"sendrecv", octets))
