# SPDX-License-Identifier: Apache-2.0
"""Which challenges a trunk's secret answers (RFC 3261 22.1 to 22.3): those of the trunk's own servers, of realms that
they have named. A far end of a call may challenge as well, itself or through the carrier; it learns nothing.

REGISTER and OPTIONS end at the trunk's servers: what they are asked for is theirs. Only answers change it.
"""

from collections.abc import Iterable
from typing import Final

from appliance.gateway.servers import TrunkServers
from appliance.sip.digest.client import DigestExchange

REALMS_LIMIT: Final = 8
_OWN_METHODS: Final = frozenset({b"REGISTER", b"OPTIONS"})


class TrunkRealms:
    """names: domain and hosts of the trunk's configuration, which are realms of its carrier if they are any."""

    __slots__ = ("_names", "_realms", "_servers")

    def __init__(self, servers: TrunkServers, names: Iterable[bytes]) -> None:
        self._servers = servers
        self._names = frozenset(name.lower() for name in names if name)
        self._realms: dict[bytes, None] = {}

    def may_answer(self, realm: bytes, exchange: DigestExchange) -> bool:
        """sip.digest.client.ChallengeJudge. Where nothing is known yet, as on a trunk that neither registers nor asks,
        the first challenge to a call is the carrier's: it comes before anybody else hears of the call."""
        if not self._servers.has_place(exchange.place):
            return False
        if not exchange.is_in_dialog and (exchange.method in _OWN_METHODS or not self._realms):
            self._realms[realm] = None
            if len(self._realms) > REALMS_LIMIT:
                del self._realms[next(iter(self._realms))]
        return realm in self._realms or realm.lower() in self._names
