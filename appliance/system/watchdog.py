# SPDX-License-Identifier: Apache-2.0
"""Signs of life for the service manager, sd_watchdog_enabled(3): a silent daemon is ended and started again."""

import asyncio
import faulthandler
from collections.abc import Callable

from appliance.system.sd_notify import find_manager, notify_manager, read_watchdog_limit_s

PINGS_A_LIMIT = 4       # so that one may come late
STANDARD_ERROR = 2


def read_ping_interval_s() -> float | None:
    """How often to call `say_alive`, None where nobody waits for it. Where we are ended for silence (SIGABRT), standard
    error says from now on what every thread was doing."""
    limit_s = read_watchdog_limit_s()
    if limit_s is None or find_manager() is None:
        return None
    faulthandler.enable(STANDARD_ERROR)
    return limit_s / PINGS_A_LIMIT


def say_alive() -> None:
    """Said once."""
    notify_manager("WATCHDOG=1")


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
