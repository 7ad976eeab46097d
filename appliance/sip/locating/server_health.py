# SPDX-License-Identifier: Apache-2.0
"""Which servers have just failed: for a while they are tried after the others (RFC 3263 4.3), so that a dead one does
not cost every request the wait for its silence. Changed by whoever sends there, by what becomes of the requests.
"""

from appliance.sip.flow import Flow

HOLD_S = 30.0
HELD_MAX = 1024


class ServerHealth:
    """Transport addresses and until when each is held."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[tuple[bytes, bytes, int], float] = {}

    def note_failure(self, flow: Flow, now: float) -> None:
        """It was silent, refused the connection, or showed no certificate to be trusted."""
        key = (flow.listener.transport, flow.host, flow.port)
        self._held.pop(key, None)
        if len(self._held) >= HELD_MAX:
            del self._held[next(iter(self._held))]
        self._held[key] = now + HOLD_S

    def note_answer(self, flow: Flow) -> None:
        """It is there."""
        if self._held:
            self._held.pop((flow.listener.transport, flow.host, flow.port), None)

    def order(self, flows: list[Flow], now: float) -> list[Flow]:
        """Those that are held behind the others, else as they are: where all are held, each is tried all the same."""
        if not self._held or len(flows) < 2:
            return flows
        held = self._held
        return sorted(flows, key=lambda flow: held.get((flow.listener.transport, flow.host, flow.port), 0.0) > now)
