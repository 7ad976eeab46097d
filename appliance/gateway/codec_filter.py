# SPDX-License-Identifier: Apache-2.0
"""An offer cut down to what a carrier takes: its codecs, its packet time (RFC 3264 5.1, RFC 8866 6.4, 6.6). Pure.

What is left keeps its numbers and its place, so that the answer can be read against the whole offer.
"""

import re
from typing import Final

from appliance.errors import PeerError
from appliance.sdp.codec import read_codecs
from appliance.sdp.description import MediaDescription
from appliance.sdp.parser import parse_session

_FORMAT_LINE: Final = re.compile(rb"a=(?:rtpmap|fmtp|rtcp-fb): *0*([0-9]{1,3})[ \t]")
_PACKET_TIME_LINES: Final = (b"a=ptime:", b"a=maxptime:")


def filter_offer(offer: bytes, codecs: tuple[str, ...], packet_time_ms: int = 0) -> bytes:
    """The offer with the audio formats of these encoding names alone; other media are refused. b"" where no speech is
    left: nothing that the carrier could take. What is no session description stays as it is, for others to refuse."""
    if not codecs or not offer:
        return offer
    try:
        session = parse_session(offer)
        sections = [_filter_medium(medium, codecs, packet_time_ms) for medium in session.media]
    except PeerError:
        return offer
    if not any(sections):
        return b""
    refused = [_refuse_medium(medium) if section is None else section
               for medium, section in zip(session.media, sections, strict=True)]
    return session.octets + b"".join(refused)


def _filter_medium(medium: MediaDescription, codecs: tuple[str, ...], packet_time_ms: int) -> bytes | None:
    """None for a stream that is not for this carrier."""
    if medium.is_refused or medium.kind != b"audio":
        return None
    kept = [codec for codec in read_codecs(medium) if codec.encoding in codecs]
    if not any(codec.is_speech for codec in kept):
        return None
    clocks = {codec.clock_rate_hz for codec in kept if codec.is_speech}     # RFC 4733 2.1
    numbers = [b"%d" % codec.payload_type for codec in kept if codec.is_speech or codec.clock_rate_hz in clocks]
    lines = [b"m=audio %d %s %s" % (medium.port, medium.protocol, b" ".join(numbers))]
    for line in medium.lines()[1:]:
        found = _FORMAT_LINE.match(line)
        if found is not None and found[1] not in numbers:
            continue
        if packet_time_ms and line.startswith(_PACKET_TIME_LINES):
            continue
        lines.append(line)
    if packet_time_ms:
        lines.append(b"a=ptime:%d" % packet_time_ms)
    return b"\r\n".join(lines) + b"\r\n"


def _refuse_medium(medium: MediaDescription) -> bytes:
    """RFC 3264 6: its place is kept, with port 0."""
    return b"m=%s 0 %s %s\r\n" % (medium.kind, medium.protocol, b" ".join(medium.formats))
