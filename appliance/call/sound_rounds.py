# SPDX-License-Identifier: Apache-2.0
"""Asks the relay every ten seconds how the calls sound that stand: without asking there would be one estimate a call,
at its end. Nothing is asked, and no timer runs, while nobody talks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.call.call import ANSWERED, Call

if TYPE_CHECKING:
    from appliance.call.engine import CallEngine

ROUND_S: Final = 10.0


class SoundRounds:
    """engine: whose calls they are; it listens to its changes."""

    __slots__ = ("_alarm", "_engine", "_is_set")

    def __init__(self, engine: CallEngine) -> None:
        self._engine = engine
        self._alarm = engine.services.alarm()
        self._is_set = False
        engine.on_change(self._note_call, ANSWERED)

    def _note_call(self, call: Call) -> None:
        if not self._is_set:
            self._is_set = True
            self._alarm.set(call.answered_at + ROUND_S, self._ask)

    def _ask(self, now: float) -> None:
        relay = self._engine.services.relay
        self._is_set = False
        for call in self._engine.calls.values():
            if call.state is ANSWERED and call.bridge is not None:
                self._is_set = True
                for session in call.bridge.pair.list_sessions()[:1]:    # the first stream is the voice
                    relay.ask_figures(session)
        if self._is_set:
            self._alarm.set(now + ROUND_S, self._ask)
