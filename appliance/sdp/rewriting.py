# SPDX-License-Identifier: Apache-2.0
"""Somebody else's session description as ours: every address and port replaced, nothing else touched (RFC 7092 3.2.2).

By splicing the octets. What only makes sense with the addresses of the writer goes: ICE, bundles, contact lines, the
name of the session. A hold by 0.0.0.0 stays one. No state but the origin's.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from appliance.errors import MisuseError, PeerError
from appliance.sdp.description import MediaDescription, SessionDescription
from appliance.sdp.origin import OwnOrigin
from appliance.sdp.section_lines import KEPT, SectionLines, is_unspecified, list_addresses

# RFC 8839 4.2.5 and 5: who relays the media takes ICE out; RFC 9143 7: one port each here, so no bundle;
# RFC 4570: filters name sources; RFC 5576 6.1: the cname of a source is user@host, which RTCP does not say either once
# it is relayed; "alt" and "x-..." are ICE before it was one. u= e= p= i= k= s= tell who and where.
_ATTRIBUTES: Final = (
    rb"candidate:|remote-candidates:|end-of-candidates|ice-[a-z2]+|group:BUNDLE|bundle-only|source-filter:|alt:|"
    rb"oldmediaip:|oldcip:|oldoip:|X-nat:|nortpproxy:|ssrc:[0-9]+ +cname:")
_WRITERS_OWN: Final = re.compile(rb"\r\na=(?:%s)[^\r\n]*" % _ATTRIBUTES)
_WRITERS_OWN_OF_SESSION: Final = re.compile(rb"\r\n(?:[suepik]=|a=(?:%s|rtcp:|tool:))[^\r\n]*" % _ATTRIBUTES)
_CONNECTION_LINE: Final = re.compile(rb"\r\nc=[^\r\n]*")
_RTCP_LINE: Final = re.compile(rb"\r\na=rtcp:[^\r\n]*")
_ADDRESS: Final = re.compile(rb"[^.:]*[.:].*")     # a name of one word could be any word of any attribute
_FIRST_ATTRIBUTE: Final = re.compile(rb"\r\n(?=[ka]=)|\r\n\Z")
ADDRESSES_LIMIT: Final = 32
"""Each costs a look through the whole description; a session of telephones has one or two."""
_OUR_LINES: Final = (b"c=", b"t=", b"m=", b"s=-", b"a=rtcp:", b"a=rtpmap:")


class MediaAddress:
    """Where we receive media on one leg. address: textual, IPv6 without brackets."""

    __slots__ = ("_line", "_silent_line", "octets")

    def __init__(self, address: str) -> None:
        is_ipv6 = ":" in address
        self.octets = address.encode("ascii")
        self._line = b"\r\nc=IN %s %s" % (b"IP6" if is_ipv6 else b"IP4", self.octets)
        self._silent_line = b"\r\nc=IN IP6 ::" if is_ipv6 else b"\r\nc=IN IP4 0.0.0.0"

    def replace_connection(self, section: bytes) -> bytes:
        """The section with our address in every c= line that has one."""
        start = section.find(b"\r\nc=")
        if start < 0:
            return section
        end = section.index(b"\r\n", start + 4)
        if section.find(b"\r\nc=", end) >= 0:
            return _CONNECTION_LINE.sub(self._translate, section)
        return section[:start] + self._choose(section[start + 4:end]) + section[end:]

    def _translate(self, found: re.Match[bytes]) -> bytes:
        return self._choose(found[0][4:])

    def _choose(self, written: bytes) -> bytes:
        # RFC 3264 8.4: 0.0.0.0 says hold, and must go on saying so
        return self._silent_line if is_unspecified(written.rpartition(b" ")[2]) else self._line


@lru_cache(maxsize=64)      # an address for each listener
def find_address(address: str) -> MediaAddress:
    """The MediaAddress of this address; there is one of each."""
    return MediaAddress(address)


def rewrite_session(session: SessionDescription, origin: OwnOrigin, address: MediaAddress,
                    ports: Sequence[int]) -> bytes:
    """The body to send on our leg.

    ports: ours for RTP, one for each medium in order, RTCP being one above (RFC 3550 11); 0 refuses the stream. Refused
    streams of theirs stay refused. PeerError: 400 where a stream has no address at all, 488 where there are too many.
    """
    if len(ports) != len(session.media):
        raise MisuseError("a port for each medium")
    rest = session.rest
    tail = (_rewrite_session_lines if rest.is_kept else _rewrite_session_lines.__wrapped__)(rest, address)
    is_addressed = b"\r\nc=" in tail
    parts = [b"s=-", tail]      # RFC 8866 5.3
    for medium, port in zip(session.media, ports, strict=True):
        section = _rewrite_medium(medium, address, port)
        if not (is_addressed or medium.port == 0 or b"\r\nc=" in section):
            raise PeerError("no c= line", 400, medium.octets, "RFC 8866 5.7")
        parts.append(section)
    return origin.stamp(_hide_addresses(session, b"".join(parts), address.octets))


@lru_cache(maxsize=KEPT)
def _rewrite_session_lines(rest: SectionLines, address: MediaAddress) -> bytes:
    tail = address.replace_connection(_WRITERS_OWN_OF_SESSION.sub(b"", rest.octets))
    if b"\r\nt=" not in tail:   # RFC 8866 5.9: the next one may insist on it
        tail = _FIRST_ATTRIBUTE.sub(b"\r\nt=0 0\r\n", tail, count=1)
    return tail


@lru_cache(maxsize=KEPT)
def _rewrite_lines(rest: SectionLines, address: MediaAddress) -> bytes:
    return address.replace_connection(_WRITERS_OWN.sub(b"", rest.octets))


def _rewrite_medium(medium: MediaDescription, address: MediaAddress, port: int) -> bytes:
    if medium.port == 0:
        port = 0
    rest = medium.rest
    tail = (_rewrite_lines if rest.is_kept else _rewrite_lines.__wrapped__)(rest, address)
    if rest.rtcp is not None or b"\r\na=rtcp:" in tail:  # RFC 3605 2.1
        tail = _RTCP_LINE.sub(b"\r\na=rtcp:%d" % (port + 1) if port else b"", tail)
    return b"m=%s %d %s %s%s" % (medium.kind, port, medium.protocol, b" ".join(medium.formats), tail)


def _hide_addresses(session: SessionDescription, lines: bytes, own: bytes) -> bytes:
    """Without the lines in which an address of the writer, other than our own, still stands, such as the cname of
    a=ssrc."""
    head = session.octets
    theirs = session.rest.addresses.union(list_addresses(head[:len(head) - len(session.rest.octets)]))
    for medium in session.media:
        if medium.rest.addresses:
            theirs = theirs.union(medium.rest.addresses)
    if len(theirs) > ADDRESSES_LIMIT:
        raise PeerError("too many addresses", 488, session.octets, "RFC 8866 5.7")
    for foreign in theirs:
        if foreign != own and foreign in lines and _ADDRESS.fullmatch(foreign) and not is_unspecified(foreign):
            lines = b"".join([line for line in lines.splitlines(keepends=True)
                              if foreign not in line or line.startswith(_OUR_LINES)])
    return lines
