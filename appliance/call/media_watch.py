# SPDX-License-Identifier: Apache-2.0
"""What the relay says of the calls' media: figures for the records, silence, sessions lost and found.

It satisfies rtp.relaying.MediaRelayUser for the engine and changes the calls it speaks to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from appliance.call.call import Call, call_of
from appliance.call.call_table import CallTable
from appliance.call.leg import Leg
from appliance.call.media_pair import MediaPair
from appliance.call.reasons import MEDIA_LOST
from appliance.call.rejoin import Rejoin
from appliance.call.sound import name_codec
from appliance.native.sip_scanner import Message
from appliance.rtp.relaying import DirectionFigures, Figures, RelayedSession
from appliance.ua.alarm import Alarm
from appliance.ua.outgoing_request import OutgoingRequest

PROBE_S: Final = 20.0
"""A silent leg that does not answer a question within this time is taken for dead."""


class MediaWatch:
    """figures: of calls in progress, by relay session, as last told."""

    __slots__ = ("_engine", "_records", "_waiting", "figures")

    def __init__(self, engine: CallTable) -> None:
        self._engine = engine
        self._records: dict[str, tuple[Call, Leg | None, Leg | None]] = {}
        self._waiting: dict[Call, Alarm] = {}
        self.figures: dict[str, Figures] = {}

    def expect(self, call: Call, pair: MediaPair, sessions: list[str]) -> None:
        """These sessions were closed; their figures go to the legs that the pair joined."""
        first, second = call.legs_of(pair)
        note_codec(pair, first, second)
        for session in sessions:
            self._records[session] = (call, first, second)

    def await_figures(self, call: Call, deadline: float) -> None:
        """A call that has ended: its record is kept once its media have been told of, or at this time."""
        alarm = self._waiting[call] = self._engine.services.alarm()
        alarm.set(deadline, lambda now: self._keep(call))

    def _keep(self, call: Call) -> None:
        alarm = self._waiting.pop(call, None)
        if alarm is not None:
            alarm.clear()
            for session in call.waiting_media:
                self._records.pop(session, None)
                self.figures.pop(session, None)
            call.waiting_media.clear()
            self._engine.records.keep(call.record)

    @property
    def is_idle(self) -> bool:
        """Whether no record waits."""
        return not self._waiting

    def flush(self) -> None:
        """Keep every record now."""
        for call in tuple(self._waiting):
            self._keep(call)

    # MediaRelayUser

    def session_closed(self, session: str, figures: Figures, now: float) -> None:
        """MediaRelayUser."""
        self.figures.pop(session, None)
        call, first, second = self._records.pop(session, (None, None, None))
        if call is None:
            return
        if session.endswith("/0"):      # the first stream is the voice
            for leg, received, sent in ((first, *figures), (second, *figures[::-1])):
                if leg is not None:
                    leg.note_media(received, sent)
        call.waiting_media.discard(session)
        if not call.waiting_media and call in self._waiting:
            self._keep(call)

    def figures_told(self, session: str, figures: Figures, now: float) -> None:
        """MediaRelayUser."""
        self.figures[session] = figures
        if not session.endswith("/0"):
            return
        for side, leg in enumerate((self._find_leg(session, 0)[1], self._find_leg(session, 1)[1])):
            bridge = call_of(leg).bridge if leg is not None else None
            if leg is not None and bridge is not None:
                note_codec(bridge.pair, leg)
                leg.sound.note(figures[side], figures[1 - side].sent)

    def leg_silent(self, session: str, side: int, figures: DirectionFigures, now: float) -> None:
        """MediaRelayUser. A phone that was heard and says nothing any more may be unplugged: it is asked. One that has
        never said anything has no voice to lose: a call without media is nobody's fault, and the session timer's."""
        call, leg = self._find_leg(session, side)
        if call is None or leg is None:
            return
        call.note_silence(leg, figures, now)
        if session.endswith("/0") and figures.packets and leg.is_confirmed and not leg.has_ended:
            Probe(self._engine, call, leg).start(now)

    def leg_heard(self, session: str, side: int, now: float) -> None:
        """MediaRelayUser."""
        call, leg = self._find_leg(session, side)
        if call is not None and leg is not None:
            call.note_voice(leg, now)

    def session_silent(self, session: str, now: float) -> None:
        """MediaRelayUser. The probes decide."""

    def session_refused(self, session: str, reason: str, now: float) -> None:
        """MediaRelayUser. A call without media is told why."""
        call, _leg = self._find_leg(session, 0)
        self._engine.services.journal.record("media_refused", session=session, reason=reason)
        if call is not None:
            call.note(f"media: {reason}")
        if session in self._records:    # a close of what was never opened
            self.session_closed(session, (NO_FIGURES, NO_FIGURES), now)

    def relay_found(self, sessions: Sequence[RelayedSession], now: float) -> None:
        """MediaRelayUser. Sessions of no call are closed; calls whose sessions are gone get new ones."""
        found = {one.session for one in sessions}
        wanted: set[str] = set()
        for call in tuple(self._engine.calls.values()):
            mine = {name for pair in call.pairs for name in pair.list_sessions()}
            wanted |= mine
            if mine - found:
                self._renew(call, now)
        for name in sorted(found - wanted):
            self._engine.services.relay.close_session(name)

    def relay_lost(self, now: float) -> None:
        """MediaRelayUser. Records do not wait for what nobody will say; new media come with `relay_found`."""
        self.flush()

    def _renew(self, call: Call, now: float) -> None:
        bridge = call.bridge
        if bridge is None or not all(leg.is_confirmed for leg in bridge.legs):
            call.note("the media relay was lost")
            call.hang_up(now, MEDIA_LOST)
            return
        Rejoin(call, bridge.legs, call.renew_pair(), MediaRenewed(call)).start(now)

    def _find_leg(self, session: str, side: int) -> tuple[Call | None, Leg | None]:
        number = session.split(".")[1] if session.count(".") == 2 else ""
        call = self._engine.calls.get(int(number)) if number.isdigit() else None
        if call is None:
            return None, None
        name = session.rpartition("/")[0]
        for pair in call.pairs:
            if pair.name == name:
                return call, call.legs_of(pair)[side]
        return None, None


def note_codec(pair: MediaPair, *legs: Leg | None) -> None:
    """What is spoken on these legs of a pair."""
    codec = name_codec(pair)
    for leg in legs:
        if leg is not None and codec:
            leg.sound.codec = codec


NO_FIGURES: Final = DirectionFigures(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.0, None, 0, None, "", None, None, None)


class MediaRenewed:
    """Satisfies rejoin.RejoinOwner for a call whose relay was lost."""

    __slots__ = ("_call",)

    def __init__(self, call: Call) -> None:
        self._call = call

    def rejoined(self, rejoin: Rejoin, now: float) -> None:
        """The voices are back."""
        self._call.bridge_legs(rejoin.legs, rejoin.pair)
        self._call.session_changed(now)

    def rejoin_failed(self, rejoin: Rejoin, status: int, now: float) -> None:
        """One of them would not have it."""
        self._call.note("the media relay was lost")
        self._call.hang_up(now, MEDIA_LOST)


class Probe:
    """Is anybody there? An OPTIONS inside the dialog (RFC 3261 11); no answer ends the call, on both sides."""

    __slots__ = ("_alarm", "_call", "_engine", "_leg")

    def __init__(self, engine: CallTable, call: Call, leg: Leg) -> None:
        self._engine = engine
        self._call = call
        self._leg = leg
        self._alarm = engine.services.alarm()

    def start(self, now: float) -> None:
        """Ask."""
        self._alarm.set(now + PROBE_S, self._bury)
        self._leg.handle.send_inside(b"OPTIONS", b"", b"", b"", self, now)

    def provisional_received(self, request: OutgoingRequest, response: Message, now: float) -> None:
        """RequestOwner."""

    def request_succeeded(self, request: OutgoingRequest, response: Message, now: float) -> None:
        """RequestOwner. Alive: it may be mute."""
        self._alarm.clear()

    def request_refused(self, request: OutgoingRequest, status: int, response: Message | None, now: float) -> None:
        """RequestOwner. Whoever answers is alive, unless he knows nothing of the call (RFC 5057)."""
        if response is None or status in (404, 410, 481):
            self._bury(now)
        else:
            self._alarm.clear()

    def _bury(self, now: float) -> None:
        self._alarm.clear()
        if self._leg.has_ended:
            return
        self._leg.record.reason = "network lost"
        self._call.note("network lost")
        self._leg.hang_up(now, MEDIA_LOST)
