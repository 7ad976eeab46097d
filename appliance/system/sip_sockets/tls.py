# SPDX-License-Identifier: Apache-2.0
"""The TLS side of one listener: the TCP side with a handshake before the first octet of SIP (RFC 3261 26.3, RFC 5922).

Whoever connects to us shows no certificate: phones prove themselves by digest, and a Via's `alias` (RFC 5923), which
only a certificate could prove, is not followed. Whom we connect to must prove the domain or the address.
"""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from appliance.errors import MachineError, PeerError
from appliance.sip.flow import Flow, Listener
from appliance.system.sip_sockets.connection import Connection
from appliance.system.sip_sockets.half_open import HalfOpenBySource
from appliance.system.sip_sockets.receiver import Seams
from appliance.system.sip_sockets.tcp import CONNECTION_LIMIT, TcpPort, source_of
from appliance.system.sip_sockets.tls_connection import TlsConnection
from appliance.system.sip_sockets.tls_probe import fetch_certificate
from appliance.system.tls_certificate import read_der_certificate
from appliance.system.tls_credentials import TlsCredentials
from appliance.system.tls_identity import explain_refusal, is_made_out_to
from appliance.system.tls_stream import TlsFailure, TlsStream
from appliance.vocabulary.journal import Journal

HANDSHAKE_LIMIT_S = 10.0
HANDSHAKES_AT_ONCE = 1024           # 25 MiB
FAILURES_KEPT = 20
PROBES_AT_ONCE = 4


class FailedHandshake(NamedTuple):
    """at: seconds since 1970; is_incoming: they connected to us; reason: for a technician."""

    at: float
    listener: str
    peer: str
    is_incoming: bool
    reason: str


class TlsSurroundings:
    """What every TLS port shares. failures: the last handshakes that failed; wall_now: seconds since 1970."""

    __slots__ = ("credentials", "failures", "journal", "wall_now")

    def __init__(self, credentials: TlsCredentials, journal: Journal, wall_now: Callable[[], float]) -> None:
        self.credentials = credentials
        self.journal = journal
        self.wall_now = wall_now
        self.failures: deque[FailedHandshake] = deque(maxlen=FAILURES_KEPT)

    def note_failure(self, flow: Flow, is_incoming: bool, reason: str) -> None:
        """Keep and journal why a handshake failed."""
        peer = flow.hostport.decode("ascii")
        name = flow.listener.name
        flow.failure = reason
        if flow.domain:
            peer = f"{flow.domain.decode('ascii', 'replace')} ({peer})"
        self.failures.append(FailedHandshake(self.wall_now(), name, peer, is_incoming, reason))
        self.journal.record("tls_handshake_failed", listener=name, peer=peer, is_incoming=is_incoming, reason=reason)


class TlsPort(TcpPort):
    """One listening socket and every TLS connection on it."""

    def __init__(self, listener: Listener, seams: Seams, tls: TlsSurroundings,
                 connection_limit: int = CONNECTION_LIMIT) -> None:
        """Bind and listen. Raises MachineError."""
        super().__init__(listener, seams, connection_limit)
        self._tls = tls
        self._securing: HalfOpenBySource[TlsConnection] = HalfOpenBySource(HANDSHAKE_LIMIT_S, source_of_connection)
        self._probed: set[Flow] = set()

    def statistics(self) -> dict[str, int]:
        """As of TCP, and how many connections are secured."""
        sums = super().statistics()
        return {**sums, "tls_connections": sums["connections"] - len(self._securing)}

    def _make_connection(self, flow: Flow, is_accepted: bool) -> Connection:
        name = self.listener.name
        if is_accepted:
            stream = TlsStream(self._tls.credentials.server_context(name), True)
        else:
            stream = TlsStream(self._tls.credentials.client_context(name), False, expected_name(flow))
        return TlsConnection(self, flow, stream, is_accepted)

    def _connect(self, flow: Flow) -> Connection | None:
        try:
            return super()._connect(flow)
        # the operator's authorities cannot be read, so nobody can be trusted; or no certificate can have such a name
        except (MachineError, ValueError) as error:
            self._tls.note_failure(flow, False, str(error))
            flow.is_open = False
            del self._flows[flow.host, flow.port, flow.domain]
            self._report_failure(flow)
            return None

    def _has_room(self) -> bool:
        """A handshake costs ten times the memory of a TCP connection: the oldest of the source that holds most makes
        room for a newcomer. Who begins many and ends none crowds out himself."""
        if len(self._securing) >= HANDSHAKES_AT_ONCE:
            oldest = self._securing.oldest_of_largest()
            if oldest is not None:
                oldest.close("crowded_out")
        return super()._has_room()

    # what connections call

    def handshake_begun(self, connection: TlsConnection) -> None:
        """TCP stands; from now on the handshake has its time."""
        self._securing.begin(connection, self._now())
        self._schedule_sweep()

    def may_stand(self, connection: TlsConnection) -> bool:
        """RFC 5922 7: a peer that we have connected to is looked at; OpenSSL has verified its chain."""
        self._securing.end(connection)
        if connection.is_accepted:
            self._counters["tls_handshakes_accepted"] += 1
            return True
        refusal = self._judge_name(connection)
        if refusal:
            self._counters["tls_certificates_refused"] += 1
            self._tls.note_failure(connection.flow, False, refusal)
            return False
        self._counters["tls_handshakes_opened"] += 1
        return True

    def _judge_name(self, connection: TlsConnection) -> str:
        expected = expected_name(connection.flow)
        try:
            certificate = read_der_certificate(connection.stream.peer_certificate() or b"")
        except PeerError as error:
            return f"certificate unreadable: {error}"
        if is_made_out_to(certificate, expected):
            return ""
        return explain_refusal(certificate, expected, "", self._tls.wall_now())

    def handshake_failed(self, connection: TlsConnection, failure: TlsFailure) -> None:
        """Counted and journalled; where a certificate was refused, what is wrong with it is looked for."""
        self._counters["tls_handshakes_failed"] += 1
        flow = connection.flow
        if failure.verdict and len(self._probed) < PROBES_AT_ONCE and flow not in self._probed:
            self._probed.add(flow)
            flow.failure = f"certificate refused: {failure.verdict}"
            self._run(self._explain(flow, failure))
        else:
            reason = f"certificate refused: {failure.verdict}" if failure.verdict else failure.reason
            self._tls.note_failure(flow, connection.is_accepted, reason)

    async def _explain(self, flow: Flow, failure: TlsFailure) -> None:
        """OpenSSL keeps a certificate that it refuses to itself: ask for it once more, to tell the technician."""
        reason = f"certificate refused: {failure.verdict}"
        try:
            der = await fetch_certificate(flow, HANDSHAKE_LIMIT_S)
            reason = explain_refusal(read_der_certificate(der), expected_name(flow), failure.verdict,
                                     self._tls.wall_now())
        except (OSError, PeerError) as error:
            self._counters["tls_probes_failed"] += 1
            reason += f" ({error})"
        finally:
            self._probed.discard(flow)
        self._tls.note_failure(flow, False, reason)

    def connection_closed(self, connection: Connection, reason: str) -> None:
        """As of TCP; one that never came to an end of its handshake is told by its reason."""
        assert isinstance(connection, TlsConnection)
        if not reason and connection in self._securing:
            self._counters["tls_handshakes_abandoned"] += 1
        self._securing.end(connection)
        super().connection_closed(connection, reason)

    def _close_overdue(self, now: float) -> bool:
        for connection in self._securing.overdue(now):
            reason = f"no handshake within {HANDSHAKE_LIMIT_S:.0f} s"
            self._tls.note_failure(connection.flow, connection.is_accepted, reason)
            connection.close("handshake_overdue")
        return super()._close_overdue(now) or len(self._securing) > 0


def source_of_connection(connection: TlsConnection) -> bytes:
    """Who is at the other end."""
    return source_of(connection.flow.host)


def expected_name(flow: Flow) -> str:
    """Whom the certificate at the other end of a flow that we open must be made out to."""
    return (flow.domain or flow.host).decode("ascii", "replace")


