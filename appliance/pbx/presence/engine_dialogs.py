# SPDX-License-Identifier: Apache-2.0
"""The dialogs of phones with the call engine, which is the other end of each: satisfies `DialogSource`. Call-ID and
tags are those of the phone's own leg, so that Replaces with them finds it (RFC 3891). Reads alone.
"""

from collections.abc import Callable, Iterator

from appliance.call.call import CALLING, ENDED, Call, call_of
from appliance.call.engine import CallEngine
from appliance.call.leg import INCOMING, Leg
from appliance.call.party import Party
from appliance.pbx.presence.observed_dialog import (
    ChangedCall,
    ObservedDialog,
    Participant,
    explain_end,
    explain_refusal,
)
from appliance.sdp.direction import is_held_session
from appliance.sip.grammar import escape_user
from appliance.ua.dialog import Dialog
from appliance.ua.outgoing_invite import OutgoingInvite


class EngineDialogs:
    """engine: whose calls they are; domain: of the office."""

    __slots__ = ("_engine", "domain")

    def __init__(self, engine: CallEngine, domain: bytes) -> None:
        self._engine = engine
        self.domain = domain

    def on_change(self, listener: Callable[[ChangedCall], None]) -> None:
        """Have every change of a call told."""
        self._engine.on_change(listener)

    def extensions_of(self, call: ChangedCall) -> set[bytes]:
        """Whose lamps may have changed."""
        return {leg.party.number for leg in office_legs(call)}

    def dialogs_in(self, call: ChangedCall, extension: bytes, now: float) -> Iterator[ObservedDialog]:
        """The dialogs of an extension in this call."""
        for leg in office_legs(call):
            if leg.party.number == extension and leg.usage is not None:
                yield self._observe(leg, now)

    def dialogs_of(self, extension: bytes, now: float) -> Iterator[ObservedDialog]:
        """Every dialog of an extension that has not ended, oldest first."""
        for call in tuple(self._engine.calls.values()):
            for leg in office_legs(call):
                if leg.party.number == extension and leg.usage is not None and not leg.has_ended:
                    yield self._observe(leg, now)

    def is_talking(self, extension: bytes) -> bool:
        """Whether it is in a call that was answered."""
        return any(leg.party.number == extension and is_answered(leg) and not leg.has_ended
                   for call in self._engine.calls.values() if call.answered_at for leg in office_legs(call))

    def has_ended(self, call: ChangedCall) -> bool:
        """Whether nothing more will change in it."""
        return isinstance(call, Call) and call.state is ENDED

    def _observe(self, leg: Leg, now: float) -> ObservedDialog:
        dialog, call = find_dialog(leg), call_of(leg)
        state, cause = decide_state(leg)
        is_known = bool(dialog.remote_tag)
        local = Participant(self._write_uri(leg.party.number), dialog.remote_target or None if is_known else None,
                            is_rendering=not is_holding(leg))
        return ObservedDialog(dialog.local_tag, dialog.call_id, dialog.remote_tag, dialog.local_tag,
                              leg.direction == INCOMING, state, cause, (call.ended_at or now) - call.started_at, local,
                              self._describe_partner(leg))

    def _describe_partner(self, leg: Leg) -> Participant:
        """Who the phone talks to, as its display has it."""
        party = find_partner(leg)
        if party.is_private:
            return Participant(b"sip:anonymous@anonymous.invalid")      # RFC 3323 4.1.1.3
        return Participant(self._write_uri(party.number), None, party.name)

    def _write_uri(self, number: bytes) -> bytes:
        return b"sip:%b@%b" % (escape_user(number), self.domain)


def office_legs(call: ChangedCall) -> list[Leg]:
    """The legs of phones of the office."""
    if not isinstance(call, Call):
        return []
    return [leg for leg in call.legs if not leg.line.is_trunk and not leg.party.domain]


def find_partner(leg: Leg) -> Party:
    """Whoever is at the other end: of a call that nobody has answered, whom it is for, or who calls."""
    call = call_of(leg)
    if call.bridge is not None and leg in call.bridge.legs:
        return call.bridge.other_of(leg).party
    return Party(call.dial.dialled) if leg is call.caller else call.caller.party


def find_dialog(leg: Leg) -> Dialog:
    """The phone's dialog with us; an early one before its answer (12.1), half of one before that."""
    usage = leg.handle
    early = usage.early_dialogs if isinstance(usage, OutgoingInvite) and not leg.is_confirmed else []
    return early[0] if early else usage.dialog


def is_answered(leg: Leg) -> bool:
    """Whether the phone is in a confirmed dialog: the caller's from our 2xx on (12.1.1), not from its ACK."""
    call = call_of(leg)
    return leg.is_confirmed or (leg is call.caller and bool(call.answered_at) and call.bridge is not None)


def is_holding(leg: Leg) -> bool:
    """Whether its user has put the call on hold: the phone wants to hear nothing (RFC 3264 8.4)."""
    bridge = call_of(leg).bridge
    if bridge is None or leg not in bridge.legs or leg.has_ended:
        return False
    session = bridge.pair.description_of(bridge.side_of(leg))
    return session is not None and is_held_session(session)


def decide_state(leg: Leg) -> tuple[bytes, bytes]:
    """State of the phone's dialog (RFC 4235 figure 3), and for a terminated one its event and code (4.1.2)."""
    if leg.has_ended:
        return _decide_end(leg)
    if is_answered(leg):
        return b"confirmed", b""
    if leg.direction == INCOMING:
        return (b"proceeding" if call_of(leg).state is CALLING else b"early"), b""
    if leg.status < 180:
        return b"trying", b""
    return (b"early" if find_dialog(leg).remote_tag else b"proceeding"), b""


def _decide_end(leg: Leg) -> tuple[bytes, bytes]:
    reason = leg.record.reason
    if is_answered(leg):
        return explain_end(True if reason == "peer_left" else False if reason == "we_left" else None)
    if leg.direction == INCOMING or leg.status >= 300:
        return explain_refusal(487 if reason == "cancelled" else leg.status)
    return b"terminated", b' event="cancelled"'
