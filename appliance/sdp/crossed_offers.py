# SPDX-License-Identifier: Apache-2.0
"""Two offers that meet: whoever picks up a ringing call has offered, and so has the caller (RFC 3264 6, RFC 3891 3).

Each is answered with the other's description, cut down to what both can and under the numbers of who is answered
(RFC 3264 6.1). Pure functions.
"""

import re
from typing import Final, NamedTuple

from appliance.errors import PeerError
from appliance.sdp.codec import Codec, read_codecs
from appliance.sdp.description import MediaDescription, SessionDescription
from appliance.sdp.direction import decide_answer_direction, read_direction
from appliance.sdp.negotiation import PLAIN_PROTOCOLS, choose_codecs
from appliance.sdp.parser import parse_session
from appliance.sdp.serializer import write_medium, write_refusal

_FORMAT_LINES: Final = re.compile(rb"(?m)^a=(?:(?:rtpmap|fmtp|rtcp-fb):[^\r\n]*|"
                                  rb"(?:sendrecv|sendonly|recvonly|inactive)[ \t]*)\r\n")

Formats = tuple[tuple[int, int, int], ...]
"""Of the first one's media: number there, number with the second one, clock rate."""


class Crossed(NamedTuple):
    """first: what the first one says, as an answer to the second one; second: the reverse; formats: for each of the
    first one's media, empty where numbers are the same or the other one has no such stream."""

    first: SessionDescription
    second: SessionDescription
    formats: tuple[Formats, ...]


def cross_offers(first: SessionDescription, second: SessionDescription) -> Crossed:
    """PeerError, 488: they have no format of speech in common."""
    firsts: list[MediaDescription] = []
    seconds = [MediaDescription(write_refusal(medium)) for medium in second.media]
    formats: list[Formats] = []
    free = list(range(len(second.media)))
    for medium in first.media:
        place = next((one for one in free if _fit(medium, second.media[one])), -1)
        if place < 0:
            firsts.append(MediaDescription(write_refusal(medium)))
            formats.append(())
            continue
        free.remove(place)
        pairs = pair_codecs(medium, second.media[place])
        firsts.append(_cut(first, medium, pairs, (second, second.media[place])))
        seconds[place] = _cut(second, second.media[place], [(theirs, mine) for mine, theirs in pairs], (first, medium))
        formats.append(_list_formats(pairs))
    if len(free) == len(second.media):
        raise PeerError("no common format", 488, second.octets, "RFC 3264 6")
    return Crossed(SessionDescription(first.octets, tuple(firsts)), SessionDescription(second.octets, tuple(seconds)),
                   tuple(formats))


def _fit(one: MediaDescription, other: MediaDescription) -> bool:
    """Whether both are one stream. Keys are agreed on between two ends alone: encrypted media do not cross."""
    if one.kind != other.kind or one.is_refused or other.is_refused:
        return False
    if one.protocol.upper() not in PLAIN_PROTOCOLS or one.protocol.upper() != other.protocol.upper():
        return False
    return any(mine.is_speech for mine, _theirs in pair_codecs(one, other))


def pair_codecs(one: MediaDescription, other: MediaDescription) -> list[tuple[Codec, Codec]]:
    """The formats of both, in the order of the first one, as each writes them."""
    theirs = read_codecs(other)
    common = choose_codecs(read_codecs(one), theirs)
    own = {codec.payload_type: codec for codec in read_codecs(one)}
    return [(own[codec.payload_type], next(their for their in theirs if their.is_same_format(codec)))
            for codec in common]


def _cut(session: SessionDescription, medium: MediaDescription, pairs: list[tuple[Codec, Codec]],
         other: tuple[SessionDescription, MediaDescription]) -> MediaDescription:
    """The section of one with what is common alone, under the other one's numbers."""
    direction = decide_answer_direction(read_direction(*other), read_direction(session, medium))
    codecs = [mine._replace(payload_type=theirs.payload_type) for mine, theirs in pairs]
    written = write_medium((medium.kind, medium.port, other[1].protocol), codecs, direction, 0, False)
    rest = medium.octets.partition(b"\r\n")[2]
    kept = _FORMAT_LINES.sub(b"", rest)
    if other[1].attribute(b"rtcp-mux") is None:     # RFC 5761 5.1.1: an answer multiplexes only what offered to
        kept = kept.replace(b"a=rtcp-mux\r\n", b"")
    begin, _, formats = written.partition(b"\r\n")
    return MediaDescription(begin + b"\r\n" + kept + formats)


def _list_formats(pairs: list[tuple[Codec, Codec]]) -> Formats:
    if all(mine.payload_type == theirs.payload_type for mine, theirs in pairs):
        return ()
    return tuple([(mine.payload_type, theirs.payload_type, mine.clock_rate_hz) for mine, theirs in pairs])


def keep_media(octets: bytes, count: int) -> bytes:
    """A description with its first media lines alone: what lies behind them was never offered (RFC 3264 6)."""
    session = parse_session(octets)
    return bytes(SessionDescription(session.octets, session.media[:count]))
