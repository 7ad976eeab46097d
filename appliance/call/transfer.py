# SPDX-License-Identifier: Apache-2.0
"""Calls that move to somebody else: REFER, blind (RFC 5589 6) and attended (7), and INVITE with Replaces (RFC 3891).

We act on both ourselves: REFER goes to no other leg, whoever is there. One object for each transfer under way.
"""

from __future__ import annotations

from typing import Final

from appliance.call.call import Call, call_of
from appliance.call.call_table import CallTable
from appliance.call.hunt import Failure, Hunt
from appliance.call.leg import INCOMING, Leg
from appliance.call.line import Destination, Dial, Refused
from appliance.call.media_pair import MediaPair
from appliance.call.pickup import Pickups
from appliance.call.reasons import write_reason
from appliance.call.rejoin import Rejoin, wake_session
from appliance.errors import PeerError
from appliance.native.sip_scanner import Message
from appliance.sip.grammar import unescape
from appliance.sip.transaction.invite_server import InviteServer
from appliance.sip.transaction.server import ServerTransaction
from appliance.sip.uri import SipUri
from appliance.ua.call_events import Alert, Release
from appliance.ua.call_taking import take_call
from appliance.ua.referral import Referral
from appliance.ua.replacement import find_replaced
from appliance.ua.replaces import Replaces, read_replaces_of

FAREWELL_S: Final = 2.0
"""The transferor hangs up when it has heard of the success (RFC 5589 6.1); one that does not is let go."""
TRANSFERRED: Final = b'Reason: SIP;cause=200;text="Transferred"\r\n'


class Transfers:
    """Starts transfers for the engine."""

    __slots__ = ("_engine", "_pickups")

    def __init__(self, engine: CallTable, pickups: Pickups) -> None:
        self._engine = engine
        self._pickups = pickups

    def start(self, call: Call, leg: Leg, referral: Referral, now: float) -> None:
        """REFER from a leg of a bridged call."""
        bridge = call.bridge
        if leg.line.is_trunk or bridge is None:     # a carrier does not move our users about
            referral.refuse(403, now)
            return
        if not all(one.is_confirmed for one in bridge.legs):
            referral.refuse(491, now)
            return
        if referral.replaces is not None:
            self._start_attended(call, leg, referral, now)
            return
        moved = bridge.other_of(leg)
        dial = Dial(read_user(referral.target), referral.target, moved.line, moved.party, leg.party.number)
        verdict = self._engine.services.router.follow(dial, referral.target, now)
        referral.accept(now)
        if isinstance(verdict, Refused):
            referral.report(verdict.status, b"", now)
            return
        Transfer(self._engine, call, leg, referral).ring(dial, verdict, now)

    def _start_attended(self, call: Call, leg: Leg, referral: Referral, now: float) -> None:
        assert referral.replaces is not None
        replaced = self.find_leg(referral.replaces, leg)
        if isinstance(replaced, int) or replaced.line.is_trunk or replaced is leg:
            referral.accept(now)
            referral.report(replaced if isinstance(replaced, int) else 481, b"", now)
            return
        other_bridge = call_of(replaced).bridge
        if other_bridge is None or not all(one.is_confirmed for one in other_bridge.legs) or call_of(replaced) is call:
            referral.refuse(491, now)
            return
        referral.accept(now)
        Transfer(self._engine, call, leg, referral).join(replaced, now)

    def find_leg(self, replaces: Replaces, leg: Leg) -> Leg | int:
        """The leg whose dialog this names (RFC 3891 3), or the status for whoever named it. leg: of who asks."""
        found = find_replaced(replaces, leg.line.core.dialogs)
        if isinstance(found, int):
            return found
        return found.events if isinstance(found.events, Leg) else 481

    def take_replacing(self, server: InviteServer, message: Message, dial: Dial, now: float) -> None:
        """An INVITE that takes the place of a leg: a pickup of a call that rings, or of one that stands."""
        try:
            replaces = read_replaces_of(message)
        except PeerError as error:
            server.respond(error.status_hint, now)
            return
        found = find_replaced(replaces, dial.origin.core.dialogs) if replaces is not None else 481
        leg = found.events if not isinstance(found, int) else None
        if not isinstance(leg, Leg) or dial.origin.is_trunk:    # a carrier picks nothing up here
            server.respond(found if isinstance(found, int) else 481, now)
        elif leg.is_confirmed and call_of(leg).bridge is not None:
            Replacement(self._engine, leg).take(server, message, dial, now)
        elif call_of(leg).hunt is not None and not leg.is_confirmed:
            self._pickups.take(leg, server, message, dial, now)
        else:
            server.respond(481, now)


class Transfer:
    """One REFER at work. call: in which it was asked; transferor: who asked; moved: who is to be connected elsewhere.

    Owns the transferor's and the moved leg while it lasts; satisfies hunt.HuntOwner and rejoin.RejoinOwner.
    """

    __slots__ = ("_alarm", "_bridge_pair", "_call", "_engine", "_hunt", "_is_recall", "_moved", "_pair", "_referral",
                 "_rejoin", "_replaced", "_target", "_transferor")

    def __init__(self, engine: CallTable, call: Call, transferor: Leg, referral: Referral) -> None:
        bridge = call.bridge
        assert bridge is not None
        self._engine = engine
        self._call = call
        self._transferor = transferor
        self._moved = bridge.other_of(transferor)
        self._bridge_pair = bridge.pair
        self._referral = referral
        self._alarm = engine.services.alarm()
        self._hunt: Hunt | None = None
        self._pair: MediaPair | None = None
        self._target: Leg | None = None
        self._replaced: Leg | None = None
        self._rejoin: Rejoin | None = None
        self._is_recall = False
        transferor.owner = self
        self._moved.owner = self

    # blind

    def ring(self, dial: Dial, groups: list[list[Destination]], now: float) -> None:
        """Call the target; who is moved waits."""
        self._hunt = Hunt(self._call, dial, groups, self)
        self._hunt.start(now)

    def prepare_offer(self, branch: Leg, now: float) -> bytes:
        """HuntOwner. What the moved one has said last, without the hold that it is in."""
        pair = self._call.make_pair(self._moved, branch)
        return pair.carry_offer(0, wake_session(self._moved.handle.exchange.remote))

    def branch_alerted(self, branch: Leg, alert: Alert, now: float) -> None:
        """HuntOwner. Who is moved has no early dialog to hear it in."""

    def branch_offered(self, branch: Leg, offer: bytes, now: float) -> None:
        """HuntOwner. Nothing changes before the answer."""
        branch.handle.refuse_offer(491, now)

    def branch_agreed(self, branch: Leg, answer: bytes, now: float) -> None:
        """HuntOwner."""

    def branch_answered(self, branch: Leg, now: float) -> None:
        """HuntOwner. The target is there: who is moved hears of its session."""
        self._hunt = None
        pair = self._call.pair_of(branch)
        self._target, self._pair = branch, pair
        branch.flow = branch.handle.flow or branch.flow
        pair.ends[1] = branch.media_end()
        try:
            session = pair.carry_answer(1, branch.handle.exchange.remote)
        except PeerError as error:
            branch.hang_up(now)
            self._fail(error.status_hint, now)
            return
        self._rejoin = Rejoin(self._call, (self._moved, branch), pair, self)
        self._rejoin.start_telling(session, now)

    def branch_ended(self, branch: Leg, now: float) -> None:
        """HuntOwner."""
        self._call.drop_pair_of(branch)
        self._call.end_if_over(now)

    def hunt_failed(self, failure: Failure, now: float) -> None:
        """HuntOwner. Nobody there: the transferor gets the call back, or is rung if it has left."""
        self._hunt = None
        self._fail(failure.status, now)

    # attended

    def join(self, replaced: Leg, now: float) -> None:
        """Connect with whom the transferor speaks on the leg that is replaced."""
        other_call = call_of(replaced)
        bridge = other_call.bridge
        assert bridge is not None
        target = bridge.other_of(replaced)
        self._replaced, self._target = replaced, target
        target.move(self._call)
        replaced.owner = self
        other_call.note(f"transferred to call {self._call.number}")
        pair = self._pair = self._call.make_pair(self._moved, target)
        self._rejoin = Rejoin(self._call, (self._moved, target), pair, self)
        self._rejoin.start(now)

    # rejoin.RejoinOwner

    def rejoined(self, rejoin: Rejoin, now: float) -> None:
        """RejoinOwner. They hear one another."""
        self._call.bridge_legs(rejoin.legs, rejoin.pair)
        if not self._is_recall:
            self._referral.report(200, b"", now)
        if self._replaced is not None:
            self._replaced.hang_up(now, TRANSFERRED)
        if not self._transferor.has_ended:
            self._alarm.set(now + FAREWELL_S, self._let_go)
        self._call.session_changed(now)

    def _let_go(self, now: float) -> None:
        self._transferor.hang_up(now, TRANSFERRED)

    def rejoin_failed(self, rejoin: Rejoin, status: int, now: float) -> None:
        """RejoinOwner. One of them has left, or would not have it."""
        target = rejoin.legs[1]
        for leg in rejoin.legs:
            leg.owner = self
        if self._replaced is not None and not target.has_ended and not self._replaced.has_ended:
            self._give_back(target, self._replaced)
        elif not target.has_ended:
            target.hang_up(now)
        self._call.drop_pair(rejoin.pair)
        self._fail(status, now)

    def _give_back(self, target: Leg, replaced: Leg) -> None:
        """The target talks to the transferor again, in its own call."""
        other_call = call_of(replaced)
        target.move(other_call)
        bridge = other_call.bridge
        if bridge is not None:
            for leg in bridge.legs:
                leg.owner = bridge

    # the end of a transfer that came to nothing

    def _fail(self, status: int, now: float) -> None:
        moved, transferor = self._moved, self._transferor
        if not self._is_recall:
            self._referral.report(status, b"", now)
        if moved.has_ended:
            transferor.hang_up(now)
        elif not transferor.has_ended:
            bridge = self._call.bridge
            assert bridge is not None
            moved.owner = transferor.owner = bridge
        elif self._is_recall or not transferor.party.number:
            moved.hang_up(now)
        else:
            self._recall(now)

    def _recall(self, now: float) -> None:
        """Who transferred and left is rung: the caller is not thrown away."""
        self._is_recall = True
        moved, transferor = self._moved, self._transferor
        uri = b"sip:%s@%s" % (transferor.party.number, transferor.party.domain or b"localhost")
        dial = Dial(transferor.party.number, uri, moved.line, moved.party, transferor.party.number)
        verdict = self._engine.services.router.route(dial, now)
        if isinstance(verdict, Refused):
            moved.hang_up(now)
        else:
            self.ring(dial, verdict, now)

    # leg.LegOwner, for the transferor and who is moved

    def leg_offered(self, leg: Leg, offer: bytes, now: float) -> None:
        """LegOwner. A hold or resume while the target rings: between the two as before."""
        bridge = self._call.bridge
        if bridge is not None and leg in bridge.legs and not any(one.has_ended for one in bridge.legs) \
                and self._rejoin is None:
            bridge.leg_offered(leg, offer, now)
        else:
            leg.handle.refuse_offer(491, now)

    def leg_wanted_offer(self, leg: Leg, now: float) -> None:
        """LegOwner."""
        leg.handle.refuse_offer(491, now)

    def leg_alerted(self, leg: Leg, alert: Alert, now: float) -> None:
        """LegOwner. They stand."""

    def leg_agreed(self, leg: Leg, answer: bytes, now: float) -> None:
        """LegOwner. To an offer that was under way when the transfer was asked for: the hold."""
        bridge = self._call.bridge
        if bridge is not None and leg in bridge.legs:
            bridge.leg_agreed(leg, answer, now)

    def leg_confirmed(self, leg: Leg, now: float) -> None:
        """LegOwner."""

    def leg_refused_change(self, leg: Leg, status: int, now: float) -> None:
        """LegOwner."""
        bridge = self._call.bridge
        if bridge is not None and leg in bridge.legs:
            bridge.leg_refused_change(leg, status, now)

    def leg_requested(self, leg: Leg, server: ServerTransaction, request: Message, now: float) -> None:
        """LegOwner."""
        server.respond(480, now)

    def leg_referred(self, leg: Leg, referral: Referral, now: float) -> None:
        """LegOwner. One transfer at a time."""
        referral.refuse(491, now)

    def leg_released(self, leg: Leg, release: Release, now: float) -> None:
        """LegOwner. The transferor may leave; without who is moved there is nothing to transfer."""
        if leg is self._moved:
            if self._hunt is not None:
                self._hunt.stop(now, write_reason(release))
                self._hunt = None
                self._referral.report(487, b"", now)
            self._transferor.hang_up(now, write_reason(release))
        if leg is self._transferor:
            self._alarm.clear()
        call_of(leg).leg_ended(leg, release, now)


class Replacement:
    """A leg of a call that stands gives its place to an INVITE with Replaces: its partner gets the new one's offer."""

    __slots__ = ("_call", "_engine", "_leg", "_new", "_pair", "_partner", "_rejoin")

    def __init__(self, engine: CallTable, leg: Leg) -> None:
        bridge = call_of(leg).bridge
        assert bridge is not None
        self._engine = engine
        self._call = call_of(leg)
        self._leg = leg
        self._partner = bridge.other_of(leg)
        self._new: Leg | None = None
        self._pair: MediaPair | None = None
        self._rejoin: Rejoin | None = None

    def take(self, server: InviteServer, message: Message, dial: Dial, now: float) -> None:
        """The INVITE becomes a leg of the call."""
        leg = self._new = Leg(self._call, dial.origin, INCOMING, dial.caller, self)
        leg.flow = server.source
        leg.record.started_at = self._call.wall(now)
        self._call.legs.append(leg)
        status = take_call(dial.origin.core, server, message, leg, now)
        if status is not None:
            self._engine.drop_leg(leg, status)
            self._call.legs.remove(leg)

    def leg_offered(self, leg: Leg, offer: bytes, now: float) -> None:
        """LegOwner. The INVITE: its offer is the partner's new session."""
        if leg is not self._new or not offer:
            leg.incoming.refuse(488, now) if leg is self._new else leg.handle.refuse_offer(491, now)
            return
        self._leg.owner = self._partner.owner = self
        pair = self._pair = self._call.make_pair(leg, self._partner)
        try:
            session = pair.carry_offer(0, offer)
        except PeerError as error:
            self._fail(error.status_hint, now)
            return
        if not self._partner.handle.change_session(session, now):
            self._fail(491, now)

    def leg_agreed(self, leg: Leg, answer: bytes, now: float) -> None:
        """LegOwner. The partner's answer is the new one's."""
        new, pair = self._new, self._pair
        if leg is not self._partner or new is None or pair is None or new.has_ended:
            return
        try:
            session = pair.carry_answer(1, answer)
        except PeerError as error:
            self._fail(error.status_hint, now)
            return
        self._call.bridge_legs((new, self._partner), pair)
        new.incoming.answer(session, now)
        self._leg.hang_up(now, TRANSFERRED)
        self._call.session_changed(now)

    def _fail(self, status: int, now: float) -> None:
        new, bridge = self._new, self._call.bridge
        if self._pair is not None:
            self._call.drop_pair(self._pair)
        if bridge is not None:
            self._leg.owner = self._partner.owner = bridge
        if new is not None and not new.has_ended:
            new.incoming.refuse(status, now)

    def leg_refused_change(self, leg: Leg, status: int, now: float) -> None:
        """LegOwner."""
        self._fail(status, now)

    def leg_wanted_offer(self, leg: Leg, now: float) -> None:
        """LegOwner."""
        leg.handle.refuse_offer(491, now)

    def leg_alerted(self, leg: Leg, alert: Alert, now: float) -> None:
        """LegOwner."""

    def leg_confirmed(self, leg: Leg, now: float) -> None:
        """LegOwner."""

    def leg_requested(self, leg: Leg, server: ServerTransaction, request: Message, now: float) -> None:
        """LegOwner."""
        server.respond(480, now)

    def leg_referred(self, leg: Leg, referral: Referral, now: float) -> None:
        """LegOwner."""
        referral.refuse(491, now)

    def leg_released(self, leg: Leg, release: Release, now: float) -> None:
        """LegOwner."""
        call, bridge = self._call, self._call.bridge
        call.leg_ended(leg, release, now)
        if leg is self._new:
            if self._pair is not None:
                call.drop_pair(self._pair)
            if bridge is not None and self._leg in bridge.legs:
                self._leg.owner = self._partner.owner = bridge
        elif leg is self._partner:
            self._leg.hang_up(now)
            if self._new is not None and not self._new.has_ended:
                self._new.hang_up(now)


def read_user(uri: bytes) -> bytes:
    """The user part of a URI, unescaped; b"" where there is none."""
    if uri[:4].lower() == b"tel:":
        return uri[4:].partition(b";")[0].translate(None, b"-.()")
    try:
        return unescape(SipUri.parse(uri).user or b"")
    except PeerError:
        return b""
