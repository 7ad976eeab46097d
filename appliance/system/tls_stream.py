# SPDX-License-Identifier: Apache-2.0
"""TLS over memory: ciphertext in, plaintext out, and the other way; the socket is somebody else's (RFC 8446, RFC 5246).

OpenSSL's own object over two memory buffers costs a connection about 20 KiB; the event loop's TLS transport would hold
a read buffer of 256 KiB for each. Changed by its connection alone.
"""

import ssl

from appliance.errors import PeerError

READ_OCTETS = 1 << 16
UNPRODUCTIVE_OCTETS = 1 << 16
"""Ciphertext without a single octet of plaintext: records of 16 KiB are far below; floods of renegotiations, key
updates and empty records are not."""


class TlsFailure(PeerError):
    """The TLS conversation cannot go on. reason: in a few words; verdict: OpenSSL's where a certificate was refused."""

    def __init__(self, reason: str, verdict: str = "") -> None:
        super().__init__(reason, 0)
        self.verdict = verdict


class TlsStream:
    """One end of one TLS connection.

    is_secure: the handshake is over; is_finished: the peer has said that nothing more comes (close_notify).
    """

    __slots__ = ("_incoming", "_object", "_outgoing", "_unproductive_octets", "is_finished", "is_secure")

    def __init__(self, context: ssl.SSLContext, is_server: bool, server_name: str | None = None) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, is_server, server_name)
        self._unproductive_octets = 0
        self.is_secure = False
        self.is_finished = False

    def begin(self) -> None:
        """As client: say hello first. Raises TlsFailure."""
        self._shake_hands()

    def feed(self, ciphertext: bytes) -> bytes:
        """The plaintext that these octets complete, b"" where none. Raises TlsFailure; `take` still has what to say."""
        self._incoming.write(ciphertext)
        self._unproductive_octets += len(ciphertext)
        if not self.is_secure:
            self._shake_hands()
        plaintext = self._read() if self.is_secure else b""
        if plaintext:
            self._unproductive_octets = 0
        elif self._unproductive_octets > UNPRODUCTIVE_OCTETS:
            raise TlsFailure("octets without content")
        return plaintext

    def seal(self, octets: bytes) -> None:
        """Encrypt; `take` gives the result. Raises TlsFailure."""
        try:
            self._object.write(octets)
        except ssl.SSLError as error:
            raise TlsFailure(name_reason(error)) from error

    def take(self) -> bytes:
        """What is to be sent now."""
        return self._outgoing.read()

    def finish(self) -> None:
        """Say close_notify; `take` gives it. The peer's own is not waited for (RFC 8446 6.1)."""
        try:
            self._object.unwrap()
        except ssl.SSLError:        # it wants the peer's answer, or the conversation is broken already: both are an end
            return

    def peer_certificate(self) -> bytes | None:
        """The peer's certificate in DER, None where it has shown none; once it is secure."""
        return self._object.getpeercert(True)

    @property
    def version(self) -> str:
        """Such as TLSv1.3; "" before the handshake is over."""
        return self._object.version() or "" if self.is_secure else ""

    def _shake_hands(self) -> None:
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLCertVerificationError as error:
            raise TlsFailure("certificate refused", error.verify_message) from error
        except ssl.SSLError as error:
            raise TlsFailure(name_reason(error)) from error
        self.is_secure = True

    def _read(self) -> bytes:
        pieces = []
        try:
            while piece := self._object.read(READ_OCTETS):
                pieces.append(piece)
            self.is_finished = True
        except ssl.SSLWantReadError:
            pass                    # all that is there has been read
        except ssl.SSLZeroReturnError:
            self.is_finished = True
        except ssl.SSLError as error:
            raise TlsFailure(name_reason(error)) from error
        return b"".join(pieces)


def name_reason(error: ssl.SSLError) -> str:
    """OpenSSL's reason as a person reads it: WRONG_VERSION_NUMBER becomes "wrong version number"."""
    return (error.reason or str(error)).replace("_", " ").lower()
