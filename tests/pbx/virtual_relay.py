# SPDX-License-Identifier: Apache-2.0
"""A relay that carries nothing and counts what a test says: satisfies rtp.relaying.MediaRelay."""

from appliance.rtp.relaying import DirectionFigures, LegMedia, LocalPort

SILENCE = DirectionFigures(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.0, None, 0, None, "waiting", None, None, None)


def speech(packets: int = 1500, lost: int = 0, jitter_ms: float = 1.0, **more) -> DirectionFigures:
    """What so many packets look like."""
    return SILENCE._replace(packets=packets, octets=packets * 172, sent=packets, expected=packets + lost,
                            received=packets, lost=lost, jitter_ms=jitter_ms, ssrc=7, sources=1, latch="latched",
                            **more)


class VirtualRelay:
    """user: who hears of the end of sessions; figures: by side, of every session that is closed from now on."""

    def __init__(self) -> None:
        self.user = None
        self.figures = (SILENCE, SILENCE)
        self.sessions: dict[str, tuple[LocalPort, LocalPort]] = {}
        self.directed: dict[tuple[str, int], LegMedia] = {}
        self.expected: dict[tuple[str, int], str | None] = {}       # from where who has not answered is heard
        self.held: dict[str, bool] = {}
        self.closed: list[str] = []
        self.asked: list[str] = []
        self._port = 30000
        self.is_awaited = False

    def take_port(self, host: str) -> LocalPort | None:
        self._port += 2
        return LocalPort(host, self._port)

    def return_port(self, port: LocalPort) -> None:
        """Nobody counts them."""

    def open_session(self, session: str, ports: tuple[LocalPort, LocalPort]) -> None:
        assert session not in self.sessions
        self.sessions[session] = ports

    def direct(self, session: str, side: int, media: LegMedia) -> None:
        self.directed[session, side] = media._replace(other_host=None)
        self.expected[session, 1 - side] = media.other_host

    def move_side(self, session: str, side: int, port: LocalPort) -> None:
        ports = self.sessions[session]
        self.sessions[session] = (port, ports[1]) if side == 0 else (ports[0], port)

    def hold(self, session: str, is_held: bool) -> None:
        self.held[session] = is_held

    def close_session(self, session: str) -> None:
        del self.sessions[session]
        self.closed.append(session)

    def ask_figures(self, session: str) -> None:
        self.asked.append(session)

    def tell(self, now: float) -> None:
        """The figures of what was asked for, and of what was closed."""
        asked, self.asked = self.asked, []
        for session in asked:
            if session in self.sessions:
                self.user.figures_told(session, self.figures, now)
        closed, self.closed = self.closed, []
        for session in closed:
            self.user.session_closed(session, self.figures, now)
