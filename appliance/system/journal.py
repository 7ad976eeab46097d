# SPDX-License-Identifier: Apache-2.0
"""The process's journal: satisfies vocabulary.journal.Journal; one JSON line an event on standard error, or fields for
systemd's journal where standard error is connected to it.

`record` only queues: what it costs on the hot path is a tuple. Lines are formatted and written a moment later, by a
timer of the event loop or, when no loop runs, at once. Any thread may call `record`.
"""

import asyncio
import threading
from collections import deque
from time import monotonic, time

from appliance.system.journal_sink import JournalSink, open_sink

QUEUE_LIMIT = 4096          # events not written yet
FLUSH_DELAY_S = 0.1
RECENT_LIMIT = 1000         # events that are kept for `show log`
EVENTS_A_SECOND = 200       # of one name; a storm tells its size in `events_suppressed`, not in lines
SECRET_NAMES = frozenset({"secret", "password", "ha1"})

Entry = tuple[float, str, dict[str, object]]


class ProcessJournal:
    """Queue, rate limit and timer. State is shared between threads under `_lock`."""

    def __init__(self, sink: JournalSink | None = None) -> None:
        self._sink = sink if sink is not None else open_sink()
        self._queue: deque[Entry] = deque()
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread = 0
        self._is_armed = False
        self._window_end = 0.0
        self._counts: dict[str, int] = {}
        self._lost = 0
        self._recent: deque[Entry] = deque(maxlen=RECENT_LIMIT)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on lines are written by this loop. Called in its thread."""
        self._loop_thread = threading.get_ident()
        self._loop = loop

    def record(self, event: str, **values: object) -> None:
        """Note one event. Never raises, never waits for the disk while a loop runs."""
        at, now = time(), monotonic()
        with self._lock:
            if now >= self._window_end:
                self._open_window(at, now)
            count = self._counts[event] = self._counts.get(event, 0) + 1
            if count > EVENTS_A_SECOND:
                return
            if len(self._queue) >= QUEUE_LIMIT:
                self._lost += 1
                return
            self._queue.append((at, event, values))
            must_arm = not self._is_armed
            self._is_armed = True
        if must_arm:
            self._arm()

    def _open_window(self, at: float, now: float) -> None:
        """A new second: say what the last one has left out."""
        for event, count in self._counts.items():
            if count > EVENTS_A_SECOND:
                self._queue.append((at, "events_suppressed", {"name": event, "count": count - EVENTS_A_SECOND}))
        if self._lost:
            self._queue.append((at, "events_lost", {"count": self._lost}))
            self._lost = 0
        self._counts.clear()
        self._window_end = now + 1.0

    def _arm(self) -> None:
        loop = self._loop
        if loop is None:
            self.flush()
        elif threading.get_ident() == self._loop_thread:
            loop.call_later(FLUSH_DELAY_S, self.flush)
        else:
            try:
                loop.call_soon_threadsafe(loop.call_later, FLUSH_DELAY_S, self.flush)
            except RuntimeError:        # the loop has ended meanwhile; `close` writes the rest
                pass

    def flush(self) -> None:
        """Write what is queued."""
        with self._lock:
            entries = list(self._queue)
            self._queue.clear()
            self._is_armed = False
        if entries:
            shown = [(at, event, hide_secrets(values)) for at, event, values in entries]
            self._recent.extend(shown)
            self._sink.write(shown)

    def recent(self, count: int) -> list[Entry]:
        """The last so many events, oldest first; at: seconds since 1970. What waits to be written is written."""
        self.flush()
        return list(self._recent)[-count:] if count else []

    def close(self) -> None:
        """Write what is queued; what is recorded after this is written at once."""
        self._loop = None
        with self._lock:
            self._open_window(time(), monotonic())
        self.flush()


def hide_secrets(values: dict[str, object]) -> dict[str, object]:
    """Without values whose name says that they are secret: the last guard, not the first."""
    if SECRET_NAMES.isdisjoint(values):
        return values
    return {name: "…" if name in SECRET_NAMES else value for name, value in values.items()}
