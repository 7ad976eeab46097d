# SPDX-License-Identifier: Apache-2.0
"""Which sources need no digest: `set sip listener NAME trusted NETWORK`. Decisions are remembered, bounded."""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from appliance.sip.flow import Flow

Network = IPv4Network | IPv6Network
DECISIONS_LIMIT = 4096


class TrustedSources:
    """Networks by listener name."""

    __slots__ = ("_decisions", "_networks")

    def __init__(self, networks: Mapping[str, tuple[Network, ...]]) -> None:
        self._networks = {name: some for name, some in networks.items() if some}
        self._decisions: dict[tuple[str, bytes], bool] = {}

    def is_trusted(self, flow: Flow) -> bool:
        """Whether the listener of this flow trusts the host at its other end."""
        name = flow.listener.name
        if name not in self._networks:
            return False
        decision = self._decisions.get((name, flow.host))
        if decision is None:
            if len(self._decisions) >= DECISIONS_LIMIT:
                self._decisions.clear()     # the few that are trusted come back with their next request
            decision = self._decisions[name, flow.host] = self._decide(name, flow.host)
        return decision

    def _decide(self, name: str, host: bytes) -> bool:
        try:
            address = ip_address(host.partition(b"%")[0].decode("ascii"))
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks[name])
