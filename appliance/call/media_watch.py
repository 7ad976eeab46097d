# SPDX-License-Identifier: Apache-2.0
"""What the relay says of the calls' media: figures for the records, silence, sessions lost and found.

It satisfies rtp.relaying.MediaRelayUser for the engine and changes the calls it speaks to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from appliance.call.call import Call, call_of
from appliance.call.call_table import CallTable
from appliance.call.leg import Leg
from appliance.call.media_pair import MediaPair
from appliance.call.media_renewal import MediaRenewal
from appliance.call.probe import Probe
from appliance.call.sound import name_codec
from appliance.rtp.relaying import DirectionFigures, Figures, RelayedSession

SILENCE_S: Final = 10.0
"""The relay tells of a silence after so long (rtp.relaying), but not of one that began while nobody listened."""


class MediaWatch:
    """figures: of calls in progress, by relay session, as last told; listener: who may have asked for figures on its
    own account, and says whether these are the ones."""

    __slots__ = ("_alarm", "_engine", "_probes", "_records", "_renewals", "_waiting", "figures", "listener")

    def __init__(self, engine: CallTable) -> None:
        self._engine = engine
        self._records: dict[str, tuple[Call, Leg | None, Leg | None]] = {}
        self._waiting: dict[Call, float] = {}       # until when, in this order: all wait equally long
        self._alarm = engine.services.alarm()
        self._renewals: dict[Call, MediaRenewal] = {}
        self._probes: dict[tuple[str, int], Probe] = {}     # by session and side
        self.figures: dict[str, Figures] = {}
        self.listener: Callable[[str, Figures, float], bool] | None = None

    def expect(self, call: Call, pair: MediaPair, sessions: list[str]) -> None:
        """These sessions were closed; their figures go to the legs that the pair joined."""
        first, second = call.legs_of(pair)
        note_codec(pair, first, second)
        for session in sessions:
            self._records[session] = (call, first, second)

    def await_figures(self, call: Call, deadline: float) -> None:
        """A call that has ended: its record is kept once its media have been told of, or at this time."""
        self._waiting[call] = deadline
        if not self._alarm.is_set:
            self._alarm.set(deadline, self._stop_waiting)

    def _stop_waiting(self, now: float) -> None:
        for call, deadline in tuple(self._waiting.items()):
            if deadline > now:
                self._alarm.set(deadline, self._stop_waiting)
                return
            self._keep(call)

    def _keep(self, call: Call) -> None:
        if self._waiting.pop(call, None) is not None:
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
        for side in (0, 1):
            self._end_probe(session, side)
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
        is_taken = self.listener is not None and self.listener(session, figures, now)
        if is_taken or not session.endswith("/0"):
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
            leg.line.note_silence(now)
            probe = self._probes[session, side] = Probe(call, leg)
            probe.ask(now)

    def leg_heard(self, session: str, side: int, now: float) -> None:
        """MediaRelayUser."""
        self._end_probe(session, side)
        call, leg = self._find_leg(session, side)
        if call is not None and leg is not None:
            call.note_voice(leg, now)

    def _end_probe(self, session: str, side: int) -> None:
        probe = self._probes.pop((session, side), None)
        if probe is not None:
            probe.stop()

    def session_silent(self, session: str, now: float) -> None:
        """MediaRelayUser. The probes decide."""

    def session_refused(self, session: str, reason: str, now: float) -> None:
        """MediaRelayUser. A call without media is told why."""
        call, _leg = self._find_leg(session, 0)
        self._engine.services.journal.record("media_refused", session=session, reason=reason)
        if call is not None and call not in self._renewals:
            call.note(f"media: {reason}")
        if session in self._records:    # a close of what was never opened
            self.session_closed(session, (NO_FIGURES, NO_FIGURES), now)

    def relay_found(self, sessions: Sequence[RelayedSession], now: float) -> None:
        """MediaRelayUser. Sessions of no call are closed; calls whose sessions are gone get new ones."""
        found = {one.session: one for one in sessions}
        wanted: set[str] = set()
        for call in tuple(self._engine.calls.values()):
            mine = {name for pair in call.pairs for name in pair.list_sessions()}
            wanted |= mine
            lost = mine - found.keys()
            if lost:
                self._renew(call, lost, now)
        for name, one in sorted(found.items()):
            if name not in wanted:
                self._engine.services.relay.close_session(name)
            elif not one.is_held:
                self._catch_up(one, now)

    def _catch_up(self, session: RelayedSession, now: float) -> None:
        """A silence that began while nobody listened."""
        for side, figures in enumerate(session.figures):
            if figures.last_s is not None and now - figures.last_s > SILENCE_S:
                self.leg_silent(session.session, side, figures, now)

    def relay_lost(self, now: float) -> None:
        """MediaRelayUser. Records do not wait for what nobody will say; new media come with `relay_found`."""
        self.flush()

    def _renew(self, call: Call, lost: set[str], now: float) -> None:
        renewal = self._renewals.get(call)
        if renewal is None:
            renewal = self._renewals[call] = MediaRenewal(call, self._end_renewal)
        renewal.start(lost, now)

    def _end_renewal(self, call: Call) -> None:
        self._renewals.pop(call, None)

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
