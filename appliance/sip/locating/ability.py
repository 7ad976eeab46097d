# SPDX-License-Identifier: Apache-2.0
"""What we can send with: transports and address families; and the names the DNS has for transports (RFC 3263 4.1)."""

from collections.abc import Iterable

from appliance.sip.flow import TCP, TLS, UDP, Listener
from appliance.sip.locating.records import RecordType

DEFAULT_PORTS = {UDP: 5060, TCP: 5060, TLS: 5061}
SERVICE_PREFIXES = {UDP: b"_sip._udp.", TCP: b"_sip._tcp.", TLS: b"_sips._tcp."}
NAPTR_SERVICES = {b"SIP+D2U": UDP, b"SIP+D2T": TCP, b"SIPS+D2T": TLS}


class Ability:
    """Pairs of transport and family (4 or 6). Where a transport has both, IPv6 is tried first (RFC 7984, RFC 6724)."""

    __slots__ = ("_pairs", "transports")

    def __init__(self, pairs: Iterable[tuple[bytes, int]]) -> None:
        self._pairs = frozenset(pairs)
        self.transports = frozenset(transport for transport, _ in self._pairs)

    @classmethod
    def of_listeners(cls, listeners: Iterable[Listener]) -> "Ability":
        """We send only from addresses that we listen on."""
        return cls((listener.transport, listener.family) for listener in listeners)

    def may_reach(self, transport: bytes, host: bytes) -> bool:
        """Whether we have this transport in the family of a numeric host."""
        return (transport, 6 if b":" in host else 4) in self._pairs

    def record_types(self, transport: bytes) -> list[RecordType]:
        """What to ask about a name that is to be reached by this transport, the preferred first."""
        return [kind for kind, family in ((RecordType.AAAA, 6), (RecordType.A, 4))
                if (transport, family) in self._pairs]
