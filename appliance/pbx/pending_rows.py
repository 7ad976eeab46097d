# SPDX-License-Identifier: Apache-2.0
"""What the disk does not know yet: bindings waiting to be handed to the store in batches.

Flash wears out, so refreshes wait: losing one to a crash only shortens a binding by what it had left, and phones
refresh at half time. A new, changed or removed binding is another matter and leaves within half a second.
"""

from itertools import islice
from typing import Protocol

from appliance.pbx.binding import Binding
from appliance.pbx.binding_row import BindingKey, BindingRow
from appliance.sip.timers import Timers

CHANGE_DELAY_S = 0.5
ROWS_AT_ONCE = 250                  # a few milliseconds of work; the rest of a batch follows at once
PAUSE_S = 0.05
REFRESH_SHARE = 0.05
REFRESH_DELAY_MIN_S = 1.0
REFRESH_DELAY_MAX_S = 30.0


class BindingStore(Protocol):
    """Where bindings outlive the process. Both calls are queued and return at once; errors are the store's to tell."""

    def save(self, rows: list[BindingRow]) -> None:
        """Insert or replace rows by `BindingRow.key`."""

    def delete(self, keys: list[BindingKey]) -> None:
        """Remove the rows of these keys."""


class PendingRows:
    """The batch in the making; one armed timer while there is anything in it."""

    __slots__ = ("_entries", "_has_change", "_leaving", "_refresh_limit", "_store", "_timers", "deadline",
                 "wall_offset")

    def __init__(self, timers: Timers, store: BindingStore, wall_offset: float) -> None:
        self._timers = timers
        self._store = store
        self.wall_offset = wall_offset
        self._entries: dict[BindingKey, Binding | None] = {}    # None: to be deleted
        self._has_change = False
        self._refresh_limit = 0.0
        self._leaving = 0
        self.deadline = 0.0

    def note_change(self, binding: Binding, now: float) -> None:
        """A binding is new, or is reached another way than before."""
        binding.is_pending = True
        self._entries[binding.key] = binding
        self._has_change = True
        self._keep_armed(now)

    def note_removal(self, binding: Binding, now: float) -> None:
        """A binding is gone."""
        binding.is_pending = False
        self._entries[binding.key] = None
        self._has_change = True
        self._keep_armed(now)

    def note_dead_row(self, key: BindingKey, now: float) -> None:
        """A stored row stands for no binding any more."""
        self._entries.setdefault(key, None)
        self._has_change = True
        self._keep_armed(now)

    def note_refresh(self, binding: Binding, now: float) -> None:
        """A binding only lasts longer."""
        if binding.is_pending:
            return
        delay_s = min(max(binding.granted_s * REFRESH_SHARE, REFRESH_DELAY_MIN_S), REFRESH_DELAY_MAX_S)
        if not self._refresh_limit or now + delay_s < self._refresh_limit:
            self._refresh_limit = now + delay_s
        binding.is_pending = True
        self._entries[binding.key] = binding
        self._keep_armed(now)

    def due(self, now: float) -> None:
        """The timer's call, every half second while something waits."""
        self.deadline = 0.0
        if not self._entries:
            return
        if not self._leaving and (self._has_change or now >= self._refresh_limit):
            self._leaving = len(self._entries)
            self._has_change = False
            self._refresh_limit = 0.0
        if self._leaving:
            self._hand_over(min(self._leaving, ROWS_AT_ONCE), now)
        if self._entries:
            self._keep_armed(now, PAUSE_S if self._leaving else CHANGE_DELAY_S)

    def flush(self, now: float) -> None:
        """Hand everything over; what has ended by now is not worth a row."""
        self._leaving = len(self._entries)
        self._hand_over(self._leaving, now)

    def _hand_over(self, count: int, now: float) -> None:
        """The oldest entries. What is noted meanwhile stands behind them and waits for its own batch."""
        self._leaving -= count
        rows: list[BindingRow] = []
        keys: list[BindingKey] = []
        for key in list(islice(self._entries, count)):
            binding = self._entries.pop(key)
            if binding is None or binding.deadline <= now:
                keys.append(key)
            else:
                binding.is_pending = False
                rows.append(binding.build_row(self.wall_offset))
        if keys:
            self._store.delete(keys)
        if rows:
            self._store.save(rows)

    def _keep_armed(self, now: float, delay_s: float = CHANGE_DELAY_S) -> None:
        if not self.deadline:
            self.deadline = now + delay_s
            self._timers.arm(self, self.deadline)
