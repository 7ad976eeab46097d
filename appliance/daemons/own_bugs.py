# SPDX-License-Identifier: Apache-2.0
"""What becomes of an exception that nobody expected: our own bug, met while serving one message.

The message is lost, the telephones go on: a bug that one strange message wakes must not silence an office. It is noted
with its traceback and raised as an alarm; when bugs come thick, the state cannot be trusted any more and the daemon
stops, to be started afresh by the service manager.
"""

import asyncio
import traceback
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any

from appliance.vocabulary.journal import Journal

TOLERATED = 10
WINDOW_S = 60.0
NAME = "internal_error"


class OwnBugs:
    """The event loop's exception handler. raise_alarm(sentence) tells a person; stop() ends the daemon, to exit 1."""

    def __init__(self, journal: Journal, raise_alarm: Callable[[str], None], stop: Callable[[], None]) -> None:
        self._journal = journal
        self._raise_alarm = raise_alarm
        self._stop = stop
        self._times: deque[float] = deque(maxlen=TOLERATED)
        self.has_given_up = False

    def handle(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Called by asyncio for whatever a callback or task has let through."""
        error = context.get("exception")
        lines = traceback.format_exception(error) if isinstance(error, BaseException) else [str(context.get("message"))]
        self._journal.record(NAME, error=lines[-1].strip(), traceback="".join(lines))
        self._raise_alarm(f"a bug of ours was met and survived: {lines[-1].strip()}")
        now = monotonic()
        if len(self._times) == TOLERATED and now - self._times[0] < WINDOW_S:
            self.has_given_up = True
            self._journal.record("giving_up", errors=TOLERATED, within_s=now - self._times[0])
            self._stop()
        self._times.append(now)
