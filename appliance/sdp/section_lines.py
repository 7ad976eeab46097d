# SPDX-License-Identifier: Apache-2.0
"""The lines of a section below its first one, and what is read out of them (RFC 8866 5.7, 6.7; RFC 3605 2.1).

All telephones of one make say the same there, call after call, so what has been read is kept. Nothing is kept that is
of one call alone: keys, ICE, sources. Values: nobody changes one; `read_lines` alone changes what is kept.
"""

import re
from typing import Final, NamedTuple

# Any case but by classes: a search for what begins with fixed octets costs a third of one with re.IGNORECASE.
_CONNECTION: Final = re.compile(rb"\r\nc=[Ii][Nn] +([Ii][Pp][46]) +([^\x00-\x20/]+)(?:/[0-9/]+)? *\r\n")
_RTCP: Final = re.compile(
    rb"\r\na=rtcp: *([0-9]{1,5})(?: +[Ii][Nn] +([Ii][Pp][46]) +([^\x00-\x20/]+))? *\r\n")
_DIRECTION: Final = re.compile(rb"\r\na=(sendrecv|sendonly|recvonly|inactive)[ \t]*(?=\r\n)")
_NETWORK_ADDRESS: Final = re.compile(rb" IP[46] +([^\s/]+)")
_FORM: Final = re.compile(rb"(?:\r\n[A-Za-z]=[^\x00\r\n]*)*\r\n")
_OF_ONE_CALL: Final = (b"\r\na=crypto:", b"\r\nk=", b"\r\na=ice-", b"\r\na=ssrc:", b"\r\na=rtcp:")
KEPT: Final = 256
KEPT_LIMIT_OCTETS: Final = 2048


class Connection(NamedTuple):
    """Where media or RTCP go: the words of c= (5.7), without a time to live. address may be a name."""

    family: bytes
    address: bytes

    @property
    def is_unspecified(self) -> bool:
        """Whether nothing may be sent there."""
        return is_unspecified(self.address)

    @property
    def is_multicast(self) -> bool:
        """Whether a group stands there (5.7): 224 to 239 of IPv4, ff00::/8."""
        if self.family == b"IP6":
            return self.address[:2].lower() == b"ff"
        first = self.address.partition(b".")[0]
        return first.isdigit() and len(first) == 3 and 224 <= int(first) <= 239


_UNSPECIFIED: Final = frozenset({b"0.0.0.0", b"::", b"0:0:0:0:0:0:0:0", b"::0"})


def is_unspecified(address: bytes) -> bool:
    """Whether it stands for "send nothing": 0.0.0.0 (RFC 3264 8.4), :: and names under .invalid (RFC 6157 4)."""
    return address in _UNSPECIFIED or address[-8:].lower() == b".invalid"


class SectionLines:
    """octets: from the CRLF of the first line on; connection: its first c= line, None without one; rtcp: port and place
    of a=rtcp, None without one; direction: the word, b"" without one; has_mux_line: whether "rtcp-mux" stands there;
    addresses: every network address; is_sound: each line is a letter, "=" and a byte-string (RFC 8866 9); is_kept:
    whether there is one object of these octets."""

    __slots__ = ("addresses", "connection", "direction", "has_mux_line", "is_kept", "is_sound", "octets",
                 "rtcp")

    def __init__(self, octets: bytes, is_kept: bool) -> None:
        self.octets = octets
        self.is_kept = is_kept
        self.is_sound = _FORM.fullmatch(octets) is not None
        found = _CONNECTION.search(octets)
        self.connection = None if found is None else Connection(found[1].upper(), found[2])
        found = _RTCP.search(octets)
        self.rtcp = None if found is None else (
            int(found[1]), Connection(found[2].upper(), found[3]) if found[2] else None)
        found = _DIRECTION.search(octets)
        self.direction: bytes = b"" if found is None else found[1]
        self.has_mux_line = b"\r\na=rtcp-mux" in octets
        self.addresses = frozenset(_NETWORK_ADDRESS.findall(octets))


_kept: Final[dict[bytes, SectionLines]] = {}


def read_lines(octets: bytes) -> SectionLines:
    """The lines in these octets, which begin with a CRLF and end with one."""
    lines = _kept.get(octets)
    if lines is None:
        may_keep = len(octets) <= KEPT_LIMIT_OCTETS and not any(one in octets for one in _OF_ONE_CALL)
        lines = SectionLines(octets, may_keep)
        if may_keep:
            if len(_kept) >= KEPT:
                _kept.clear()
            _kept[octets] = lines
    return lines


def list_addresses(octets: bytes) -> list[bytes]:
    """Every network address in these octets."""
    return _NETWORK_ADDRESS.findall(octets)
