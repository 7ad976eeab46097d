# SPDX-License-Identifier: Apache-2.0
"""Which 3xx of a phone the proxy follows itself (RFC 3261 16.7 step 4): those to other extensions of the office.

Every user of the office may call every extension, so a phone can forward to any. Everything else goes up to the caller,
who has to decide. Pure but for what its parts know.
"""

from appliance.errors import PeerError
from appliance.native.sip_scanner import Message, ScanError, find_parameter, split_address
from appliance.pbx.proxy.route_signature import RouteSigner
from appliance.pbx.proxy.routing import OwnAddresses, read_way
from appliance.pbx.proxy.target import Destination
from appliance.pbx.register_reading import read_q
from appliance.pbx.request_checks import read_extension, unescape_user
from appliance.pbx.target_set import TargetSets
from appliance.sip.uri import SipUri

FOLLOWED = frozenset({300, 301, 302})
"""Not 305 and 380: neither a proxy that a phone names nor another kind of call is for us to choose (21.3.4, 21.3.5)."""


class RedirectFollower:
    """Turns a 3xx into targets. extensions: those that may be followed to."""

    __slots__ = ("_own", "_signer", "_targets", "extensions")

    def __init__(self, own: OwnAddresses, signer: RouteSigner, targets: TargetSets,
                 extensions: frozenset[bytes] = frozenset()) -> None:
        self._own = own
        self._signer = signer
        self._targets = targets
        self.extensions = extensions

    def find_targets(self, request: Message, response: Message) -> list[list[Destination]]:
        """The target groups of a 3xx, by the q of its Contacts; [] where it is not for us to follow. One Contact that
        is not ours is enough: the caller is to have the whole choice."""
        # inside a dialog the peer is who it is; and a sips request must not come down to sip unseen (26.2.2)
        if response.status not in FOLLOWED or request.to_tag or request.uri_scheme == b"sips":
            return []
        visited = {read_extension(request)}
        found: list[tuple[int, bytes]] = []
        for value in response.values(b"Contact"):
            try:
                _, uri, parameters = split_address(value)
                extension = self._read_own_extension(uri)
                q = read_q(find_parameter(parameters, b"q"))
            except (ScanError, PeerError):
                return []
            if extension is None:
                return []
            if extension not in visited:    # 16.5: nobody is asked twice
                visited.add(extension)
                found.append((q, extension))
        found.sort(key=lambda one: -one[0])
        drop = read_way(request, self._own, self._signer).drop
        return [[*group] for _, extension in found for group in self._targets.of_extension(extension, drop)]

    def _read_own_extension(self, uri: bytes) -> bytes | None:
        """The extension that a Contact URI names; None where it leads elsewhere or brings header fields (19.1.5)."""
        if not self._own.has_uri(uri) or b"?" in uri:
            return None
        extension = unescape_user(SipUri.parse(uri).user or b"")
        return extension if extension in self.extensions else None
