# SPDX-License-Identifier: Apache-2.0
"""Where audio may come in from strangers: the ports that calls have on public addresses of ours, and no others. Ports
that are leased and wait for a call are shut.

Told by the client of the relay; tells the gate.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from appliance.rtp.relaying import LocalPort, RelayedSession

Ports = tuple[LocalPort, LocalPort]


class Gate(Protocol):
    """The firewall."""

    def open_port(self, host: str, port: int) -> None:
        """Let audio in at this RTP port and the RTCP port above it."""

    def close_port(self, host: str, port: int) -> None:
        """Let nothing in there any more."""

    def tell_open(self) -> None:
        """Ask `Pinholes.list_open`: exactly these are open."""


class Pinholes:
    """hosts: our public addresses."""

    __slots__ = ("_gate", "_hosts", "_sessions")

    def __init__(self, gate: Gate, hosts: Iterable[str] = ()) -> None:
        self._gate = gate
        self._hosts = frozenset(hosts)
        self._sessions: dict[str, Ports] = {}

    def list_open(self) -> Sequence[tuple[str, int]]:
        """What has to be open now."""
        return [port for ports in self._sessions.values() for port in ports if port.host in self._hosts]

    def set_hosts(self, hosts: Collection[str]) -> None:
        """Other public addresses of ours."""
        if self._hosts != frozenset(hosts):
            self._hosts = frozenset(hosts)
            self._gate.tell_open()

    # what the client of the relay tells

    def session_opened(self, session: str, ports: Ports) -> None:
        """A call has taken them."""
        self._sessions[session] = ports
        for port in ports:
            if port.host in self._hosts:
                self._gate.open_port(*port)

    def side_moved(self, session: str, side: int, port: LocalPort) -> None:
        """One side of a call has another port."""
        ports = self._sessions.get(session)
        if ports is None:
            return
        self._sessions[session] = (port, ports[1]) if side == 0 else (ports[0], port)
        if port.host in self._hosts:
            self._gate.open_port(*port)
        self._shut(ports[side])

    def session_closed(self, session: str) -> None:
        """The call, or that stream of it, is over."""
        for port in self._sessions.pop(session, ()):
            self._shut(port)

    def sessions_found(self, sessions: Iterable[RelayedSession]) -> None:
        """The relay has these and no others: after a restart of ours, or of the relay's."""
        self._sessions = {one.session: one.ports for one in sessions}
        self._gate.tell_open()

    def _shut(self, port: LocalPort) -> None:
        if port.host in self._hosts:
            self._gate.close_port(*port)
