# SPDX-License-Identifier: Apache-2.0
"""A call that moves to somebody else, blind (RFC 5589 6) or attended (7), also while the consultation still rings.

We act on it ourselves: REFER goes to no other leg, whoever is there. One object for each transfer under way.
"""

from __future__ import annotations

from typing import Final

from appliance.call.bridge import Bridge
from appliance.call.call import Call, call_of
from appliance.call.caretaker import Caretaker
from appliance.call.connected_identity import write_connected
from appliance.call.hunt import Hunt
from appliance.call.hunt_owner import Failure
from appliance.call.leg import INCOMING, Leg
from appliance.call.line import Destination, Dial, Refused
from appliance.call.media_pair import MediaPair
from appliance.call.reasons import ELSEWHERE, write_reason
from appliance.call.rejoin import Rejoin, wake_session
from appliance.call.restoration import restore_bridge
from appliance.errors import PeerError
from appliance.ua.call_events import Alert, Release
from appliance.ua.referral import Referral

FAREWELL_S: Final = 2.0
"""The transferor hangs up when it has heard of the success (RFC 5589 6.1); one that does not is let go."""
TRANSFERRED: Final = b'Reason: SIP;cause=200;text="Transferred"\r\n'


class Transfer(Caretaker):
    """One REFER at work. bridge: the call in which it was asked; transferor: who asked, the other leg of it is moved.

    Owns the transferor's and the moved leg while it lasts; satisfies hunt.HuntOwner and rejoin.RejoinOwner.
    """

    __slots__ = ("_alarm", "_bridge", "_call", "_hunt", "_is_done", "_is_recall", "_moved", "_referral", "_rejoin",
                 "_replaced", "_successors", "_transferor")

    def __init__(self, call: Call, bridge: Bridge, transferor: Leg, referral: Referral) -> None:
        self._call = call
        self._bridge = bridge
        self._transferor = transferor
        self._moved = bridge.other_of(transferor)
        self._referral = referral
        self._alarm = call.services.alarm()
        self._hunt: Hunt | None = None
        self._rejoin: Rejoin | None = None
        self._replaced: Leg | None = None   # of the transferor too: its consultation
        self._is_recall = False
        self._is_done = False
        self._successors: set[Leg] = set()      # branches that were offered the transferor's place
        transferor.owner = self._moved.owner = self

    # blind

    def ring(self, dial: Dial, groups: list[list[Destination]], now: float) -> None:
        """Call the target; who is moved waits."""
        self._hunt = Hunt(self._call, dial, groups, self)
        self._hunt.start(now)

    def prepare_offer(self, branch: Leg, now: float) -> bytes:
        """HuntOwner. What the moved one has said last, without the hold that it is in. Where the target can have the
        transferor's place at our ports, who is moved need not be told anything."""
        session = wake_session(self._moved.handle.exchange.remote)
        bridge = self._bridge
        side, end = bridge.side_of(self._transferor), branch.media_end()
        if not branch.line.is_trunk and bridge.pair.may_hand_over(side, end):
            branch.origin = self._call.services.new_origin(end.host)
            self._successors.add(branch)
            return bridge.pair.offer_instead(side, session, branch.origin)
        return self._call.make_pair(self._moved, branch).carry_offer(0, session)

    def branch_alerted(self, branch: Leg, alert: Alert, now: float) -> None:
        """HuntOwner. The transferor hears of it; who is moved has no early dialog to hear it in."""
        if not self._is_recall and self._referral.status != alert.status:
            self._referral.report(alert.status, b"", now)

    def branch_offered(self, branch: Leg, offer: bytes, now: float) -> None:
        """HuntOwner. In the 2xx to a consultation that left the offer to the target; before the answer nothing
        changes."""
        if not branch.handle.is_answering:
            branch.handle.refuse_offer(491, now)
            return
        self._hunt = None
        pair = self._call.make_pair(self._moved, branch)
        try:
            session = pair.carry_offer(1, offer)
        except PeerError as error:
            self._give_up_target(branch, pair, error.status_hint, now)
            return
        self._begin_rejoin(branch, pair).start_telling(session, now)

    def branch_agreed(self, branch: Leg, answer: bytes, now: float) -> None:
        """HuntOwner."""

    def branch_refused_change(self, branch: Leg, status: int, now: float) -> None:
        """HuntOwner."""

    def branch_answered(self, branch: Leg, now: float) -> None:
        """HuntOwner. The target is there: who is moved hears of its session."""
        self._hunt = None
        branch.flow = branch.handle.flow or branch.flow
        if branch in self._successors and self._succeed(branch, now):
            return
        pair = self._call.find_pair(branch)
        if pair is None:        # it rang for the transferor: its session is not with who is moved yet
            self._begin_rejoin(branch, self._call.make_pair(self._moved, branch)).start(now)
            return
        pair.ends[1] = branch.media_end()
        try:
            session = pair.carry_answer(1, branch.handle.exchange.remote)
        except PeerError as error:
            self._give_up_target(branch, pair, error.status_hint, now)
            return
        self._begin_rejoin(branch, pair).start_telling(session, now)

    def _succeed(self, target: Leg, now: float) -> bool:
        """The target takes the transferor's place between the same ports."""
        bridge, origin = self._bridge, target.origin
        side = bridge.side_of(self._transferor)
        try:
            if origin is None or not (bridge.pair.may_hand_over(side, target.media_end()) and bridge.pair.hand_over(
                    side, target.media_end(), origin, target.handle.exchange.remote)):
                return False
        except PeerError as error:
            target.hang_up(now)
            self._fail(error.status_hint, now)
            return True
        self._is_done = True
        identity = self._moved.handle.dialog.identity = write_connected(self._moved, target)
        if identity:
            self._moved.handle.announce(now)
        self._finish((target, self._moved) if side == 0 else (self._moved, target), bridge.pair, now)
        return True

    def _begin_rejoin(self, target: Leg, pair: MediaPair) -> Rejoin:
        target.owner = self
        self._bridge.pair.mute(self._bridge.side_of(self._moved))
        self._rejoin = Rejoin(self._call, (self._moved, target), pair, self)
        return self._rejoin

    def _give_up_target(self, target: Leg, pair: MediaPair, status: int, now: float) -> None:
        target.owner = self
        target.hang_up(now)
        self._call.drop_pair(pair)
        self._fail(status, now)

    def branch_ended(self, branch: Leg, now: float) -> None:
        """HuntOwner."""
        self._call.drop_pair_of(branch)
        self._call.end_if_over(now)

    def hunt_failed(self, failure: Failure, now: float) -> None:
        """HuntOwner. Nobody there: the transferor gets the call back, or is rung if it has left."""
        self._hunt = None
        self._fail(failure.status, now)

    def take_picker(self, picker: Leg, offer: bytes, now: float) -> None:
        """The ringing target is picked up: who does it is the target. PeerError: nothing that we carry; it rings on."""
        pair = self._call.make_pair(self._moved, picker)
        try:
            session = pair.carry_offer(1, offer) if offer else pair.carry_offer(
                0, wake_session(self._moved.handle.exchange.remote))
        except PeerError:
            self._call.drop_pair(pair)
            raise
        hunt, self._hunt = self._hunt, None
        picker.owner = self
        if hunt is not None:
            hunt.stop(now, ELSEWHERE)
        if offer:
            self._begin_rejoin(picker, pair).start_telling(session, now)
        else:
            picker.incoming.answer(session, now)

    def _take_picked(self, picker: Leg, answer: bytes, now: float) -> None:
        """A picker who had left the offer to us answers in its ACK."""
        pair = self._call.find_pair(picker)
        if pair is None or self._rejoin is not None:
            return
        try:
            self._begin_rejoin(picker, pair).start_telling(pair.carry_answer(1, answer), now)
        except PeerError as error:
            self._give_up_target(picker, pair, error.status_hint, now)

    # attended

    def join(self, replaced: Leg, now: float) -> None:
        """Connect with whom the transferor speaks on the leg that is replaced."""
        other_call = call_of(replaced)
        bridge = replaced.owner
        assert isinstance(bridge, Bridge)
        target = bridge.other_of(replaced)
        self._replaced = replaced
        replaced.owner = target.owner = _Consultation(bridge)
        target.move(self._call)
        self._note_merger(other_call)
        for former, leg in ((self._bridge, self._moved), (bridge, target)):
            former.pair.mute(former.side_of(leg))
        self._rejoin = Rejoin(self._call, (self._moved, target), self._call.make_pair(self._moved, target), self)
        self._rejoin.start(now)

    def take_hunt(self, consulting: Leg, now: float) -> None:
        """Whom the transferor is calling on this leg rings on for who is moved (RFC 5589 7.6 as phones mean it)."""
        other_call = call_of(consulting)
        hunt, other_call.hunt = other_call.hunt, None
        assert hunt is not None
        self._replaced, self._hunt = consulting, hunt
        hunt.move(self._call, self)
        self._note_merger(other_call)
        if any(branch.is_ringing for branch in hunt.branches):
            self._referral.report(180, b"", now)

    def _note_merger(self, other_call: Call) -> None:
        """The other call goes on in this one; a call for help stays one, whose line nobody takes away."""
        other_call.note(f"transferred to call {self._call.number}")
        self._call.record.is_emergency |= other_call.record.is_emergency
        other_call.directory.tell(other_call)

    # rejoin.RejoinOwner

    def rejoined(self, rejoin: Rejoin, now: float) -> None:
        """RejoinOwner. They hear one another."""
        self._finish(rejoin.legs, rejoin.pair, now)

    def _finish(self, legs: tuple[Leg, Leg], pair: MediaPair, now: float) -> None:
        call = self._call
        call.bridge_legs(legs, pair)
        self._note_transfer(legs[0] if legs[1] is self._moved else legs[1])
        if not self._is_recall:
            self._referral.report(200, b"", now)
        self._end_consultation(487, now)
        if not self._transferor.has_ended:
            self._alarm.set(now + FAREWELL_S, self._let_go)
        call.session_changed(now)

    def _note_transfer(self, target: Leg) -> None:
        """The record: who talks now is not who talked before, and who wanted it so."""
        record, moved = self._call.record, self._moved
        number = target.party.number.decode("utf-8", "replace")
        self._transferor.record.reason = "called back" if self._is_recall else f"transferred to {number}"
        if self._call.caller in (moved, target):
            partner = target if moved is self._call.caller else moved
            record.callee = partner.party.number.decode("utf-8", "replace") or record.callee
        for leg in (moved, target):
            if leg.line.is_trunk and not record.trunk:
                record.trunk = leg.line.name

    def _let_go(self, now: float) -> None:
        self._transferor.hang_up(now, TRANSFERRED)

    def _end_consultation(self, status: int, now: float) -> None:
        """The leg on which the transferor spoke with the target, or was calling it."""
        leg, self._replaced = self._replaced, None
        if leg is not None and not leg.has_ended:
            leg.handle.hang_up(now, TRANSFERRED if status == 487 else b"", status)

    def rejoin_failed(self, rejoin: Rejoin, status: int, now: float) -> None:
        """RejoinOwner. One of them has left, or would not have it."""
        target, replaced = rejoin.legs[1], self._replaced
        self._rejoin = None
        consultation = target.owner
        if isinstance(consultation, _Consultation) and replaced is not None and not (
                replaced.has_ended or target.has_ended):
            self._replaced = None
            self._call.drop_pair(rejoin.pair)
            consultation.restore(target, rejoin, now)
        else:
            target.hang_up(now)
            self._call.drop_pair(rejoin.pair)
        self._fail(status, now)
        if self._moved.owner is self._bridge:
            restore_bridge(self._bridge, rejoin, now)

    # the end of a transfer that came to nothing

    def _fail(self, status: int, now: float) -> None:
        moved, transferor = self._moved, self._transferor
        if not self._is_recall:
            self._referral.report(status, b"", now)
        self._end_consultation(status, now)
        if moved.has_ended:
            transferor.hang_up(now)
        elif not transferor.has_ended:
            moved.owner = transferor.owner = self._bridge
        elif self._is_recall or not transferor.extension:
            self._drop_moved(status, now)
        else:
            self._recall(now)

    def _drop_moved(self, status: int, now: float) -> None:
        self._call.note("transferred to nobody who answered")
        self._moved.hang_up(now, b"Reason: SIP;cause=%d\r\n" % status)

    def _recall(self, now: float) -> None:
        """Who transferred and left is rung: the caller is not thrown away."""
        self._is_recall = True
        moved, number = self._moved, self._transferor.extension
        uri = b"sip:%s@%s" % (number, self._transferor.line.core.profile.aor.partition(b":")[2])
        dial = Dial(number, uri, moved.line, moved.party, number)
        verdict = self._call.services.router.follow(dial, uri, now)
        if isinstance(verdict, Refused):
            self._drop_moved(verdict.status, now)
        else:
            self.ring(dial, verdict, now)

    # leg.LegOwner, for the transferor and who is moved

    def leg_offered(self, leg: Leg, offer: bytes, now: float) -> None:
        """LegOwner. A hold or resume while the target rings: between the two as before."""
        if self._may_talk(leg):
            self._bridge.leg_offered(leg, offer, now)
        else:
            leg.handle.refuse_offer(491, now)

    def leg_wanted_offer(self, leg: Leg, now: float) -> None:
        """LegOwner."""
        if self._may_talk(leg):
            self._bridge.leg_wanted_offer(leg, now)
        else:
            leg.handle.refuse_offer(491, now)

    def _may_talk(self, leg: Leg) -> bool:
        """Whether it may still change its session with the other one of the two."""
        legs = self._bridge.legs
        return self._rejoin is None and not self._is_done and leg in legs and not any(one.has_ended for one in legs)

    def leg_agreed(self, leg: Leg, answer: bytes, now: float) -> None:
        """LegOwner. To an offer that was under way when the transfer was asked for: the hold."""
        if self._is_done:
            return
        if leg in self._bridge.legs:
            self._bridge.leg_agreed(leg, answer, now)
        else:
            self._take_picked(leg, answer, now)

    def leg_refused_change(self, leg: Leg, status: int, now: float) -> None:
        """LegOwner."""
        if leg in self._bridge.legs and not self._is_done:
            self._bridge.leg_refused_change(leg, status, now)

    def leg_released(self, leg: Leg, release: Release, now: float) -> None:
        """LegOwner. The transferor may leave; without who is moved there is nothing to transfer."""
        if leg is self._moved:
            self._call.leg_ended(leg, release, now)
            if self._hunt is not None:
                hunt, self._hunt = self._hunt, None
                hunt.stop(now, write_reason(release))
                self._referral.report(487, b"", now)
                self._end_consultation(487, now)
            self._transferor.hang_up(now, write_reason(release))
        elif leg is self._transferor:
            self._alarm.clear()
            if self._moved.has_ended:
                self._call.leg_ended(leg, release, now)
        elif self._hunt is None and self._rejoin is None and leg.direction == INCOMING:
            self._call.drop_pair_of(leg)
            self._fail(487, now)    # a picker who has changed his mind
        self._call.end_if_over(now)


class _Consultation(Caretaker):
    """Owns both legs of the call that the transferor had with the target while that target is being moved: until then
    they may end, and what they have changed before goes on."""

    __slots__ = ("_bridge",)

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge

    def leg_agreed(self, leg: Leg, answer: bytes, now: float) -> None:
        """LegOwner."""
        self._bridge.leg_agreed(leg, answer, now)

    def leg_refused_change(self, leg: Leg, status: int, now: float) -> None:
        """LegOwner."""
        self._bridge.leg_refused_change(leg, status, now)

    def leg_released(self, leg: Leg, release: Release, now: float) -> None:
        """LegOwner. The transferor's end may go at once; the target's end is told by the rejoin too."""
        call_of(leg).leg_ended(leg, release, now)

    def restore(self, target: Leg, failed: Rejoin, now: float) -> None:
        """The target talks to the transferor again, in its own call."""
        other_call = call_of(self._bridge.other_of(target))
        target.move(other_call)
        other_call.directory.tell(other_call)
        restore_bridge(self._bridge, failed, now)
