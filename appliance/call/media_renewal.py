# SPDX-License-Identifier: Apache-2.0
"""A call whose relay sessions are gone gets new ones by re-INVITE, as soon as both of its legs stand: one that rings
rings on. What is held stays held. Where it cannot be, the call ends with a reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from appliance.call.call import ENDED, Call
from appliance.call.reasons import MEDIA_LOST
from appliance.call.rejoin import Rejoin

LOOK_S: Final = 0.25
PATIENCE_S: Final = 20.0
"""How long is tried again where a leg is busy, or the new relay has gone as well."""
PASSING: Final = frozenset({491, 503})
REASON: Final = "the media relay was lost"


class MediaRenewal:
    """lost: names of sessions that are no more. Satisfies rejoin.RejoinOwner; `over` is called once, in the end."""

    __slots__ = ("_alarm", "_call", "_deadline", "_over", "lost")

    def __init__(self, call: Call, over: Callable[[Call], None]) -> None:
        self._call = call
        self._over = over
        self._alarm = call.services.alarm()
        self._deadline = 0.0
        self.lost: set[str] = set()

    def start(self, lost: Iterable[str], now: float) -> None:
        """Begin; while it is under way, these are lost as well."""
        is_new = not self.lost
        self.lost.update(lost)
        self._deadline = now + PATIENCE_S
        if is_new:
            self._try(now)

    def _try(self, now: float) -> None:
        call, bridge = self._call, self._call.bridge
        if call.state is ENDED:
            self._over(call)
        elif bridge is None or not all(leg.is_confirmed and not leg.has_ended for leg in bridge.legs):
            self._deadline = now + PATIENCE_S
            self._alarm.set(now + LOOK_S, self._try)
        elif self.lost.isdisjoint(bridge.pair.list_sessions()):
            self._over(call)    # whoever answered has media of his own
        else:
            Rejoin(call, bridge.legs, call.renew_pair(), self).start(now, False)

    def rejoined(self, rejoin: Rejoin, now: float) -> None:
        """RejoinOwner. The voices are back, unless that relay is gone as well."""
        self._call.bridge_legs(rejoin.legs, rejoin.pair)
        self._call.session_changed(now)
        self._call.services.journal.record("media_renewed", number=self._call.number)
        self._try(now)

    def rejoin_failed(self, rejoin: Rejoin, status: int, now: float) -> None:
        """RejoinOwner. One of them is busy, has left, or would not have it."""
        call = self._call
        call.drop_pair(rejoin.pair)
        if call.state is not ENDED and status in PASSING and now < self._deadline:
            self._alarm.set(now + LOOK_S, self._try)
            return
        self._over(call)
        call.note(REASON)
        call.hang_up(now, MEDIA_LOST)
