# SPDX-License-Identifier: Apache-2.0
"""An INVITE that comes while the process that relays is being replaced waits for the next one, which is there within
half a second, rather than be refused with 503. Only the hunt that waits changes it.
"""

from collections.abc import Callable
from typing import Final

from appliance.call.services import CallServices

LIMIT_S: Final = 2.0
LOOK_S: Final = 0.05


class MediaPause:
    """Of one hunt, which waits until LIMIT_S from now and not again."""

    __slots__ = ("_alarm", "_until")

    def __init__(self, services: CallServices, now: float) -> None:
        self._alarm = services.alarm()
        self._until = now + LIMIT_S

    def begin(self, go_on: Callable[[float], None], now: float) -> bool:
        """Whether to wait a little, until go_on is called; False: long enough."""
        if now >= self._until:
            return False
        self._alarm.set(now + LOOK_S, go_on)
        return True

    def stop(self) -> None:
        """Nobody is to be rung any more."""
        self._alarm.clear()
