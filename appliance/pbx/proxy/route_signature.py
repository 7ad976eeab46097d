# SPDX-License-Identifier: Apache-2.0
"""Record-Route values that prove themselves (RFC 3261 16.6 step 4): each carries a seal over Call-ID and the caller's
tag, so a request that comes back along one was admitted when its dialog began, whatever tags it claims.

The key outlives restarts, so that calls go on.
"""

from appliance.native.sip_scanner import Message, siphash
from appliance.sip.flow import TCP, TLS, Listener

PARAMETER = b";d="
SEAL_SIZE = 16
HOUR_SIZE = 6
AGE_HOURS_MAX = 24


class RouteSigner:
    """Writes and checks our Record-Route values. key: 16 secret octets; hour: hours since 1970, kept right by the
    shell: a seal is good for a day."""

    __slots__ = ("_heads", "_hour_octets", "_key", "_prefixes", "_secure_prefixes", "hour")

    def __init__(self, key: bytes, listeners: list[Listener]) -> None:
        self._key = key
        self.hour = 0
        self._hour_octets = b"000000"
        self._heads: frozenset[bytes] = frozenset()
        self._prefixes: dict[Listener, bytes] = {}
        self._secure_prefixes: dict[Listener, bytes] = {}
        self.reconfigure(listeners)

    def reconfigure(self, listeners: list[Listener]) -> None:
        """Other listeners, or other addresses of theirs. What was written with the ones of before is still ours."""
        self._prefixes |= {listener: self._prefix(listener) for listener in listeners}
        self._secure_prefixes |= {listener: b"Record-Route: <sips:%s;lr%s" % (listener.hostport, PARAMETER)
                                  for listener in listeners}
        self._heads |= {prefix.partition(b"<")[2] for prefix in self._prefixes.values()}

    def set_hour(self, hour: int) -> None:
        """Now, in hours since 1970."""
        self.hour = hour
        self._hour_octets = b"%06x" % hour

    @staticmethod
    def _prefix(listener: Listener) -> bytes:
        transport = {TCP: b";transport=tcp", TLS: b";transport=tls"}.get(listener.transport, b"")
        return b"Record-Route: <sip:%s%s;lr%s" % (listener.hostport, transport, PARAMETER)

    def _seal(self, call_id: bytes, tag: bytes, hour: bytes) -> bytes:
        return siphash(self._key, b"%s\n%s\n%s" % (call_id, tag, hour))

    def build_lines(self, request: Message, arrived_on: Listener, leaves_from: Listener,
                    uri: bytes = b"") -> bytes:
        """The Record-Route lines of a request: one, or two when it changes listener (RFC 5658 section 5). uri: the
        Request-URI it leaves with: where that is sips, so are the lines (16.6 step 4)."""
        hour = self._hour_octets
        end = b"%s%s>\r\n" % (self._seal(request.call_id, request.from_tag, hour), hour)
        prefixes = self._prefixes
        if leaves_from.transport == TLS and uri[:5].lower() == b"sips:":
            prefixes = self._secure_prefixes
        line = prefixes[leaves_from] + end
        return line if leaves_from is arrived_on else line + prefixes[arrived_on] + end

    def has_written(self, uri: bytes) -> bool:
        """Whether a Route URI has the very form that we write, whatever its seal is worth: most come back so."""
        return uri[:-SEAL_SIZE - HOUR_SIZE] in self._heads

    def is_signed(self, uri: bytes, message: Message) -> bool:
        """Whether this Route URI is one that we wrote into the request that opened this dialog, from either side."""
        at = uri.find(PARAMETER)
        if at < 0:
            return False
        at += len(PARAMETER)
        seal, hour = uri[at:at + SEAL_SIZE], uri[at + SEAL_SIZE:at + SEAL_SIZE + HOUR_SIZE]
        call_id = message.call_id
        if seal != self._seal(call_id, message.from_tag, hour) and seal != self._seal(call_id, message.to_tag, hour):
            return False
        return abs(self.hour - int(hour, 16)) <= AGE_HOURS_MAX
