# SPDX-License-Identifier: Apache-2.0
"""The user of the relay where there are no calls: what a call server before us has left there is closed."""

from collections.abc import Sequence

from appliance.rtp.relaying import DirectionFigures, Figures, MediaRelay, RelayedSession


class UnclaimedSessions:
    """Satisfies `rtp.relaying.MediaRelayUser`."""

    def __init__(self, relay: MediaRelay) -> None:
        self._relay = relay

    def relay_found(self, sessions: Sequence[RelayedSession], now: float) -> None:
        for found in sessions:
            self._relay.close_session(found.session)

    def relay_lost(self, now: float) -> None:
        """Nothing is lost with it."""

    def leg_silent(self, session: str, side: int, figures: DirectionFigures, now: float) -> None:
        """Of a session that is being closed."""

    def leg_heard(self, session: str, side: int, now: float) -> None:
        """Of a session that is being closed."""

    def session_silent(self, session: str, now: float) -> None:
        """Of a session that is being closed."""

    def session_closed(self, session: str, figures: Figures, now: float) -> None:
        """It was nobody's."""

    def session_refused(self, session: str, reason: str, now: float) -> None:
        """It had gone already."""

    def figures_told(self, session: str, figures: Figures, now: float) -> None:
        """Nobody has asked."""
