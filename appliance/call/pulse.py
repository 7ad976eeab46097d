# SPDX-License-Identifier: Apache-2.0
"""Looks twice a second whether anything is heard over each line that stands behind a NAT: an outside address that has
changed cuts all voices at once, and the line is to look for its own (Line.note_silence). One call of a line is asked
for; no timer runs while nobody talks over such a line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.call.call import ANSWERED, Call

if TYPE_CHECKING:
    from appliance.call.engine import CallEngine
    from appliance.call.line import Line
    from appliance.rtp.relaying import Figures

BEAT_S: Final = 0.5
QUIET_S: Final = 1.0
"""A voice that comes and goes (RFC 3551 4.1) may be as quiet; therefore not more often than REST_S."""
REST_S: Final = 30.0


class Pulse:
    """engine: whose calls they are; it listens to its changes, and to what the relay tells."""

    __slots__ = ("_alarm", "_asked", "_engine", "_rests_until")

    def __init__(self, engine: CallEngine) -> None:
        self._engine = engine
        self._alarm = engine.services.alarm()
        self._asked: dict[str, tuple[Line, int]] = {}       # by relay session: whose voice, and its side
        self._rests_until: dict[str, float] = {}
        engine.on_change(self._note_call, ANSWERED)
        engine.watch.listener = self.note_figures

    def _note_call(self, call: Call) -> None:
        if not self._alarm.is_set and self._find_voice(call) is not None:
            self._alarm.set(call.answered_at + BEAT_S, self._beat)

    def _find_voice(self, call: Call) -> tuple[str, Line, int] | None:
        """The session, the line behind a NAT, its side; None for a call that has none, or is to be silent."""
        bridge = call.bridge
        if call.state is not ANSWERED or bridge is None or bridge.pair.is_held:
            return None
        for side, leg in enumerate(bridge.legs):
            line = leg.line
            if line.is_trunk and line.media_host(leg.flow) != line.bind_host(leg.flow):
                return next(((session, line, side) for session in bridge.pair.list_sessions()[:1]), None)
        return None

    def _beat(self, now: float) -> None:
        self._asked.clear()
        lines: set[str] = set()
        for call in self._engine.calls.values():
            found = self._find_voice(call)
            if found is not None and found[1].name not in lines:
                session, line, side = found
                lines.add(line.name)
                self._asked[session] = line, side
                self._engine.services.relay.ask_figures(session)
        if lines:
            self._alarm.set(now + BEAT_S, self._beat)

    def note_figures(self, session: str, figures: Figures, now: float) -> bool:
        """The relay has told of a session; whether we had asked."""
        line, side = self._asked.pop(session, (None, 0))
        if line is None:
            return False
        last_s = figures[side].last_s
        if last_s is not None and now - last_s > QUIET_S and now >= self._rests_until.get(line.name, 0.0):
            self._rests_until[line.name] = now + REST_S
            line.note_silence(now)
        return True
