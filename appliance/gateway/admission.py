# SPDX-License-Identifier: Apache-2.0
"""How many calls a second may knock: each trunk has its rate, each stranger of a public side has one, so that neither
a carrier gone wild nor a scanner takes calls from anybody else. Strangers are answered without state (RFC 3261 8.2.7).
"""

from collections import OrderedDict
from typing import Final

from appliance.gateway.rate import Rate
from appliance.sip.flow import Flow, Side

TRUNK_CALLS_A_SECOND: Final = 100.0
TRUNK_BURST: Final = 400.0
STRANGER_CALLS_A_SECOND: Final = 10.0
STRANGER_BURST: Final = 40.0
STRANGERS_LIMIT: Final = 4096
"""Sources that are remembered; the one that has been quiet for longest is forgotten."""


class Admission:
    """Rates by trunk name, and of strangers by listener and host."""

    __slots__ = ("_strangers", "_trunks")

    def __init__(self) -> None:
        self._trunks: dict[str, Rate] = {}
        self._strangers: OrderedDict[tuple[str, bytes], Rate] = OrderedDict()

    def admit_trunk(self, name: str, now: float) -> bool:
        """One more call of a trunk; False where it is to get 503."""
        rate = self._trunks.get(name)
        if rate is None:
            rate = self._trunks[name] = Rate(TRUNK_CALLS_A_SECOND, TRUNK_BURST)
        return rate.take(now)

    def admit_stranger(self, flow: Flow, now: float) -> bool:
        """One more call of somebody who has proved nothing; the first of a source always. The private side has no
        limit: CONTRACT."""
        listener = flow.listener
        if listener.side is Side.PRIVATE:
            return True
        strangers, source = self._strangers, (listener.name, flow.host)
        rate = strangers.get(source)
        if rate is None:
            rate = strangers[source] = Rate(STRANGER_CALLS_A_SECOND, STRANGER_BURST)
            if len(strangers) > STRANGERS_LIMIT:
                strangers.popitem(last=False)
        strangers.move_to_end(source)
        return rate.take(now)

    def retain(self, names: frozenset[str]) -> None:
        """Forget the trunks that are no more."""
        self._trunks = {name: rate for name, rate in self._trunks.items() if name in names}
