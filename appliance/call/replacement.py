# SPDX-License-Identifier: Apache-2.0
"""INVITE with Replaces (RFC 3891): somebody takes the place of a leg that stands, or picks up a call that rings.

Who may: a ringing call every extension of the office (RFC 5359 2.16), a call that stands only the extension that is in
it, from another of its phones (RFC 3891 8). Carriers and other domains take nothing over here.
"""

from __future__ import annotations

from typing import Final

from appliance.call.bridge import Bridge
from appliance.call.call import Call, call_of
from appliance.call.call_table import CallTable
from appliance.call.caretaker import Caretaker
from appliance.call.hunt import Hunt
from appliance.call.leg import INCOMING, Leg
from appliance.call.line import Dial
from appliance.call.media_pair import MediaPair
from appliance.call.pickup import Pickups
from appliance.call.rejoin import Rejoin, wake_session
from appliance.call.restoration import restore_bridge
from appliance.errors import PeerError
from appliance.native.sip_scanner import Message
from appliance.sip.transaction.invite_server import InviteServer
from appliance.ua.call_events import Release
from appliance.ua.call_taking import take_call
from appliance.ua.replacement import find_replaced
from appliance.ua.replaces import read_replaces_of

PICKUP_CODE: Final = b"*8"
REPLACED_LINES: Final = b'Reason: SIP;cause=200;text="Call completed elsewhere"\r\n'


class Replacements:
    """Takes INVITEs with Replaces for the engine."""

    __slots__ = ("_pickups", "_table")

    def __init__(self, table: CallTable, pickups: Pickups) -> None:
        self._table = table
        self._pickups = pickups

    def take_starred(self, server: InviteServer, message: Message, dial: Dial, now: float) -> bool:
        """*8 and an extension picks up what rings there longest, *8 alone what rings longest anywhere in the office;
        False where it is no such call."""
        extension = dial.dialled[2:]
        if dial.dialled[:2] != PICKUP_CODE or not dial.extension or dial.is_elsewhere:
            return False
        ringing = self._find_ringing(extension)
        if ringing is not None:
            self._pickups.take(ringing, server, message, dial, now)
        return ringing is not None

    def _find_ringing(self, extension: bytes) -> Leg | None:
        for call in self._table.calls.values():
            for leg in call.legs:
                if leg.is_ringing and leg.extension and leg.extension == (extension or leg.extension) \
                        and isinstance(leg.owner, Hunt) and leg.owner.is_open:
                    return leg
        return None

    def take(self, server: InviteServer, message: Message, dial: Dial, now: float) -> None:
        """Act on it, or refuse it as RFC 3891 3 says."""
        found = self._find(message, dial)
        if isinstance(found, int):
            server.respond(found, now)
        elif isinstance(found.owner, Hunt):
            self._pickups.take(found, server, message, dial, now)
        elif found.extension != dial.extension:
            server.respond(403, now)    # RFC 3891 8: a dialog's identifiers are no proof
        elif isinstance(found.owner, Bridge) and all(leg.is_confirmed for leg in found.owner.legs):
            Replacement(self._table, found, found.owner).take(server, message, dial, now)
        else:
            server.respond(491, now)

    @staticmethod
    def _find(message: Message, dial: Dial) -> Leg | int:
        try:
            replaces = read_replaces_of(message)
        except PeerError as error:
            return error.status_hint
        if replaces is None or not dial.extension:
            return 481
        found = find_replaced(replaces, dial.origin.core.dialogs)
        if isinstance(found, int):
            return found
        leg = found.events
        return leg if isinstance(leg, Leg) and not leg.line.is_trunk else 481


class Replacement(Caretaker):
    """One leg at work to take the place of another: its session goes to the partner, who is side 0. Satisfies
    rejoin.RejoinOwner."""

    __slots__ = ("_bridge", "_call", "_new", "_pair", "_partner", "_replaced", "_table")

    def __init__(self, table: CallTable, replaced: Leg, bridge: Bridge) -> None:
        self._table = table
        self._call: Call = call_of(replaced)
        self._bridge = bridge
        self._replaced = replaced
        self._partner = bridge.other_of(replaced)
        self._new: Leg | None = None
        self._pair: MediaPair | None = None

    def take(self, server: InviteServer, message: Message, dial: Dial, now: float) -> None:
        """The INVITE becomes a leg of the call."""
        leg = self._new = Leg(self._call, dial.origin, INCOMING, dial.caller, self)
        leg.flow = server.source
        leg.record.started_at = self._call.wall(now)
        self._call.legs.append(leg)
        self._replaced.owner = self._partner.owner = self
        status = take_call(dial.origin.core, server, message, leg, now)
        if status is not None:
            self._table.drop_leg(leg, status)
            self._call.legs.remove(leg)
            self._fail(status, now)

    def leg_offered(self, leg: Leg, offer: bytes, now: float) -> None:
        """LegOwner. The INVITE: its offer is the partner's new session; one without is offered the partner's."""
        if leg is not self._new:
            leg.handle.refuse_offer(491, now)
            return
        pair = self._pair = self._call.make_pair(self._partner, leg)
        try:
            if offer:
                self._tell_partner(pair.carry_offer(1, offer), now)
            else:
                leg.incoming.answer(pair.carry_offer(0, wake_session(self._partner.handle.exchange.remote)), now)
        except PeerError as error:
            self._fail(error.status_hint, now)

    def _tell_partner(self, session: bytes, now: float) -> None:
        new, pair = self._new, self._pair
        assert new is not None
        assert pair is not None
        self._bridge.pair.mute(self._bridge.side_of(self._partner))
        Rejoin(self._call, (self._partner, new), pair, self).start_telling(session, now)

    def leg_agreed(self, leg: Leg, answer: bytes, now: float) -> None:
        """LegOwner. The new one's answer in its ACK; or to what was under way before."""
        if leg is not self._new:
            self._bridge.leg_agreed(leg, answer, now)
            return
        assert self._pair is not None
        try:
            self._tell_partner(self._pair.carry_answer(1, answer), now)
        except PeerError as error:
            self._fail(error.status_hint, now)

    def leg_refused_change(self, leg: Leg, status: int, now: float) -> None:
        """LegOwner. Of what was under way before."""
        self._bridge.leg_refused_change(leg, status, now)

    def rejoined(self, rejoin: Rejoin, now: float) -> None:
        """RejoinOwner. The partner has agreed: the new one is in, the old one out."""
        self._call.bridge_legs(rejoin.legs, rejoin.pair)
        self._replaced.record.reason = self._replaced.record.reason or "replaced"
        self._replaced.hang_up(now, REPLACED_LINES)
        self._call.session_changed(now)

    def rejoin_failed(self, rejoin: Rejoin, status: int, now: float) -> None:
        """RejoinOwner."""
        self._fail(status, now)
        if not self._replaced.has_ended and not self._partner.has_ended:
            restore_bridge(self._bridge, rejoin, now)

    def _fail(self, status: int, now: float) -> None:
        """It stays as it was."""
        new = self._new
        if self._pair is not None:
            self._call.drop_pair(self._pair)
        for leg in self._bridge.legs:
            if leg.owner is self:
                leg.owner = self._bridge
        if self._replaced.has_ended:
            self._partner.hang_up(now)
        if new is not None and not new.has_ended:
            new.handle.hang_up(now, b"", status)

    def leg_released(self, leg: Leg, release: Release, now: float) -> None:
        """LegOwner. Without the partner there is nothing to be in."""
        call, new = self._call, self._new
        if leg is self._partner:
            call.leg_ended(leg, release, now)
            self._replaced.hang_up(now)
            if new is not None:
                new.hang_up(now)
            return
        if leg is new and self._replaced.has_ended:
            self._partner.hang_up(now)
        elif leg is new and leg.owner is self:
            self._fail(release.status or 487, now)
        elif leg is self._replaced and (new is None or new.has_ended):
            self._partner.hang_up(now)
        call.end_if_over(now)
