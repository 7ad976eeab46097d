# SPDX-License-Identifier: Apache-2.0
"""Two legs that stand get a session with one another: after a transfer, a pickup, the loss of the relay (RFC 3725 4.1
with what is known of both instead of an INVITE without a session).

The first one's last description is offered to the second, the answer is offered to the first.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Final, Protocol

from appliance.call.caretaker import Caretaker
from appliance.call.connected_identity import write_connected
from appliance.call.leg import Leg, LegOwner
from appliance.call.media_pair import MediaPair
from appliance.call.services import CallServices
from appliance.errors import PeerError
from appliance.ua.call_events import Release

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


class RejoinOwner(Protocol):
    """Who wants them joined."""

    def rejoined(self, rejoin: Rejoin, now: float) -> None:
        """They hear one another; both legs are the owner's."""

    def rejoin_failed(self, rejoin: Rejoin, status: int, now: float) -> None:
        """They do not: refused with this status, or one has gone."""


class Rejoin(Caretaker):
    """legs: side 0 and 1 of `pair`; asked: who considers an offer of ours now; touched: who has accepted one.

    It owns both legs until it is over; when it fails they are again whose they were, who also hears of the changes that
    were under way before (a hold)."""

    __slots__ = ("_alarm", "_call", "_deadline", "_former", "_owner", "asked", "legs", "pair", "state", "touched")

    def __init__(self, call: RejoinCall, legs: tuple[Leg, Leg], pair: MediaPair, owner: RejoinOwner) -> None:
        self._call = call
        self._owner = owner
        self._alarm = call.services.alarm()
        self.asked: Leg | None = None
        self._deadline = 0.0
        self._former = (legs[0].owner, legs[1].owner)
        self.touched: list[Leg] = []
        self.legs = legs
        self.pair = pair
        self.state = ASKING

    def start(self, now: float, wakes: bool = True) -> None:
        """Offer the second leg what the first said last; wakes: out of whatever hold it is in."""
        self._take_over(now)
        first, second = self.legs
        said = first.handle.exchange.remote
        try:
            session = self.pair.carry_offer(0, wake_session(said) if wakes else said)
        except PeerError as error:
            self._fail(error.status_hint, now)
            return
        self._change(second, session, now)

    def start_telling(self, session: bytes, now: float) -> None:
        """The second leg has answered already, or offers: offer the first one this."""
        self._take_over(now)
        self.state = TELLING
        self._change(self.legs[0], session, now)

    def _take_over(self, now: float) -> None:
        self._deadline = now + PATIENCE_S
        first, second = self.legs
        first.owner = second.owner = self
        for leg, partner in ((first, second), (second, first)):
            leg.handle.dialog.identity = write_connected(leg, partner)

    def _change(self, leg: Leg, session: bytes, now: float) -> None:
        if self.state in (DONE, FAILED):
            return
        if leg.handle.change_session(session, now):
            self.asked = leg
        elif now >= self._deadline:
            self._fail(491, now)
        else:
            self._alarm.set(now + PAUSE_S, lambda later: self._change(leg, session, later))

    def _fail(self, status: int, now: float) -> None:
        if self.state in (DONE, FAILED):
            return
        self._alarm.clear()
        self.state = FAILED
        for leg, owner in zip(self.legs, self._former, strict=True):
            leg.owner = owner
            leg.handle.dialog.identity = b""
        self._owner.rejoin_failed(self, status, now)

    def _former_of(self, leg: Leg) -> LegOwner:
        return self._former[0 if leg is self.legs[0] else 1]

    # LegOwner

    def leg_agreed(self, leg: Leg, answer: bytes, now: float) -> None:
        """LegOwner. The second one's answer goes to the first as an offer; the first one's ends it."""
        if leg is not self.asked:      # to what was offered before: that still goes its way
            self._former_of(leg).leg_agreed(leg, answer, now)
            return
        self.asked = None
        self.touched.append(leg)
        first, second = self.legs
        try:
            if leg is second:
                session = self.pair.carry_answer(1, answer)
                self.state = TELLING
                self._change(first, session, now)
            else:
                self._settle(answer, now)
        except PeerError as error:
            self._fail(error.status_hint, now)

    def _settle(self, answer: bytes, now: float) -> None:
        second = self.legs[1]
        if second.handle.is_answering:      # its 2xx offered: the answer goes with the ACK (RFC 3261 13.2.2.4)
            second.handle.answer_offer(self.pair.carry_answer(0, answer), now)
        elif second.handle.is_early:        # its INVITE did
            second.incoming.answer(self.pair.carry_answer(0, answer), now)
        else:
            self.pair.settle(0, answer)
        self.state = DONE
        self._owner.rejoined(self, now)

    def leg_refused_change(self, leg: Leg, status: int, now: float) -> None:
        """LegOwner."""
        if leg is self.asked:
            self.asked = None
            self._fail(status, now)
        else:
            self._former_of(leg).leg_refused_change(leg, status, now)

    def leg_released(self, leg: Leg, release: Release, now: float) -> None:
        """LegOwner. Without one of them there is nothing to join."""
        former = self._former_of(leg)
        self._fail(487, now)
        former.leg_released(leg, release, now)


def wake_session(octets: bytes) -> bytes:
    """A description without hold: both directions, and an address where it had none (ours will stand there)."""
    return _SILENT.sub(b"192.0.2.1", _DIRECTION.sub(b"sendrecv", octets))
