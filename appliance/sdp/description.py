# SPDX-License-Identifier: Apache-2.0
"""A session description as sections of octets: the session's and one for each medium (RFC 8866).

Values: nobody changes one after it was read. What is not asked for is not looked at, and stays as it was written,
octet for octet; every line ends with CRLF. `sdp.parser` makes them, `sdp.serializer` writes new ones.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from appliance.errors import PeerError
from appliance.sdp.section_lines import Connection, SectionLines, read_lines

_ORIGIN: Final = re.compile(rb"\r\no=(\S+) +(\S+) +(\S+) +(\S+) +(\S+) +(\S+) *\r\n")
_PACKET_TIME: Final = re.compile(rb"\r\na=ptime: *([0-9]{1,4})(?:\.[0-9]+)?[ \t]*\r\n")
PORT_LIMIT: Final = 65535


class Origin(NamedTuple):
    """The o= line (5.2), as written. Only whoever wrote it can say what its words mean."""

    username: bytes
    session_id: bytes
    version: bytes
    network: bytes
    family: bytes
    address: bytes


class Section:
    """Lines that belong together: "v=" to before the first "m=", or one "m=" with what follows.

    octets: the lines, each with its CRLF; rest: those below the first one, of a session below its o= line.
    """

    __slots__ = ("octets", "rest")

    octets: bytes
    rest: SectionLines

    def lines(self) -> list[bytes]:
        """All lines, without their ends."""
        return self.octets[:-2].split(b"\r\n")

    def line(self, letter: bytes) -> bytes | None:
        """What stands behind "letter=" in the first such line after the section's first; None without one."""
        octets = self.octets
        start = octets.find(b"\r\n" + letter + b"=")
        return None if start < 0 else octets[start + 4:octets.index(b"\r\n", start + 4)]

    def attributes(self, name: bytes) -> Iterator[bytes]:
        """Values of every a=name:value, in order, as written; b"" for a=name (5.13)."""
        octets, wanted = self.octets, b"\r\na=" + name
        start = octets.find(wanted)
        while start >= 0:
            begin = start + len(wanted)
            end = octets.index(b"\r\n", begin)
            if octets[begin:begin + 1] == b":":
                yield octets[begin + 1:end]
            elif not octets[begin:end].strip():
                yield b""
            start = octets.find(wanted, end)

    def attribute(self, name: bytes) -> bytes | None:
        """The first of `attributes`; None without any."""
        return next(self.attributes(name), None)

    @property
    def connection(self) -> Connection | None:
        """This section's own c= line; the first where layers have several. None without one, or for another network."""
        return self.rest.connection


class MediaDescription(Section):
    """One m= line and what belongs to it (5.14).

    kind: audio, video ...; port: 0 where the stream is refused or ended (RFC 3264 6); formats: as in the line.
    """

    __slots__ = ("formats", "kind", "port", "port_count", "protocol")

    def __init__(self, octets: bytes) -> None:
        """PeerError where the m= line is none."""
        end = octets.index(b"\r\n")
        self.octets = octets
        self.rest = read_lines(octets[end:])
        words = octets[2:end].split()
        if len(words) < 4:  # 5.14: media port proto fmt
            raise PeerError("m= line without its four words", 400, octets, "RFC 8866 5.14")
        self.kind = words[0].lower()
        port, slash, count = words[1].partition(b"/")
        self.port = _read_number(port, octets)
        self.port_count = _read_number(count, octets) if slash else 1
        self.protocol = words[2]
        self.formats = words[3:]

    @property
    def is_refused(self) -> bool:
        """Whether there is no such stream (RFC 3264 5.1, 6, 8.2)."""
        return self.port == 0

    @property
    def packet_time_ms(self) -> int:
        """The a=ptime that the writer would like to receive (6.4); 0 where it says none."""
        found = _PACKET_TIME.search(self.octets)
        return 0 if found is None else int(found[1])


class SessionDescription(Section):
    """The whole: the session's own section and its media, in order."""

    __slots__ = ("media",)

    def __init__(self, octets: bytes, media: tuple[MediaDescription, ...]) -> None:
        self.octets = octets
        self.rest = read_lines(octets[octets.find(b"\r\n", octets.find(b"\r\n") + 2):])
        self.media = media

    def __bytes__(self) -> bytes:
        return self.octets + b"".join([medium.octets for medium in self.media])

    @property
    def origin(self) -> Origin:
        """The o= line. PeerError where it has not its six words."""
        found = _ORIGIN.search(self.octets)
        if found is None:
            raise PeerError("o= line without its six words", 400, self.octets, "RFC 8866 5.2")
        return Origin(*found.groups())

    def connection_of(self, medium: MediaDescription) -> Connection:
        """Where this medium goes: its own c= line, else the session's (5.7). PeerError without either."""
        found = medium.rest.connection or self.rest.connection
        if found is None:
            raise PeerError("no c= line", 400, medium.octets, "RFC 8866 5.7")
        return found

    def rtcp_of(self, medium: MediaDescription) -> tuple[Connection, int]:
        """Where RTCP of this medium goes without rtcp-mux: a=rtcp (RFC 3605 2.1), else one port above."""
        connection, found = self.connection_of(medium), medium.rest.rtcp
        if found is None or not 0 < found[0] <= PORT_LIMIT:
            return connection, min(medium.port + 1, PORT_LIMIT)  # RFC 3264 5.1
        return found[1] or connection, found[0]


def _read_number(word: bytes, octets: bytes) -> int:
    if not (word.isdigit() and len(word) <= 5 and int(word) <= PORT_LIMIT):
        raise PeerError("m= line without a port", 400, octets, "RFC 8866 5.14")
    return int(word)
