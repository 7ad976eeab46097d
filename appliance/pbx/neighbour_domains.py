# SPDX-License-Identifier: Apache-2.0
"""Other domains whose calls to our extensions are taken without a challenge: `set sip domain NAME source NETWORK`.

Closed by default. A neighbour may reach our extensions and nothing else: nothing of his is ever sent on to a third
party. His From is believed because of where it comes from; nobody else may use his name.
"""

from collections.abc import Mapping
from ipaddress import ip_address

from appliance.errors import PeerError
from appliance.native.sip_scanner import Message
from appliance.pbx.account import Account
from appliance.pbx.trusted_sources import Network
from appliance.sip.flow import Flow
from appliance.sip.uri import SipUri

METHODS = frozenset({b"INVITE", b"MESSAGE", b"OPTIONS"})
"""What a neighbour may ask of an extension; presence and registration are for our own users."""


class NeighbourDomains:
    """Networks by domain name, in small letters."""

    __slots__ = ("_networks",)

    def __init__(self, networks: Mapping[str, tuple[Network, ...]]) -> None:
        self._networks = {name.encode("ascii"): some for name, some in networks.items() if some}

    def identify(self, message: Message, flow: Flow) -> Account | None:
        """Who of a neighbour domain sends this request, as an account that is no extension (`bob@other.test`); None for
        everyone else."""
        if not self._networks or message.method not in METHODS or message.has_credentials:
            return None
        try:
            sender = SipUri.parse(message.from_uri)
            source = ip_address(flow.host.partition(b"%")[0].decode("ascii"))
        except (PeerError, ValueError):
            return None
        networks = self._networks.get(sender.host.rstrip(b"."), ())
        if not any(source in network for network in networks):
            return None
        return Account(sender.aor, b"", "", (), ())
