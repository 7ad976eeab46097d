# SPDX-License-Identifier: Apache-2.0
"""From octets to a session description (RFC 8866 5 and 9), tolerant of what phones write. No state."""

import re
from typing import Final

from appliance.errors import PeerError
from appliance.sdp.description import MediaDescription, SessionDescription

SIZE_LIMIT_OCTETS: Final = 65_535
LINES_LIMIT: Final = 2_048
MEDIA_LIMIT: Final = 128
"""More media lines than that are refused as a whole; how many are carried is decided elsewhere."""
FORMATS_LIMIT: Final = 256
# 9: byte-string is any octet but NUL, CR, LF; 5: no space before "=". There is one way to match, so no backtracking.
_HEAD: Final = re.compile(rb"v=0[ \t]*\r\no=\S+(?: +\S+){5} *(?:\r\n|\Z)")


def parse_session(octets: bytes) -> SessionDescription:
    """Read a whole body. PeerError: 400 for what is no session description, 488 for one beyond all bounds.

    Taken as well: LF alone at line ends (5), no end of the last line, empty lines or NUL at the end, an empty or
    missing s=, a missing t=, several blanks, lines out of order behind v= and o=.
    """
    if not has_plain_ends(octets):
        octets = normalise_line_ends(octets)
        if octets.count(b"\r") != octets.count(b"\n"):
            raise PeerError("not a session description", 400, octets, "RFC 8866 9")
    if _HEAD.match(octets) is None or b"\x00" in octets:
        raise PeerError("not a session description", 400, octets, "RFC 8866 9")
    session, *media = octets.split(b"\r\nm=")
    if len(media) > MEDIA_LIMIT:
        raise PeerError("too many media lines", 488, octets, "RFC 8866 5.14")
    sections = []
    if media:
        end = media.pop()   # it alone has kept its CRLF
        sections = [MediaDescription(b"m=%s\r\n" % section) for section in media]
        sections.append(MediaDescription(b"m=" + end))
        session += b"\r\n"
    for section in sections:
        if not section.rest.is_sound:
            raise PeerError("not a session description", 400, octets, "RFC 8866 9")
        if len(section.formats) > FORMATS_LIMIT:
            raise PeerError("too many formats", 488, section.octets, "RFC 8866 5.14")
    description = SessionDescription(session, tuple(sections))
    if not description.rest.is_sound:
        raise PeerError("not a session description", 400, octets, "RFC 8866 9")
    return description


def has_plain_ends(octets: bytes) -> bool:
    """Whether it is all lines with CRLF and nothing else, as nearly everybody writes it: nothing to normalise."""
    if len(octets) > SIZE_LIMIT_OCTETS or octets[-2:] != b"\r\n" or octets[-4:-2] == b"\r\n":
        return False
    return octets.count(b"\r\n") == len(octets.splitlines()) <= LINES_LIMIT   # CR or LF alone would be lines too


def normalise_line_ends(octets: bytes) -> bytes:
    """Every line with CRLF, the last one too, nothing behind it. PeerError 488 for what is too long."""
    if len(octets) > SIZE_LIMIT_OCTETS:
        raise PeerError("session description too long", 488, octets, "RFC 8866 9")
    ends = octets.count(b"\n")
    if ends > LINES_LIMIT:
        raise PeerError("session description of too many lines", 488, octets, "RFC 8866 9")
    if octets.count(b"\r\n") != ends:
        octets = octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    if octets.endswith(b"\r\n") and not octets.endswith(b"\r\n\r\n"):
        return octets
    return octets.rstrip(b"\r\n\x00") + b"\r\n"
