# SPDX-License-Identifier: Apache-2.0
"""What one call of the handset offers, answers and has agreed on (RFC 3264): G.711 both ways and telephone events.

Changed by its methods, each of which says one thing to the other side or hears one from it.
"""

from __future__ import annotations

from typing import Final

from appliance.errors import PeerError
from appliance.sdp.codec import Codec
from appliance.sdp.description import SessionDescription
from appliance.sdp.direction import Direction
from appliance.sdp.negotiation import AgreedStream, LocalStream, answer_offer, read_answer, renumber_codecs, write_offer
from appliance.sdp.origin import OwnOrigin
from appliance.sdp.parser import parse_session

CODECS: Final = (Codec(0, "PCMU", 8000), Codec(8, "PCMA", 8000),
                 Codec(101, "TELEPHONE-EVENT", 8000, parameters=b"0-16"))


class CallSession:
    """agreed: None before that, or where nothing of the other side's can be used."""

    __slots__ = ("_address", "_offered", "_origin", "_port", "_said", "_used", "agreed", "direction")

    def __init__(self, address: str, port: int, session_id: int) -> None:
        self._address = address
        self._port = port
        self._origin = OwnOrigin(session_id, address)
        self._said: SessionDescription | None = None
        self._offered: SessionDescription | None = None
        self._used: tuple[Codec, ...] = ()
        self.direction = Direction.SENDRECV
        self.agreed: AgreedStream | None = None

    def _stream(self, direction: Direction) -> LocalStream:
        codecs = renumber_codecs(CODECS, self._used) if self._used else CODECS
        return LocalStream(b"audio", self._port, codecs, direction, may_multiplex=False)

    def write_offer(self, direction: Direction) -> bytes:
        """Our offer; the direction holds once it is answered."""
        octets = self._origin.stamp(write_offer(self._address, [self._stream(direction)], self._said))
        self._offered = parse_session(octets)
        self.direction = direction
        return octets

    def take_answer(self, octets: bytes) -> bool:
        """The answer to our offer, or a further copy of it; whether we can speak. Raises PeerError."""
        if self._offered is None:
            raise PeerError("an answer to no offer", 400, octets, "RFC 3264 7")
        streams = read_answer(self._offered, parse_session(octets))
        self._said = self._offered
        self._agree(next((one for one in streams if one is not None), None))
        return self.agreed is not None

    def answer(self, octets: bytes, direction: Direction) -> bytes:
        """Our answer to an offer, b"" where nothing of it can be used (488). Raises PeerError."""
        answer = answer_offer(parse_session(octets), self._address, [self._stream(direction)])
        if answer.is_refusal or not answer.streams:
            return b""
        said = self._origin.stamp(answer.lines)
        self._said = self._offered = parse_session(said)
        self.direction = direction
        self._agree(next(one for one in answer.streams if one is not None))
        return said

    def _agree(self, stream: AgreedStream | None) -> None:
        self.agreed = stream if stream is not None and stream.speech is not None else None
        if stream is not None:
            known = {codec.payload_type for codec in self._used}
            self._used += tuple(codec for codec in stream.receiving if codec.payload_type not in known)
