# SPDX-License-Identifier: Apache-2.0
"""Two legs that talk: what one wants of the session the other is asked for, answers go back, an end ends both.

Offers pass end to end (RFC 3264; RFC 6337 in all its patterns); glare is refused with 491 on the leg that came second
(RFC 3261 14.2).
"""

from __future__ import annotations

from typing import Final, Protocol

from appliance.call.leg import Leg
from appliance.call.media_pair import MediaPair
from appliance.call.reasons import write_reason
from appliance.errors import PeerError
from appliance.native.sip_scanner import Message
from appliance.sip.transaction.server import ServerTransaction
from appliance.ua.call_events import Alert, Release
from appliance.ua.in_dialog_request import InDialogRequest
from appliance.ua.referral import Referral

PASSED_METHODS: Final = frozenset({b"INFO", b"MESSAGE"})
"""What goes from one leg to the other as it is, body and all."""
TRUNK_BODIES: Final = frozenset({b"application/dtmf-relay", b"application/dtmf", b"application/media_control+xml"})


class BridgeCall(Protocol):
    """The call that the legs talk in."""

    def session_changed(self, now: float) -> None:
        """Another session holds between the legs."""

    def leg_stands(self, leg: Leg, now: float) -> None:
        """Its ACK has come, or was sent."""

    def transfer(self, leg: Leg, referral: Referral, now: float) -> None:
        """It wants the other side to be connected to somebody else."""

    def leg_ended(self, leg: Leg, release: Release, now: float) -> None:
        """It is over."""


class Bridge:
    """call: that it belongs to; legs: side 0 and 1 of `pair`."""

    __slots__ = ("_asking", "_is_withdrawn", "_next_offer", "_wants_offer", "call", "legs", "pair")

    def __init__(self, call: BridgeCall, legs: tuple[Leg, Leg], pair: MediaPair) -> None:
        self.call = call
        self.legs = legs
        self.pair = pair
        self._asking: Leg | None = None     # whose change the other leg considers
        self._wants_offer = False           # a change in which the other one is to offer
        self._is_withdrawn = False          # who asked has thought better of it (RFC 3261 9.1)
        self._next_offer = b""              # and wants this instead, as soon as the other has come to rest
        for leg in legs:
            leg.owner = self

    def other_of(self, leg: Leg) -> Leg:
        """The leg that this one talks to."""
        return self.legs[1] if leg is self.legs[0] else self.legs[0]

    def side_of(self, leg: Leg) -> int:
        """Its side of the pair."""
        return 0 if leg is self.legs[0] else 1

    def expect_answer(self, leg: Leg) -> None:
        """This leg's offer is with the other side already: the answer will come as `leg_agreed`."""
        self._asking, self._wants_offer = leg, False

    # LegOwner

    def leg_offered(self, leg: Leg, offer: bytes, now: float) -> None:
        """LegOwner. An offer of its own, or the one that a re-INVITE without a session asked it for."""
        if self._asking is leg and self._is_withdrawn:
            self._next_offer = offer
            leg.handle.lapse = self._withdraw
            return
        other = self.other_of(leg)
        is_wanted = self._asking is other and self._wants_offer     # 13.2.1: the other one wanted to be offered one
        if self._asking is not None and not is_wanted:
            leg.handle.refuse_offer(491, now)   # 14.2: glare; the other side's change is under way
            return
        side = self.side_of(leg)
        try:
            if not (other.line.sends_hold or is_wanted) and (answer := self.pair.answer_hold(side, offer)):
                leg.handle.answer_offer(answer, now)
                self.call.session_changed(now)
                return
            session = self.pair.carry_offer(side, offer)
        except PeerError as error:
            self._refuse(leg, error.status_hint, now)
            return
        if is_wanted:
            self.expect_answer(leg)
            if not other.handle.answer_offer(session, now):     # it has withdrawn meanwhile (9.2)
                self.pair.revert(side)
                self._refuse(leg, 487, now)
        elif other.handle.change_session(session, now, leg.handle.was_asked_by_update):
            self.expect_answer(leg)
            leg.handle.lapse = self._withdraw
        else:
            self.pair.revert(side)
            leg.handle.refuse_offer(491, now)

    def _withdraw(self, now: float) -> None:
        """Who asked for a change has cancelled it: the other is asked no more."""
        asking = self._asking
        if asking is None or asking.owner is not self:
            return
        if self._is_withdrawn:
            self._next_offer = b""
            return
        self._is_withdrawn = True
        self.other_of(asking).handle.withdraw_change(now)

    def _restore(self, leg: Leg, now: float) -> None:
        """The change of this leg was withdrawn; the other one, which has agreed to it all the same (9.1), is asked for
        the session of before."""
        side = self.side_of(leg)
        self.pair.revert(side)
        self._asking, self._is_withdrawn = None, False
        try:
            session = self.pair.carry_offer(side, leg.handle.exchange.remote)
        except PeerError:       # there are no ports any more: both go on as they are
            return
        if self.other_of(leg).handle.change_session(session, now):
            self.expect_answer(leg)
        else:
            self.pair.revert(side)

    def _settle(self, leg: Leg, now: float) -> None:
        """Nobody asks any more; what this leg has wanted meanwhile comes next."""
        self._asking = None
        self._is_withdrawn = False
        offer, self._next_offer = self._next_offer, b""
        if offer:
            self.leg_offered(leg, offer, now)

    def _refuse(self, leg: Leg, status: int, now: float) -> None:
        """An offer that cannot be passed on. In the 2xx to a re-INVITE of ours it cannot be refused, only ended."""
        other = self.other_of(leg)
        if self._asking is other:
            other.handle.refuse_offer(status, now)
        self._asking, self._is_withdrawn = None, False
        leg.handle.refuse_offer(status, now)

    def leg_wanted_offer(self, leg: Leg, now: float) -> None:
        """LegOwner. The other one is asked for an offer in the same way."""
        if self._asking is None and self.other_of(leg).handle.change_session(b"", now):
            self._asking, self._wants_offer = leg, True
        else:
            leg.handle.refuse_offer(491, now)

    def leg_agreed(self, leg: Leg, answer: bytes, now: float) -> None:
        """LegOwner. Its answer to what the other offered."""
        other = self.other_of(leg)
        if self._asking is not other:
            return      # to an offer of our own, whose answer changes nothing for the other
        if self._is_withdrawn:
            if self._next_offer:    # it changes again anyway
                self.pair.revert(self.side_of(other))
                self._settle(other, now)
            else:
                self._restore(other, now)
            return
        self._asking = None
        try:
            session = self.pair.carry_answer(self.side_of(leg), answer)
        except PeerError as error:
            self.pair.revert(self.side_of(other))
            other.handle.refuse_offer(error.status_hint, now)
            return
        other.handle.answer_offer(session, now)
        self.call.session_changed(now)

    def leg_refused_change(self, leg: Leg, status: int, now: float) -> None:
        """LegOwner. Refused here, refused there: the session stays as it was (14.1)."""
        other = self.other_of(leg)
        if self._asking is other:
            if not self._wants_offer:
                self.pair.revert(self.side_of(other))
            if self._is_withdrawn:
                self._settle(other, now)
                return
            self._asking = None
            other.handle.refuse_offer(status, now)

    def leg_alerted(self, leg: Leg, alert: Alert, now: float) -> None:
        """LegOwner. Nothing new for legs that talk."""

    def leg_confirmed(self, leg: Leg, now: float) -> None:
        """LegOwner. The later of the two: the call stands on both sides."""
        self.call.leg_stands(leg, now)

    def leg_requested(self, leg: Leg, server: ServerTransaction, request: Message, now: float) -> None:
        """LegOwner. INFO (RFC 6086 and the older key presses) and MESSAGE go to the other side."""
        other = self.other_of(leg)
        kind = (request.header(b"Content-Type") or b"").partition(b";")[0].strip().lower()
        if request.method not in PASSED_METHODS or not other.is_confirmed:
            server.respond(405 if request.method not in PASSED_METHODS else 480, now)
        elif other.line.is_trunk and request.body and kind not in TRUNK_BODIES and request.method == b"INFO":
            server.respond(415, now, b"Accept: application/dtmf-relay\r\n")
        else:
            other.handle.send_inside(request.method, other.line.pass_lines(request, leg.line),
                                     request.header(b"Content-Type") or b"", request.body, Relayed(server), now)

    def leg_referred(self, leg: Leg, referral: Referral, now: float) -> None:
        """LegOwner."""
        self.call.transfer(leg, referral, now)

    def leg_released(self, leg: Leg, release: Release, now: float) -> None:
        """LegOwner."""
        self.call.leg_ended(leg, release, now)      # first: who ends the call is whose leg ended first
        other = self.other_of(leg)
        if not other.has_ended:
            other.hang_up(now, write_reason(release))


class Relayed:
    """A request inside a dialog that was passed on: its answer goes back. Satisfies in_dialog_request.InDialogOwner."""

    __slots__ = ("_server",)

    def __init__(self, server: ServerTransaction) -> None:
        self._server = server

    def provisional_received(self, request: InDialogRequest, response: Message, now: float) -> None:
        """RequestOwner. Nobody waits for it (RFC 4320 4.1)."""

    def request_succeeded(self, request: InDialogRequest, response: Message, now: float) -> None:
        """RequestOwner."""
        self._server.respond(response.status, now)

    def request_refused(self, request: InDialogRequest, status: int, response: Message | None, now: float) -> None:
        """RequestOwner."""
        if status != 408:   # RFC 4320 4.2: a 408 would come too late
            self._server.respond(status, now)
