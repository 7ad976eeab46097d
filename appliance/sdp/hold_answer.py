# SPDX-License-Identifier: Apache-2.0
"""A hold or resume answered in the name of a side that is not to hear of it (RFC 3264 6.1, 8.4). Pure functions."""

import re
from typing import Final

from appliance.sdp.codec import read_codecs
from appliance.sdp.description import MediaDescription, SessionDescription
from appliance.sdp.direction import Direction, decide_answer_direction, is_held_session, read_direction
from appliance.sdp.serializer import write_refusal

_DIRECTION_LINE: Final = re.compile(rb"(?<=\r\n)a=(?:sendrecv|sendonly|recvonly|inactive)[ \t]*\r\n")
_FORMAT_LINE: Final = re.compile(rb"(?<=\r\n)a=(?:rtpmap|fmtp|rtcp-fb): *0*([0-9]{1,3})[ \t][^\r\n]*\r\n")


def answer_hold(offer: SessionDescription, last: SessionDescription, head: bytes,
                told: list[MediaDescription | None]) -> bytes:
    """The answer to an offer that holds or resumes and changes nothing else; b"" for one that changes more.

    last: what its writer has said before; head: the session's own lines of whoever is not asked; told: what that side
    has agreed to send and receive, by the places of the offer; None where it has no such stream.
    """
    if not (is_held_session(offer) or is_held_session(last)):
        return b""
    if not len(offer.media) == len(last.media) == len(told):
        return b""
    sections = [_DIRECTION_LINE.sub(b"", head)]
    for medium, before, other in zip(offer.media, last.media, told, strict=True):
        if medium.kind != before.kind or medium.is_refused != before.is_refused:
            return b""
        if other is None or other.is_refused:       # asked for again, refused again
            sections.append(write_refusal(medium))
            continue
        wanted = read_direction(SessionDescription(head, ()), other)
        section = _narrow(other, _find_common(medium, before, other), decide_answer_direction(
            read_direction(offer, medium), wanted))
        if not section or medium.is_refused or medium.protocol != other.protocol:
            return b""
        sections.append(section)
    return b"".join(sections)


def _find_common(medium: MediaDescription, before: MediaDescription, other: MediaDescription) -> list[bytes]:
    """Formats in use, which both have agreed to, where the offer still has them under the same numbers."""
    known = [{b"%d" % codec.payload_type: codec for codec in read_codecs(one)} for one in (medium, before, other)]
    common = []
    for number in other.formats:
        if number not in medium.formats or number not in before.formats:
            continue
        codecs = [one.get(number) for one in known]
        first = codecs[0]
        if first is None or all(one is not None and one.is_same_format(first) for one in codecs):
            common.append(number)
    return common


def _narrow(other: MediaDescription, numbers: list[bytes], direction: Direction) -> bytes:
    """The stream with these formats and this direction alone; b"" where no speech is left in it."""
    if not numbers:
        return b""
    line, _, rest = other.octets.partition(b"\r\n")
    words = line.split()
    rest = _DIRECTION_LINE.sub(b"", b"\r\n" + rest)
    rest = _FORMAT_LINE.sub(lambda found: found[0] if found[1] in numbers else b"", rest)
    section = b"%s %s%sa=%s\r\n" % (b" ".join(words[:3]), b" ".join(numbers), rest, direction.attribute)
    codecs = read_codecs(MediaDescription(section))
    return section if not codecs or any(codec.is_speech for codec in codecs) else b""
