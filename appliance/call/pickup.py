# SPDX-License-Identifier: Apache-2.0
"""A call that rings elsewhere is taken here: INVITE with Replaces of an early dialog (RFC 3891 3, RFC 5359 2.16).

Caller and picker have both offered: each is answered with what both have in common, and the relay translates the
numbers of formats that differ. Who picks first has it; whoever comes later gets 603 (RFC 3891 3).
"""

from __future__ import annotations

from appliance.call.call import Call, call_of
from appliance.call.call_table import CallTable
from appliance.call.caretaker import Caretaker
from appliance.call.connected_identity import write_connected
from appliance.call.hunt import Hunt
from appliance.call.leg import INCOMING, Leg
from appliance.call.line import Dial
from appliance.call.media_pair import MediaPair
from appliance.call.reasons import ELSEWHERE, write_reason
from appliance.call.transfer import Transfer
from appliance.errors import MisuseError, PeerError
from appliance.native.sip_scanner import Message
from appliance.sdp.crossed_offers import cross_offers, keep_media
from appliance.sdp.parser import parse_session
from appliance.sip.transaction.invite_server import InviteServer
from appliance.ua.call_events import Release
from appliance.ua.call_taking import take_call


class Pickups:
    """Takes INVITEs that pick up a ringing leg."""

    __slots__ = ("_table",)

    def __init__(self, table: CallTable) -> None:
        self._table = table

    def take(self, ringing: Leg, server: InviteServer, message: Message, dial: Dial, now: float) -> None:
        """`ringing` is a branch of a hunt; the INVITE of `server` wants its place."""
        call, hunt = call_of(ringing), ringing.owner
        if not isinstance(hunt, Hunt):
            raise MisuseError("a pickup of what does not ring")
        if not hunt.is_open:
            server.respond(603, now)    # RFC 3891 3: somebody was faster
            return
        transfer = hunt.owner if isinstance(hunt.owner, Transfer) else None     # it rings for who was transferred
        picker = Leg(call, dial.origin, INCOMING, dial.caller, Pickup(call, transfer))
        picker.flow = server.source
        picker.record.started_at = call.wall(now)
        call.legs.append(picker)
        status = take_call(dial.origin.core, server, message, picker, now)
        if status is not None:
            self._table.drop_leg(picker, status)
            call.legs.remove(picker)


class Pickup(Caretaker):
    """One of them at work: owns the picker's leg, and the caller's once nobody rings any more."""

    __slots__ = ("_answers_caller", "_call", "_pair", "_picker", "_transfer")

    def __init__(self, call: Call, transfer: Transfer | None) -> None:
        self._call = call
        self._transfer = transfer
        self._answers_caller = False
        self._pair: MediaPair | None = None
        self._picker: Leg | None = None

    def leg_offered(self, leg: Leg, offer: bytes, now: float) -> None:
        """LegOwner. The picker's INVITE; whoever has offered is answered, whoever has not is offered to."""
        if self._picker is not None:
            leg.handle.refuse_offer(491, now)
            return
        call, self._picker = self._call, leg
        leg.flow = leg.incoming.flow
        try:
            if self._transfer is not None:
                self._transfer.take_picker(leg, offer, now)
            else:
                self._answer(leg, offer, now)
        except PeerError as error:      # it rings on
            call.drop_pair_of(leg)
            leg.incoming.refuse(error.status_hint, now)

    def _answer(self, picker: Leg, offer: bytes, now: float) -> None:
        call = self._call
        if not offer and not call.offer:
            raise PeerError("nobody says what can be spoken", 488)
        pair = self._pair = call.make_pair(call.caller, picker)
        if offer and call.offer:
            caller_session, picker_session = cross(pair, call.offer, offer)
            self._end_ringing(now)
            self._connect(caller_session, now)
            picker.incoming.answer(picker_session, now)
        elif offer:
            session = pair.carry_offer(1, offer)
            self._end_ringing(now)
            self._answers_caller = True
            self._connect(session, now)
            call.caller.owner = picker.owner = self
        else:
            session = pair.carry_offer(0, call.offer)
            self._end_ringing(now)
            call.caller.owner = self
            picker.incoming.answer(session, now)

    def _end_ringing(self, now: float) -> None:
        hunt, self._call.hunt = self._call.hunt, None
        if hunt is not None:
            hunt.stop(now, ELSEWHERE)

    def _connect(self, session: bytes, now: float) -> None:
        assert self._picker is not None
        caller, picker = self._call.caller, self._picker
        caller.handle.dialog.identity = write_connected(caller, picker)
        picker.handle.dialog.identity = write_connected(picker, caller)
        self._call.note(f"picked up by {self._picker.party.number.decode('utf-8', 'replace')}")
        self._call.join(self._picker, session, now)

    def leg_agreed(self, leg: Leg, answer: bytes, now: float) -> None:
        """LegOwner. Of whoever was offered to: the caller in its ACK, or the picker in its own."""
        call, picker, pair = self._call, self._picker, self._pair
        assert pair is not None
        assert picker is not None
        try:
            if self._answers_caller and leg is call.caller:
                picker.incoming.answer(pair.carry_answer(0, answer), now)
                self._hand_over()
            elif leg is picker:
                self._connect(pair.carry_answer(1, answer), now)
        except PeerError as error:
            self._break_off(error.status_hint, now)

    def _hand_over(self) -> None:
        bridge = self._call.bridge
        assert bridge is not None
        for leg in bridge.legs:
            leg.owner = bridge

    def _break_off(self, status: int, now: float) -> None:
        self._call.caller.handle.hang_up(now, b"", status)
        if self._picker is not None and not self._picker.has_ended:
            self._picker.handle.hang_up(now, b"", status)

    def leg_released(self, leg: Leg, release: Release, now: float) -> None:
        """LegOwner. Nobody rings any more: with one of both gone there is no call."""
        call, picker = self._call, self._picker
        is_over = call.caller.owner is self or self._answers_caller
        if is_over:
            call.leg_ended(leg, release, now)
            other = picker if leg is call.caller else call.caller
            if other is not None and not other.has_ended:
                other.handle.hang_up(now, write_reason(release), 480)
        elif self._pair is not None:
            call.drop_pair(self._pair)
        call.end_if_over(now)


def cross(pair: MediaPair, caller_offer: bytes, picker_offer: bytes) -> tuple[bytes, bytes]:
    """Both have offered: what the caller (side 0) and the picker are answered. PeerError, 488: nothing in common."""
    first, second = parse_session(caller_offer), parse_session(picker_offer)
    crossed = cross_offers(first, second)
    pair.expect(1, second)
    to_second = pair.carry_offer(0, bytes(crossed.first))
    to_first = pair.carry_answer(1, bytes(crossed.second))
    pair.translate(crossed.formats)
    return to_first, keep_media(to_second, len(second.media))
