# SPDX-License-Identifier: Apache-2.0
"""How many calls a second may knock: each trunk has its rate, and all strangers of a public side together have theirs,
so that neither a carrier gone wild nor a scanner takes the office's calls from it.
"""

from typing import Final

from appliance.gateway.rate import Rate
from appliance.sip.flow import Flow, Side

TRUNK_CALLS_A_SECOND: Final = 100.0
TRUNK_BURST: Final = 400.0
STRANGER_CALLS_A_SECOND: Final = 10.0
STRANGER_BURST: Final = 40.0


class Admission:
    """Rates by trunk name; one for each public listener's strangers."""

    __slots__ = ("_strangers", "_trunks")

    def __init__(self) -> None:
        self._trunks: dict[str, Rate] = {}
        self._strangers: dict[str, Rate] = {}

    def admit_trunk(self, name: str, now: float) -> bool:
        """One more call of a trunk; False where it is to get 503."""
        rate = self._trunks.get(name)
        if rate is None:
            rate = self._trunks[name] = Rate(TRUNK_CALLS_A_SECOND, TRUNK_BURST)
        return rate.take(now)

    def admit_stranger(self, flow: Flow, now: float) -> bool:
        """One more call of somebody who has proved nothing. The private side has no limit: CONTRACT."""
        listener = flow.listener
        if listener.side is Side.PRIVATE:
            return True
        rate = self._strangers.get(listener.name)
        if rate is None:
            rate = self._strangers[listener.name] = Rate(STRANGER_CALLS_A_SECOND, STRANGER_BURST)
        return rate.take(now)

    def retain(self, names: frozenset[str]) -> None:
        """Forget the trunks that are no more."""
        self._trunks = {name: rate for name, rate in self._trunks.items() if name in names}
