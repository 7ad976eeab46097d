# SPDX-License-Identifier: Apache-2.0
"""One TLS connection that carries SIP (RFC 3261 26.3): a TCP connection whose octets pass a TlsStream on the way.

Its state is changed by the event loop's callbacks and by `send` and `close` alone.
"""

import asyncio
from typing import Protocol

from appliance.sip.flow import Flow
from appliance.system.sip_sockets.connection import UNSENT_LIMIT_OCTETS, Connection, ConnectionOwner, State
from appliance.system.tls_stream import TlsFailure, TlsStream


class TlsConnectionOwner(ConnectionOwner, Protocol):
    """The port that a TLS connection belongs to."""

    def handshake_begun(self, connection: "TlsConnection") -> None:
        """TCP stands."""

    def may_stand(self, connection: "TlsConnection") -> bool:
        """The handshake is over: whether the peer is who it should be."""

    def handshake_failed(self, connection: "TlsConnection", failure: TlsFailure) -> None:
        """There was no agreement; the connection is closed after this."""


class TlsConnection(Connection):
    """Handshake first; then as any connection. stream: for its owner to look at."""

    __slots__ = ("_tls_owner", "is_accepted", "stream")

    def __init__(self, owner: TlsConnectionOwner, flow: Flow, stream: TlsStream, is_accepted: bool) -> None:
        super().__init__(owner, flow)
        self._tls_owner = owner
        self.stream = stream
        self.is_accepted = is_accepted

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TCP stands: the handshake begins, from whoever has connected."""
        if not self._take_transport(transport):
            return
        self._enter(State.SECURING)
        self._tls_owner.handshake_begun(self)
        if not self.is_accepted:
            try:
                self.stream.begin()
            except TlsFailure as failure:
                self._fail(failure)
            self._send_sealed()

    def data_received(self, data: bytes) -> None:
        """Ciphertext, cut anywhere."""
        if self.state == State.CLOSED:
            return
        try:
            plaintext = self.stream.feed(data)
        except TlsFailure as failure:
            self._fail(failure)
            return
        self._send_sealed()
        if self.state == State.SECURING and self.stream.is_secure and not self._admit():
            return
        if plaintext:
            self._deliver(plaintext)
        if self.stream.is_finished:
            self.close("")

    def _admit(self) -> bool:
        if not self._tls_owner.may_stand(self):
            self.close("certificate_refused", is_graceful=True)
            return False
        self._stand()
        return True

    def _fail(self, failure: TlsFailure) -> None:
        """What TLS wants to say about it (an alert) still goes out."""
        was_securing = self.state == State.SECURING
        if was_securing:
            self._tls_owner.handshake_failed(self, failure)
        self._send_sealed()
        self.close("handshake_failed" if was_securing else "tls_broken", is_graceful=True)

    def _write(self, octets: bytes) -> None:
        try:
            self.stream.seal(octets)
        except TlsFailure:
            self.close("tls_broken")
            return
        self._send_sealed()

    def _say_goodbye(self) -> None:
        if self.stream.is_secure:
            self.stream.finish()
        self._send_sealed()

    def _send_sealed(self) -> None:
        sealed = self.stream.take()
        if not sealed or self._transport is None:
            return
        self._transport.write(sealed)
        if self._transport.get_write_buffer_size() > 2 * UNSENT_LIMIT_OCTETS:   # answers of TLS itself, never read
            self.close("slow_reader")
