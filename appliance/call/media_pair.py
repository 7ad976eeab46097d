# SPDX-License-Identifier: Apache-2.0
"""The media of two legs that are joined: every media line has a relay session, and each leg's session description
reaches the other with our addresses in it (RFC 7092 3.2.2, RFC 3264).

Side 0 is the leg that came first, side 1 the other. Only the call that joins the legs changes it.
"""

from typing import Final, NamedTuple

from appliance.errors import PeerError
from appliance.rtp.relaying import EXPEDITED_FORWARDING, LegMedia, LocalPort, MediaRelay
from appliance.sdp.alignment import align_offer, restore_answer
from appliance.sdp.description import MediaDescription, SessionDescription
from appliance.sdp.direction import is_held_session
from appliance.sdp.origin import OwnOrigin
from appliance.sdp.parser import parse_session
from appliance.sdp.rewriting import MediaAddress, rewrite_session

RTP_PROTOCOLS: Final = frozenset({b"RTP/AVP", b"RTP/AVPF", b"RTP/SAVP", b"RTP/SAVPF"})
STREAMS_LIMIT: Final = 8
"""Media lines that are carried; what stands behind them is refused, with port 0."""
NOWHERE: Final = -1
"""A media line that belongs to no stream."""


class MediaEnd(NamedTuple):
    """One leg as media see it. host: our address there as we say it; bind_host: as it is; peer_host: where its
    signalling comes from, None while nobody knows; is_behind_nat: whether what it says of its address is not to be
    believed; dscp: for what we send there."""

    host: str
    bind_host: str
    peer_host: str | None
    is_behind_nat: bool = False
    dscp: int = EXPEDITED_FORWARDING


class MediaPair:
    """name: of its relay sessions, with a number behind it for each; ends, origins: of both sides.

    A stream is one relay session; each side's layout says which stream its media lines belong to, in order, since after
    a transfer the two may have them in different places.
    """

    __slots__ = ("_agreed", "_is_held", "_layouts", "_muxed", "_offers", "_places", "_ports", "_relay", "_sent", "ends",
                 "name", "origins")

    def __init__(self, relay: MediaRelay, name: str, ends: tuple[MediaEnd, MediaEnd],
                 origins: tuple[OwnOrigin, OwnOrigin]) -> None:
        self._relay = relay
        self.name = name
        self.ends = list(ends)
        self.origins = origins
        self._ports: list[tuple[LocalPort, LocalPort] | None] = []
        self._layouts: tuple[list[int], list[int]] = ([], [])
        self._agreed: list[SessionDescription | None] = [None, None]
        self._offers: list[SessionDescription | None] = [None, None]
        self._sent: list[SessionDescription | None] = [None, None]
        self._places: tuple[int, ...] | None = None
        self._muxed: set[int] = set()
        self._is_held = False

    def expect(self, side: int, previous: SessionDescription | None) -> None:
        """The leg of this side has been in another pair: what it was sent last there. Its places are kept."""
        self._sent[side] = previous
        self._layouts[side][:] = [NOWHERE] * len(previous.media) if previous is not None else []

    def carry_offer(self, side: int, octets: bytes) -> bytes:
        """What the other side is offered. PeerError: it cannot be read, has no address or nothing that we carry (488),
        or we have no port (503)."""
        session = parse_session(octets)
        self._offers[side] = session
        own, other = self._layouts[side], self._layouts[1 - side]
        for _place in range(len(own), len(session.media)):
            own.append(len(self._ports))
            self._ports.append(None)
        for place, stream in enumerate(own):
            if stream == NOWHERE:
                own[place] = len(self._ports)
                self._ports.append(None)
        previous = self._sent[1 - side]
        written, self._places = session, None
        if previous is not None and _list_kinds(previous) != _list_kinds(session):
            written, self._places = align_offer(previous, session)
        other += [NOWHERE] * (len(written.media) - len(other))
        for number in range(len(session.media)):
            other[number if self._places is None else self._places[number]] = own[number]
        self._direct(side, session)
        return self._write(1 - side, written)

    def carry_answer(self, side: int, octets: bytes) -> bytes:
        """What the other side, whose offer this answers, gets; said again, the same. PeerError as above."""
        session = parse_session(octets)
        written = session if self._places is None else restore_answer(session, self._places)
        muxed = {stream for stream, medium in zip(self._layouts[side], session.media, strict=False)
                 if medium.attribute(b"rtcp-mux") is not None}
        offer = self._offers[1 - side]
        if offer is not None:
            self._agreed[1 - side] = offer
        self._agreed[side] = session
        if muxed != self._muxed:    # RFC 5761 5.1.1: agreed now
            self._muxed = muxed
            if offer is not None:
                self._direct(1 - side, offer)
        self._direct(side, session)
        self._note_hold()
        return self._write(1 - side, written)

    def settle(self, side: int, octets: bytes) -> None:
        """The answer of a side to an offer of ours alone; the other side hears nothing of it. PeerError as above."""
        session = parse_session(octets)
        self._agreed[side] = session
        self._direct(side, session)
        self._note_hold()

    def revert(self, side: int) -> None:
        """The offer of this side was refused: its media are where they were (RFC 3261 14.1)."""
        agreed = self._agreed[side]
        self._offers[side] = None
        if agreed is not None:
            self._direct(side, agreed)

    def _write(self, side: int, session: SessionDescription) -> bytes:
        ports = [self._port_of(stream, side, medium)
                 for stream, medium in zip(self._layouts[side], session.media, strict=True)]
        if not any(ports) and any(medium.port for medium in session.media):
            raise PeerError("nothing that we carry", 488, session.octets, "RFC 3264 6")
        self._sent[side] = session
        return rewrite_session(session, self.origins[side], MediaAddress(self.ends[side].host), ports)

    def _port_of(self, stream: int, side: int, medium: MediaDescription) -> int:
        if stream == NOWHERE or not is_carried(medium):
            return 0
        ports = self._ports[stream]
        return 0 if ports is None else ports[side].port

    def _take_ports(self, stream: int) -> tuple[LocalPort, LocalPort] | None:
        if stream >= STREAMS_LIMIT:
            return None
        relay = self._relay
        first = relay.take_port(self.ends[0].bind_host)
        second = relay.take_port(self.ends[1].bind_host) if first is not None else None
        if first is None or second is None:
            if first is not None:
                relay.return_port(first)
            raise PeerError("no port for media", 503)
        relay.open_session(f"{self.name}/{stream}", (first, second))
        return first, second

    def _direct(self, side: int, session: SessionDescription) -> None:
        """Tell the relay where this side is; what it has not carried yet is opened."""
        for stream, medium in zip(self._layouts[side], session.media, strict=False):
            if stream == NOWHERE:
                continue
            if self._ports[stream] is None:
                if not is_carried(medium):
                    continue
                self._ports[stream] = self._take_ports(stream)
                if self._ports[stream] is None:
                    continue
            self._relay.direct(f"{self.name}/{stream}", side, self._read_media(side, stream, session, medium))

    def _read_media(self, side: int, stream: int, session: SessionDescription, medium: MediaDescription) -> LegMedia:
        end = self.ends[side]
        rtp: tuple[str, int] | None = None
        rtcp: tuple[str, int] | None = None
        if is_carried(medium):
            connection = session.connection_of(medium)
            if not connection.is_unspecified:   # RFC 3264 8.4: nothing is sent to 0.0.0.0
                rtp = rtcp = (connection.address.decode("ascii", "replace"), medium.port)
                if stream not in self._muxed:
                    rtcp_connection, rtcp_port = session.rtcp_of(medium)
                    rtcp = (rtcp_connection.address.decode("ascii", "replace"), rtcp_port)
        return LegMedia(rtp, rtcp, end.peer_host, end.is_behind_nat, (), end.dscp)

    def _note_hold(self) -> None:
        is_held = any(session is not None and is_held_session(session) for session in self._agreed)
        if is_held != self._is_held:
            self._is_held = is_held
            for session in self.list_sessions():
                self._relay.hold(session, is_held)

    # what others ask

    @property
    def is_held(self) -> bool:
        """Whether either side wants silence."""
        return self._is_held

    def description_of(self, side: int) -> SessionDescription | None:
        """What a side has said last and the other has agreed to."""
        return self._agreed[side]

    def list_sessions(self) -> list[str]:
        """Names of the relay sessions."""
        return [f"{self.name}/{place}" for place, ports in enumerate(self._ports) if ports is not None]

    def close(self) -> list[str]:
        """No more media; the names of the sessions whose last figures will come."""
        sessions = self.list_sessions()
        for session in sessions:
            self._relay.close_session(session)
        self._ports = [None] * len(self._ports)
        return sessions


def is_carried(medium: MediaDescription) -> bool:
    """RTP over UDP, and not refused."""
    return medium.port != 0 and medium.protocol.upper() in RTP_PROTOCOLS


def _list_kinds(session: SessionDescription) -> list[bytes]:
    return [medium.kind for medium in session.media]
