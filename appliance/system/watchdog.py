# SPDX-License-Identifier: Apache-2.0
"""Signs of life for the service manager, sd_watchdog_enabled(3): a silent daemon is ended and started again."""

import asyncio
from collections.abc import Callable

from appliance.system.sd_notify import read_ping_interval_s, say_alive


class LoopWatchdog:
    """Says it from the event loop, so that silence means a loop that hangs. is_healthy: a further condition; while it
    does not hold nothing is said."""

    def __init__(self, is_healthy: Callable[[], bool] = lambda: True) -> None:
        self._is_healthy = is_healthy
        self._timer: asyncio.TimerHandle | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on, where the manager wants it."""
        interval_s = read_ping_interval_s()
        if interval_s is not None:
            self._say(loop, interval_s)

    def stop(self) -> None:
        """No more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _say(self, loop: asyncio.AbstractEventLoop, interval_s: float) -> None:
        if self._is_healthy():
            say_alive()
        self._timer = loop.call_later(interval_s, self._say, loop, interval_s)
