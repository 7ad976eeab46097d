# SPDX-License-Identifier: Apache-2.0
"""The media of two legs that are joined: every media line has a relay session, and each leg's session description
reaches the other with our addresses in it (RFC 7092 3.2.2, RFC 3264).

Side 0 is the leg that came first, side 1 the other. Only the call that joins the legs changes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, Final, NamedTuple

from appliance.errors import PeerError
from appliance.rtp.relaying import EXPEDITED_FORWARDING, LegMedia, LocalPort, MediaRelay, PayloadMapping
from appliance.sdp.alignment import align_offer, restore_answer
from appliance.sdp.codec import read_codecs
from appliance.sdp.crossed_offers import Formats
from appliance.sdp.description import MediaDescription, SessionDescription
from appliance.sdp.direction import is_held_session
from appliance.sdp.hold_answer import answer_hold
from appliance.sdp.origin import OwnOrigin
from appliance.sdp.parser import parse_session
from appliance.sdp.rewriting import find_address, rewrite_session
from appliance.sdp.serializer import write_refusal

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


class Standing(NamedTuple):
    """What a pair was before an offer, which may be refused (RFC 3261 14.1)."""

    layouts: tuple[list[int], list[int]]
    ports: list[tuple[LocalPort, LocalPort] | None]
    sent: list[SessionDescription | None]
    places: tuple[int, ...] | None


Numbers = tuple[tuple[PayloadMapping, ...], tuple[PayloadMapping, ...]]
NO_NUMBERS: Final[Numbers] = ((), ())


class MediaPair:
    """name: of its relay sessions, with a number behind it for each; ends, origins: of both sides; fits: what makes of
    a session the one that may be told there.

    A stream is one relay session; each side's layout says which stream its media lines belong to, in order, since after
    a transfer the two may have them in different places.
    """

    __slots__ = ("_agreed", "_heard", "_is_held", "_layouts", "_muxed", "_numbers", "_offers", "_places", "_ports",
                 "_proposal", "_relay", "_sent", "_standing", "_written", "ends", "fits", "name", "origins")

    def __init__(self, relay: MediaRelay, name: str, ends: tuple[MediaEnd, MediaEnd],
                 origins: tuple[OwnOrigin, OwnOrigin]) -> None:
        self._relay = relay
        self.name = name
        self.ends = list(ends)
        self.origins = origins
        self.fits: list[Callable[[bytes], bytes]] = [keep_session, keep_session]
        self._ports: list[tuple[LocalPort, LocalPort] | None] = []
        self._layouts: tuple[list[int], list[int]] = ([], [])
        self._agreed: list[SessionDescription | None] = [None, None]
        self._offers: list[SessionDescription | None] = [None, None]
        self._sent: list[SessionDescription | None] = [None, None]
        self._heard = [b"", b""]        # octets of what each has said last in an exchange that is complete
        self._written = [b"", b""]      # and of what it was told
        self._proposal = b""            # octets of the open offer
        self._places: tuple[int, ...] | None = None
        self._standing: Standing | None = None
        self._muxed: set[int] = set()
        self._numbers: dict[int, Numbers] = {}      # of streams whose formats have other numbers on each side
        self._is_held = False

    def expect(self, side: int, previous: SessionDescription | None) -> None:
        """The leg of this side has been in another pair: what it was sent last there. Its places are kept."""
        self._sent[side] = previous
        self._layouts[side][:] = [NOWHERE] * len(previous.media) if previous is not None else []

    def carry_offer(self, side: int, octets: bytes) -> bytes:
        """What the other side is offered. PeerError: it cannot be read, has no address or nothing that we carry (488),
        or we have no port (503); then nothing has changed."""
        session = parse_session(octets)
        self._standing = Standing((list(self._layouts[0]), list(self._layouts[1])), list(self._ports),
                                  list(self._sent), self._places)
        self._offers[side], self._proposal = session, octets
        try:
            written = self._lay_out(side, session)
            self._direct(side, session)
            return self._write(1 - side, written)
        except PeerError:
            self.revert(side)
            raise

    def _lay_out(self, side: int, session: SessionDescription) -> SessionDescription:
        """Give each media line of an offer its stream; the offer as the other side is to see it, in its places."""
        own, other = self._layouts[side], self._layouts[1 - side]
        self._silence(side, own[len(session.media):])
        del own[len(session.media):]    # RFC 3264 8 forbids it, phones do it
        own += [NOWHERE] * (len(session.media) - len(own))
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
        return written

    def carry_answer(self, side: int, octets: bytes) -> bytes:
        """What the other side, whose offer this answers, gets; said again, the same. PeerError as above."""
        offer = self._offers[1 - side] or self._agreed[1 - side]
        if self._offers[1 - side] is None and octets == self._heard[side]:
            return self._written[1 - side]
        session = self._complete(side, parse_session(octets))
        written = session if self._places is None else restore_answer(session, self._places)
        muxed = {stream for stream, medium in zip(self._layouts[side], session.media, strict=False)
                 if medium.rest.has_mux_line and medium.attribute(b"rtcp-mux") is not None}
        if muxed != self._muxed or self._numbers:   # RFC 5761 5.1.1: agreed now; so are the numbers of the formats
            self._muxed = muxed
            self._numbers.clear()
            if offer is not None:
                self._direct(1 - side, offer)
        self._direct(side, session)
        said = self._write(1 - side, written)
        if self._offers[1 - side] is not None:
            self._agree(1 - side, offer, self._proposal)
        self._agree(side, session, octets)
        self._note_hold()
        return said

    def _complete(self, side: int, answer: SessionDescription) -> SessionDescription:
        """An answer has a line for each that was offered, of the same kind (RFC 3264 6); lines that a phone has left
        out at the end it refuses."""
        offered = self._sent[side]
        if offered is None:
            return answer
        kinds, expected = _list_kinds(answer), _list_kinds(offered)
        if kinds != expected[:len(kinds)]:
            raise PeerError("an answer with other media lines", 488, answer.octets, "RFC 3264 6")
        missing = [MediaDescription(write_refusal(medium)) for medium in offered.media[len(kinds):]]
        return SessionDescription(answer.octets, (*answer.media, *missing)) if missing else answer

    def _agree(self, side: int, session: SessionDescription | None, octets: bytes) -> None:
        self._agreed[side], self._heard[side] = session, octets
        self._offers[side] = self._standing = None

    def may_hand_over(self, side: int, end: MediaEnd) -> bool:
        """Whether another leg with this end can take the place of the one on this side, at the same ports, so that the
        other side need not hear of it."""
        return self.ends[side].bind_host == end.bind_host and self._offers == [None, None] and not (
            self._is_held or self._numbers) and self._agreed[1 - side] is not None

    def offer_instead(self, side: int, octets: bytes, origin: OwnOrigin) -> bytes:
        """What such a leg is offered: `octets`, the other side's session. Nothing changes. PeerError: as before."""
        session = parse_session(octets)
        layout = self._layouts[1 - side]
        ports = [self._port_of(layout[place] if place < len(layout) else NOWHERE, side, medium)
                 for place, medium in enumerate(session.media)]
        if not any(ports):
            raise PeerError("nothing that we carry", 488, octets, "RFC 3264 6")
        return rewrite_session(session, origin, find_address(self.ends[side].host), ports)

    def hand_over(self, side: int, end: MediaEnd, origin: OwnOrigin, answer: bytes) -> bool:
        """That leg has answered and has the place; False, and nothing changes, where the other side would have to hear
        of it, since it sends what this answer does not take. PeerError as in carry_answer."""
        session, told, agreed = parse_session(answer), self._sent[1 - side], self._agreed[1 - side]
        if told is None or agreed is None or is_held_session(session) or not takes_all(session, told):
            return False
        self.ends[side] = end
        self.origins = (origin, self.origins[1]) if side == 0 else (self.origins[0], origin)
        self._layouts[side][:] = self._layouts[1 - side]
        self._sent[side], self._places = agreed, None
        self._direct(side, session)
        self._agree(side, session, answer)
        return True

    def answer_hold(self, side: int, octets: bytes) -> bytes:
        """The answer to an offer that holds or resumes and changes nothing else, the other side being told nothing; b""
        where it has to be asked. PeerError as above."""
        offer, last, other = parse_session(octets), self._agreed[side], self._agreed[1 - side]
        own, others = self._layouts[side], self._layouts[1 - side]
        if last is None or other is None or self._numbers or len(own) != len(offer.media):
            return b""
        streams = dict(zip(others, other.media, strict=False))
        written = answer_hold(offer, last, other.octets, [streams.get(stream) for stream in own])
        if not written:
            return b""
        said = self._write(side, parse_session(written))
        self._direct(side, offer)
        self._agree(side, offer, octets)
        self._note_hold()
        return said

    def settle(self, side: int, octets: bytes) -> None:
        """The answer of a side to an offer of ours alone; the other side hears nothing of it. PeerError as above."""
        session = self._complete(side, parse_session(octets))
        self._direct(side, session)
        self._agree(side, session, octets)
        self._note_hold()

    def move(self, side: int, end: MediaEnd) -> bool:
        """This side is at another address of ours; what it is told from now on says so, the other side hears nothing.
        False, and nothing changes, while there are not enough ports."""
        if end.bind_host != self.ends[side].bind_host:
            streams = [stream for stream, ports in enumerate(self._ports) if ports is not None]
            taken = [self._relay.take_port(end.bind_host) for _ in streams]
            if None in taken:
                for port in taken:
                    if port is not None:
                        self._relay.return_port(port)
                return False
            for stream, port in zip(streams, taken, strict=True):
                ports = self._ports[stream]
                assert port is not None
                assert ports is not None
                self._relay.move_side(f"{self.name}/{stream}", side, port)
                self._ports[stream] = (port, ports[1]) if side == 0 else (ports[0], port)
        self.ends[side] = end
        return True

    def tell_again(self, side: int) -> bytes:
        """What this side was told last, with our address as it is now; b"" where it has been told nothing."""
        session = self._sent[side]
        return b"" if session is None else self._write(side, session)

    def revert(self, side: int) -> None:
        """The offer of this side was refused: its media are where they were (RFC 3261 14.1)."""
        self._offers[side] = None
        standing, agreed = self._standing, self._agreed[side]
        if standing is not None:
            self._standing = None
            for number, ports in enumerate(self._ports):
                before = standing.ports[number] if number < len(standing.ports) else None
                if ports is not None and before is None:
                    self._relay.close_session(f"{self.name}/{number}")
                    self._ports[number] = None
            for place in (0, 1):
                self._layouts[place][:] = standing.layouts[place]
            self._sent = standing.sent
            self._places = standing.places
        if agreed is not None:
            self._direct(side, agreed)

    def _write(self, side: int, session: SessionDescription) -> bytes:
        layout = self._layouts[side]
        ports = [self._port_of(layout[place] if place < len(layout) else NOWHERE, side, medium)
                 for place, medium in enumerate(session.media)]
        if not any(ports) and any(medium.port for medium in session.media):
            raise PeerError("nothing that we carry", 488, session.octets, "RFC 3264 6")
        written = rewrite_session(session, self.origins[side], find_address(self.ends[side].host), ports)
        self._sent[side] = session
        written = self._written[side] = self.fits[side](written)
        return written

    def _port_of(self, stream: int, side: int, medium: MediaDescription) -> int:
        if stream == NOWHERE or not is_carried(medium):
            return 0
        ports = self._ports[stream]
        return 0 if ports is None else ports[side].port

    def _take_ports(self, stream: int) -> tuple[LocalPort, LocalPort] | None:
        if sum(ports is not None for ports in self._ports) >= STREAMS_LIMIT:
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
            if stream == NOWHERE or (self._ports[stream] is None and not is_carried(medium)):
                continue
            if self._ports[stream] is None:
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
                rtp = rtcp = self._locate(end, connection.address, medium.port)
                if stream not in self._muxed:
                    place, rtcp_port = session.rtcp_of(medium)
                    rtcp = (rtp[0], rtcp_port) if rtp is not None and place is connection else self._locate(
                        end, place.address, rtcp_port)
        numbers = self._numbers.get(stream, NO_NUMBERS)[side]
        other = 1 - side
        is_unheard = self._agreed[other] is None and self._offers[other] is None
        return LegMedia(rtp, rtcp, end.peer_host, end.is_behind_nat, numbers, end.dscp,
                        self.ends[other].peer_host if is_unheard else None)

    def listen(self, side: int, end: MediaEnd) -> None:
        """Where the signalling of a side comes from that has been offered a session and has not answered is known now:
        it may speak before it answers (RFC 3264 5.1)."""
        self.ends[side] = end
        offer = self._offers[1 - side]
        if offer is not None and self._agreed[side] is None:
            self._direct(1 - side, offer)

    @staticmethod
    def _locate(end: MediaEnd, address: bytes, port: int) -> tuple[str, int] | None:
        """RFC 8866 5.7 allows a name; nobody waits for the DNS in the middle of a call: where it calls from, then."""
        host = _read_numeric(address)
        if not host:
            return None if end.peer_host is None else (end.peer_host, port)
        return host, port

    def _silence(self, side: int, streams: list[int]) -> None:
        """Media lines that are there no more."""
        for stream in streams:
            if stream != NOWHERE and self._ports[stream] is not None:
                end = self.ends[side]
                self._relay.direct(f"{self.name}/{stream}", side, LegMedia(None, None, end.peer_host, dscp=end.dscp))

    def mute(self, side: int) -> None:
        """Nothing goes to this side any more, which is about to be told of other ports: phones send to where they hear
        from (symmetric RTP, RFC 4961), and a late packet would draw them back here."""
        self._silence(side, self._layouts[side])

    def unmute(self, side: int) -> None:
        """It stays here after all."""
        session = self._agreed[side]
        if session is not None:
            self._direct(side, session)

    def translate(self, formats: Sequence[Formats]) -> None:
        """For each media line of side 0: the numbers of its formats on both sides, until they agree on others."""
        for stream, numbers in zip(self._layouts[0], formats, strict=True):
            if numbers:
                self._numbers[stream] = (
                    tuple([PayloadMapping(mine, theirs, rate) for mine, theirs, rate in numbers]),
                    tuple([PayloadMapping(theirs, mine, rate) for mine, theirs, rate in numbers]))
        for side, session in enumerate(self._agreed):
            if session is not None and self._numbers:
                self._direct(side, session)

    def _note_hold(self) -> None:
        first, second = self._agreed
        is_held = (first is not None and is_held_session(first)) or (second is not None and is_held_session(second))
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

    def snapshot(self) -> dict[str, Any]:
        """What outlives a restart, as values of JSON; an offer that nobody has answered does not."""
        return {
            "name": self.name, "ends": [list(end) for end in self.ends],
            "origins": [[one.session_id, one.address, one.version, _write_text(one.said)] for one in self.origins],
            "ports": [None if ports is None else [list(port) for port in ports] for ports in self._ports],
            "layouts": [list(layout) for layout in self._layouts],
            "agreed": [_write_session(session) for session in self._agreed],
            "sent": [_write_session(session) for session in self._sent],
            "heard": [_write_text(octets) for octets in self._heard],
            "written": [_write_text(octets) for octets in self._written],
            "muxed": sorted(self._muxed), "is_held": self._is_held,
            "numbers": {str(stream): numbers for stream, numbers in self._numbers.items()},
        }

    @classmethod
    def restore(cls, relay: MediaRelay, saved: dict[str, Any]) -> MediaPair:
        """The pair that a snapshot was taken of; its sessions go on in the relay, which is told nothing. KeyError,
        TypeError, ValueError, PeerError: it cannot be read."""
        first, second = (MediaEnd(*end) for end in saved["ends"])
        origins = [OwnOrigin(number, address, version, said.encode("latin-1"))
                   for number, address, version, said in saved["origins"]]
        pair = cls(relay, str(saved["name"]), (first, second), (origins[0], origins[1]))
        for ports in saved["ports"]:
            pair._ports.append(None if ports is None else (LocalPort(*ports[0]), LocalPort(*ports[1])))
        for side in (0, 1):
            pair._layouts[side].extend(int(stream) for stream in saved["layouts"][side])
            pair._agreed[side] = _read_session(saved["agreed"][side])
            pair._sent[side] = _read_session(saved["sent"][side])
            pair._heard[side] = saved["heard"][side].encode("latin-1")
            pair._written[side] = saved["written"][side].encode("latin-1")
        pair._muxed = set(saved["muxed"])
        pair._is_held = bool(saved["is_held"])
        for stream, (first_numbers, second_numbers) in saved["numbers"].items():
            pair._numbers[int(stream)] = (tuple([PayloadMapping(*one) for one in first_numbers]),
                                          tuple([PayloadMapping(*one) for one in second_numbers]))
        return pair

    def close(self) -> list[str]:
        """No more media; the names of the sessions whose last figures will come."""
        sessions = self.list_sessions()
        for session in sessions:
            self._relay.close_session(session)
        self._ports = [None] * len(self._ports)
        return sessions


def keep_session(session: bytes) -> bytes:
    """For whom every session will do."""
    return session


def takes_all(answer: SessionDescription, told: SessionDescription) -> bool:
    """Whether whoever was told one session may go on as it does when the other side has answered this."""
    if len(answer.media) != len(told.media):
        return False
    return all(bool(medium.port) == bool(other.port) and _list_formats(other) <= _list_formats(medium)
               for medium, other in zip(answer.media, told.media, strict=True))


def _list_formats(medium: MediaDescription) -> set[tuple[int, str, int]]:
    return {(codec.payload_type, codec.encoding, codec.clock_rate_hz) for codec in read_codecs(medium)}


def is_carried(medium: MediaDescription) -> bool:
    """RTP over UDP, and not refused."""
    protocol = medium.protocol
    return medium.port != 0 and (protocol in RTP_PROTOCOLS or protocol.upper() in RTP_PROTOCOLS)


@lru_cache(maxsize=1024)    # one that was met will be met again: to read it costs as much as to relay a packet
def _read_numeric(address: bytes) -> str:
    """The address as text where it is a numeric one; "" where it is a name."""
    host = address.decode("ascii", "replace")
    try:
        ip_address(host)
    except ValueError:
        return ""
    return host


def _write_text(octets: bytes) -> str:
    """As JSON has it: one character an octet."""
    return octets.decode("latin-1")


def _write_session(session: SessionDescription | None) -> str | None:
    return None if session is None else _write_text(bytes(session))


def _read_session(text: str | None) -> SessionDescription | None:
    return None if text is None else parse_session(text.encode("latin-1"))


def _list_kinds(session: SessionDescription) -> list[bytes]:
    return [medium.kind for medium in session.media]
