# SPDX-License-Identifier: Apache-2.0
"""The call engine between phones that say what a test tells them, with a disk that outlives it and a relay that goes
on by itself."""

from appliance.call.keeping import CallKeeper
from appliance.call.kept_row import KeptRow
from appliance.call.restoring import KeptCallRestorer, Surviving
from appliance.rtp.relaying import LegMedia, RelayedSession
from tests.call.virtual_calls import RememberingRelay, VirtualCalls
from tests.pbx.virtual_relay import SILENCE


class Disk:
    """KeptStore. rows: what is on it; writes: how often something was brought there."""

    def __init__(self) -> None:
        self.rows: dict[tuple[int], KeptRow] = {}
        self.writes = 0

    def save(self, rows: list[KeptRow]) -> None:
        self.writes += 1
        self.rows |= {row.key: row for row in rows}

    def delete(self, keys: list[tuple[int]]) -> None:
        for key in keys:
            self.rows.pop(key, None)


class MortalRelay(RememberingRelay):
    """lost: sessions that died with it; what is said of them is refused."""

    def __init__(self) -> None:
        super().__init__()
        self.lost: set[str] = set()
        self._refused: list[str] = []

    def die(self) -> None:
        """All its sessions and ports are gone."""
        self.lost |= set(self.sessions)
        self.sessions.clear()
        self.leased.clear()

    def direct(self, session: str, side: int, media: LegMedia) -> None:
        if session in self.lost:
            self._refused.append(session)
        else:
            super().direct(session, side, media)

    def hold(self, session: str, is_held: bool) -> None:
        if session in self.lost:
            self._refused.append(session)
        else:
            super().hold(session, is_held)

    def close_session(self, session: str) -> None:
        if session in self.lost:
            self._refused.append(session)
        else:
            super().close_session(session)

    def tell(self, now: float) -> None:
        refused, self._refused = self._refused, []
        for session in refused:
            self.user.session_refused(session, "no such session", now)
        super().tell(now)


class SurvivingCalls(VirtualCalls):
    """crash: all memory is gone. ended: numbers of calls that have a record already; figures: of the relay's sessions
    by side, as it tells them when it is found."""

    def __init__(self, more: str = "") -> None:
        self.disk = Disk()
        self.ended: set[int] = set()
        self.figures = (SILENCE, SILENCE)
        self.wall_lag = 0.0
        self.keeper: CallKeeper
        super().__init__(more)

    def _assemble(self):
        if not isinstance(self.relay, MortalRelay):
            self.relay = MortalRelay()
        office = super()._assemble()
        self.keeper = CallKeeper(office.calls, self.disk)
        return office

    def crash(self, away_s: float = 1.0, has_relay: bool = True) -> int:
        """kill -9, and a start after this time; how many calls the new process has."""
        for listener in self.listeners:
            listener.outbox.clear()
        self.gateway = None
        self.now += away_s
        self.office = self._assemble()
        self.relay.commands.clear()
        surviving = Surviving(self.office.line, self._find_line, self._find_flow, self.ended.__contains__)
        count = KeptCallRestorer(self.engine, self.keeper, surviving).restore(
            list(self.disk.rows.values()), self.now, self.now - self.wall_lag)
        if self.gateway is not None:
            self.gateway.start(self.now)
        if not has_relay:
            self.relay.die()
        self.find_relay()
        return count

    def find_relay(self) -> None:
        """The relay tells what it has."""
        self.relay.user.relay_found([RelayedSession(name, ports, False, self.figures)
                                     for name, ports in self.relay.sessions.items()], self.now)
        self.settle()

    def lose_relay(self) -> None:
        """It is gone with its sessions, and another is there."""
        self.relay.user.relay_lost(self.now)
        self.relay.die()
        self.run(0.5)
        self.find_relay()

    def _find_line(self, name: str):
        if name == "office":
            return self.office.line
        return self.gateway.trunks.get(name) if self.gateway is not None else None

    def _find_flow(self, key):
        name, transport, host, port = key
        listener = next((one for one in self.listeners if (one.name, one.transport) == (name, transport)), None)
        return None if listener is None else self._flow_to(listener, host, port)
