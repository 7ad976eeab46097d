# SPDX-License-Identifier: Apache-2.0
"""Offer and answer as pure functions (RFC 3264): what we offer, what we answer, what both then agreed on.

For the ends that we are ourselves; between two phones their descriptions pass rewritten (`sdp.rewriting`). Whose turn
it is, is not known here. A refused session is a value: an `Answer` that accepts nothing.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from appliance.errors import PeerError
from appliance.sdp.codec import DYNAMIC_PAYLOAD_TYPES, Codec, find_event_codec, read_codecs
from appliance.sdp.description import MediaDescription, SessionDescription
from appliance.sdp.direction import Direction, decide_answer_direction, read_direction
from appliance.sdp.section_lines import Connection
from appliance.sdp.serializer import write_medium, write_refusal, write_session

PLAIN_PROTOCOLS: Final = (b"RTP/AVP", b"RTP/AVPF")


class LocalStream(NamedTuple):
    """What one end of ours can do in one stream, and wants to now.

    codecs: in order of preference, under the numbers we would give them; port: for RTP, RTCP is one above; direction:
    the wish of this moment, whatever the other side said before (RFC 6337 5.1, 5.3); packet_time_ms: 0 to say none.
    """

    kind: bytes
    port: int
    codecs: tuple[Codec, ...]
    direction: Direction = Direction.SENDRECV
    packet_time_ms: int = 20
    may_multiplex: bool = True
    protocols: tuple[bytes, ...] = PLAIN_PROTOCOLS


class AgreedStream(NamedTuple):
    """What holds on a stream once an answer is out.

    sending: formats we may send, under the other side's numbers, best first; receiving: formats that may come, under
    ours (RFC 3264 5.1, 6.1: the two may differ); direction: as we see it; remote, remote_rtcp: where to send;
    packet_time_ms: how they like it, 0 where they did not say.
    """

    sending: tuple[Codec, ...]
    receiving: tuple[Codec, ...]
    direction: Direction
    remote: tuple[Connection, int]
    remote_rtcp: tuple[Connection, int]
    is_multiplexed: bool
    packet_time_ms: int

    @property
    def may_send(self) -> bool:
        """Whether media may go out now: not on hold by direction, not to 0.0.0.0 (8.4)."""
        return self.direction.is_sending and not self.remote[0].is_unspecified

    @property
    def speech(self) -> Codec | None:
        """What to speak with: the most preferred (6.1, 7); None where there are events alone."""
        return next((codec for codec in self.sending if codec.is_speech), None)

    @property
    def event_payload_type(self) -> int | None:
        """Under which number to send digits beside `speech` (RFC 4733 2.6.1.2); None for in band."""
        event = find_event_codec(self.sending, self.speech) if self.speech else None
        return event.payload_type if event else None


class Answer(NamedTuple):
    """lines: what goes below our o= line; streams: one for each medium of the offer, None where refused."""

    lines: bytes
    streams: tuple[AgreedStream | None, ...]

    @property
    def is_refusal(self) -> bool:
        """Whether nothing is accepted: an offer in an INVITE then gets 488 (RFC 6337 5.2.3)."""
        return bool(self.streams) and not any(self.streams)


def write_offer(address: str, streams: Sequence[LocalStream], previous: SessionDescription | None = None) -> bytes:
    """The lines of an offer. address: ours; previous: what we last sent in this session, whose streams keep their
    place; one of another kind, or none any more, leaves its place with port 0 (8, 8.2; RFC 6337 5.2.5)."""
    sections: list[bytes] = []
    waiting = list(streams)
    for medium in previous.media if previous else ():
        found = next((stream for stream in waiting if stream.kind == medium.kind), None)
        if found is None:
            sections.append(write_refusal(medium))
        else:
            waiting.remove(found)
            sections.append(_write_offered(found))
    sections += [_write_offered(stream) for stream in waiting]
    return write_session(address, sections)


def _write_offered(stream: LocalStream) -> bytes:
    return write_medium((stream.kind, stream.port, stream.protocols[0]), stream.codecs, stream.direction,
                        stream.packet_time_ms, stream.may_multiplex)


def answer_offer(offer: SessionDescription, address: str, streams: Sequence[LocalStream]) -> Answer:
    """Our answer. streams: what we can do; each serves the first offered stream of its kind that it fits.

    As many media as in the offer, in their order; what fits nothing of ours gets port 0 (6). PeerError where an offered
    stream has no address.
    """
    sections: list[bytes] = []
    agreed: list[AgreedStream | None] = []
    waiting = list(streams)
    for medium in offer.media:
        answered = _answer_medium(offer, medium, waiting)
        if answered is None:
            sections.append(write_refusal(medium))
            agreed.append(None)
        else:
            sections.append(answered[0])
            agreed.append(answered[1])
    time = offer.line(b"t") or b"0 0"   # 6: "The t= line in the answer MUST equal that of the offer"
    return Answer(write_session(address, sections, time), tuple(agreed))


def _answer_medium(offer: SessionDescription, medium: MediaDescription,
                   waiting: list[LocalStream]) -> tuple[bytes, AgreedStream] | None:
    if medium.is_refused:   # 8.2: "MUST be marked with port zero in the answer"
        return None
    if offer.connection_of(medium).is_multicast:    # 6.2: a telephone has no part in such a session
        return None
    for stream in waiting:
        if stream.kind == medium.kind and medium.protocol.upper() in stream.protocols:
            offered = read_codecs(medium)
            common = choose_codecs(offered, stream.codecs)
            if _is_enough(common, offered):
                waiting.remove(stream)
                return _accept_medium(offer, medium, stream, common)
    return None


def _is_enough(common: Sequence[Codec], offered: Sequence[Codec]) -> bool:
    """Whether one can speak with what is left; a stream of events alone needs no more than events."""
    return any(codec.is_speech for codec in common) or (
        bool(common) and not any(codec.is_speech for codec in offered))


def _accept_medium(offer: SessionDescription, medium: MediaDescription, stream: LocalStream,
                   common: list[Codec]) -> tuple[bytes, AgreedStream]:
    direction = decide_answer_direction(read_direction(offer, medium), stream.direction)
    is_multiplexed = stream.may_multiplex and medium.attribute(b"rtcp-mux") is not None     # RFC 5761 5.1.1
    section = write_medium((medium.kind, stream.port, medium.protocol), common, direction,
                           stream.packet_time_ms, is_multiplexed)
    return section, _agree(offer, medium, (common, common), direction, is_multiplexed)


def choose_codecs(offered: Sequence[Codec], ours: Sequence[Codec]) -> list[Codec]:
    """The formats of an answer: those of both, in the offer's order and under its numbers (6.1), with our fmtp.

    Events only with the clock rate of some speech that is left (RFC 4733 2.1).
    """
    common = []
    for codec in offered:
        match = next((own for own in ours if own.is_same_format(codec)), None)
        if match is not None:
            common.append(codec._replace(parameters=match.parameters or _echo_parameters(codec)))
    clocks = {codec.clock_rate_hz for codec in common if codec.is_speech}
    return [codec for codec in common
            if not codec.is_telephone_event or not clocks or codec.clock_rate_hz in clocks]


def _echo_parameters(codec: Codec) -> bytes:
    """What of their fmtp the answer must repeat: all that makes it this very format (6.1)."""
    return b"" if codec.is_telephone_event else codec.parameters


def read_answer(offer: SessionDescription, answer: SessionDescription) -> tuple[AgreedStream | None, ...]:
    """What holds for us, who sent this offer (7). PeerError where it does not answer it: media lines lost, added or of
    another kind (6), a stream that we ended revived (8.2). None for a stream that is refused or has nothing of ours."""
    if len(answer.media) != len(offer.media):
        raise PeerError("answer with another number of media lines", 400, answer.octets, "RFC 3264 6")
    agreed: list[AgreedStream | None] = []
    for ours, theirs in zip(offer.media, answer.media, strict=True):
        if ours.kind != theirs.kind:
            raise PeerError("answer with another medium", 400, theirs.octets, "RFC 3264 6.1")
        if theirs.is_refused:
            agreed.append(None)
        elif ours.is_refused:
            raise PeerError("answer revives a stream", 400, theirs.octets, "RFC 3264 8.2")
        else:
            agreed.append(_read_answered(offer, ours, answer, theirs))
    return tuple(agreed)


def _read_answered(offer: SessionDescription, ours: MediaDescription, answer: SessionDescription,
                   theirs: MediaDescription) -> AgreedStream | None:
    wanted = read_direction(offer, ours)
    # What phones get wrong most: sendrecv in answer to sendonly. We hold to what both allow.
    direction = Direction(wanted & read_direction(answer, theirs).reverse)
    receiving, answered = read_codecs(ours), read_codecs(theirs)
    # 7: only formats of the answer; those that we did not offer are there for us to send at most, and we cannot.
    sending = [codec for codec in answered if any(own.is_same_format(codec) for own in receiving)]
    if not _is_enough(sending, receiving):
        return None
    is_multiplexed = ours.attribute(b"rtcp-mux") is not None and theirs.attribute(b"rtcp-mux") is not None
    return _agree(answer, theirs, (sending, receiving), direction, is_multiplexed)


def _agree(theirs: SessionDescription, medium: MediaDescription, codecs: tuple[list[Codec], list[Codec]],
           direction: Direction, is_multiplexed: bool) -> AgreedStream:
    remote = theirs.connection_of(medium), medium.port
    return AgreedStream(tuple(codecs[0]), tuple(codecs[1]), direction, remote,
                        remote if is_multiplexed else theirs.rtcp_of(medium), is_multiplexed, medium.packet_time_ms)


def renumber_codecs(ours: Sequence[Codec], used: Sequence[Codec]) -> tuple[Codec, ...]:
    """Our formats for the next offer of a session: under the numbers they had in it, the others under free ones.

    used: all that was ever agreed on this stream, both ways; no dynamic number may change its meaning (8.3.2).
    """
    taken = {codec.payload_type for codec in used}
    renumbered: list[Codec] = []
    for own in ours:
        before = next((codec for codec in used if codec.is_same_format(own)), None)
        number = before.payload_type if before else own.payload_type
        if before is None and number in taken:
            number = next((free for free in DYNAMIC_PAYLOAD_TYPES if free not in taken), -1)
        if number >= 0:     # otherwise all 32 mean something already: this one cannot be offered any more
            taken.add(number)
            renumbered.append(own._replace(payload_type=number))
    return tuple(renumbered)
