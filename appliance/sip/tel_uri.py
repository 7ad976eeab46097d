# SPDX-License-Identifier: Apache-2.0
"""Telephone numbers as URIs: tel:+81-3-1234-5678, tel:201;phone-context=office.example (RFC 3966).

A value: nobody changes one after it was read.
"""

import re
from typing import Final

from appliance.errors import PeerError
from appliance.sip.grammar import normalise_escapes

_TEL_URI: Final = re.compile(
    rb"tel:(?P<number>\+[0-9\-.()]*[0-9][0-9\-.()]*|[0-9A-Fa-f*#\-.()]*[0-9A-Fa-f*#][0-9A-Fa-f*#\-.()]*)"
    rb"(?P<parameters>(?:;[A-Za-z0-9\-]+(?:=(?:[A-Za-z0-9\-_.!~*'()\[\]/:&+$]|%[0-9A-Fa-f]{2})+)?)*)", re.IGNORECASE)
_SEPARATORS: Final = b"-.()"


class TelUri:
    """One tel: URI.

    number: upper case, without visual separators, a leading "+" kept; parameters: from the first ";", as written;
    context: the phone-context of a local number, b"" for a global one.
    """

    __slots__ = ("_parameters", "context", "number", "parameters", "written")

    def __init__(self, written: bytes, number: bytes, parameters: bytes) -> None:
        self.written = written
        self.number = number
        self.parameters = parameters
        self._parameters = _read_parameters(parameters, written)
        self.context = self._parameters.get(b"phone-context", b"")

    @classmethod
    def parse(cls, octets: bytes) -> "TelUri":
        """Read a whole tel URI. PeerError: 416 for another scheme, 400 for what is none (section 3)."""
        match = _TEL_URI.fullmatch(octets)
        if match is None:
            status = 400 if octets[:4].lower() == b"tel:" else 416
            raise PeerError("not a tel URI", status, octets, "RFC 3966 3")
        uri = cls(octets, match["number"].translate(None, _SEPARATORS).upper(), match["parameters"])
        if not uri.is_global and not uri.context:
            # 5.1.5: "Local numbers MUST be tagged with a 'phone-context'"
            raise PeerError("local number without phone-context", 400, octets, "RFC 3966 5.1.5")
        return uri

    @property
    def is_global(self) -> bool:
        """Whether this is an E.164 number with its "+"."""
        return self.number[:1] == b"+"

    def parameter(self, name: bytes) -> bytes | None:
        """Value of a parameter (lower-case name), as written; b"" without value, None where absent."""
        return self._parameters.get(name)

    def __bytes__(self) -> bytes:
        return self.written

    def __repr__(self) -> str:
        return f"<TelUri {self.written.decode('ascii', 'backslashreplace')}>"

    def _key(self) -> tuple[bytes, frozenset[tuple[bytes, bytes]]]:
        """What two equivalent URIs have in common (section 4)."""
        return self.number, frozenset((name, _normalise(name, value)) for name, value in self._parameters.items())

    def __eq__(self, other: object) -> bool:
        """Whether both are equivalent: the same digits, the same parameters in any order and case (section 4)."""
        return self._key() == other._key() if isinstance(other, TelUri) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())


def _normalise(name: bytes, value: bytes) -> bytes:
    value = normalise_escapes(value).lower()
    if name == b"ext" or (name == b"phone-context" and value[:1] == b"+"):
        return value.translate(None, _SEPARATORS)
    return value


def _read_parameters(parameters: bytes, written: bytes) -> dict[bytes, bytes]:
    read: dict[bytes, bytes] = {}
    for part in parameters.split(b";")[1:]:
        name, _, value = part.partition(b"=")
        if name.lower() in read:
            raise PeerError("repeated parameter in tel URI", 400, written, "RFC 3966 3")
        read[name.lower()] = value
    return read
