# SPDX-License-Identifier: Apache-2.0
"""The targets of a redirection, RFC 3261 8.1.3.4: once each, by q, no loops. One set belongs to one request."""

import re
from typing import Final

from appliance.errors import PeerError
from appliance.native.sip_scanner import Message, ScanError, find_parameter, split_address
from appliance.sip.uri import SipUri

TARGET_LIMIT: Final = 10
"""How many URIs one request is tried with: every one is a stranger's word."""
_QVALUE: Final = re.compile(rb"0(?:\.\d{0,3})?|1(?:\.0{0,3})?")


class TargetSet:
    """What is still to be tried, the best at the end, and everything that was."""

    __slots__ = ("_known", "_waiting", "is_secure")

    def __init__(self, uri: bytes) -> None:
        self.is_secure = uri[:5].lower() == b"sips:"
        self._known: list[SipUri] = []
        self._waiting: list[tuple[float, int, bytes]] = []
        parsed = _parse(uri)
        if parsed is not None:
            self._known.append(parsed)

    def add_contacts(self, response: Message) -> None:
        """Take up the Contacts of a 3xx that are new (8.1.3.4: "MUST NOT add any given URI more than once")."""
        for value in response.values(b"Contact"):
            try:
                _name, written, parameters = split_address(value)
            except ScanError:
                continue
            self._add(written, _read_q(parameters))

    def _add(self, written: bytes, q: float) -> None:
        uri = _parse(written)
        if uri is None or len(self._known) > TARGET_LIMIT:
            return
        if self.is_secure and uri.scheme != b"sips":
            return  # 8.1.3.4: no way from SIPS to SIP that the user has not allowed
        if any(uri == known for known in self._known):
            return
        self._known.append(uri)
        self._waiting.append((q, -len(self._known), bytes(uri)))
        self._waiting.sort()

    def take_next(self) -> bytes | None:
        """The best that is left, None where nothing is."""
        return self._waiting.pop()[2] if self._waiting else None


def _parse(written: bytes) -> SipUri | None:
    """The URI without headers and method: a redirection may say where, not what (19.1.5)."""
    try:
        uri = SipUri.parse(written)
    except PeerError:
        return None
    uri.headers = b""
    if uri.parameter(b"method") is not None:
        return None
    return uri


def _read_q(parameters: bytes) -> float:
    written = find_parameter(parameters, b"q") or b""
    return float(written) if _QVALUE.fullmatch(written) else 1.0
