# SPDX-License-Identifier: Apache-2.0
"""Which hosts are a trunk's: what the configuration calls its servers, and the addresses they were found at. Nothing
gets there but by the trunk, under the rights of whoever calls. A value; lookups of the trunks change what it says.
"""

from collections.abc import Iterable

from appliance.config.configuration import TrunkConfiguration
from appliance.errors import PeerError
from appliance.gateway.trunk import Trunk
from appliance.gateway.trunk_agent import list_hosts
from appliance.sip.locating.plain_host import write_plainly
from appliance.sip.uri import SipUri


class TrunkHosts:
    """trunks: all of them."""

    __slots__ = ("_names", "_servers")

    def __init__(self, trunks: Iterable[Trunk]) -> None:
        self._names: set[bytes] = set()
        self._servers = []
        for trunk in trunks:
            self.add(trunk.configuration)
            self._servers.append(trunk.servers)

    def add(self, configuration: TrunkConfiguration) -> None:
        """One more trunk, of which no server is known but those that its configuration names."""
        self._names.update(map(write_plainly, list_hosts(configuration)))

    def __contains__(self, host: bytes) -> bool:
        """Whether a name or numeric address is a trunk's, whatever the port."""
        plain = write_plainly(host)
        return plain in self._names or any(servers.has_host(plain) for servers in self._servers)

    def has_uri(self, uri: bytes) -> bool:
        """Whether a SIP or SIPS URI, or the Route value in brackets, leads to one, maddr included (19.1.1)."""
        try:
            parsed = SipUri.parse(uri.strip(b"<>"))
        except PeerError:
            return False
        maddr = parsed.parameter(b"maddr")
        return parsed.host in self or bool(maddr and maddr in self)
