# SPDX-License-Identifier: Apache-2.0
"""What the disk does not know yet: bindings waiting to be handed to the store in batches.

Flash wears out, so refreshes wait: losing one to a crash only shortens a binding by what it had left, and phones
refresh at half time. A new, changed or removed binding is another matter and leaves within 50 ms.
"""

from itertools import islice
from typing import Protocol

from appliance.pbx.binding import Binding
from appliance.pbx.binding_row import BindingKey, BindingRow
from appliance.sip.timers import Timers

CHANGE_DELAY_S = 0.001              # into the next bucket of the timers, which is 50 ms wide
ROWS_AT_ONCE = 250                  # a few milliseconds of work; the rest of a batch follows in the next bucket
REFRESH_LOOK_S = 0.5                # how often is looked whether a refresh has waited long enough
REFRESH_SHARE = 0.05
REFRESH_DELAY_MIN_S = 1.0
REFRESH_DELAY_MAX_S = 30.0


class BindingStore(Protocol):
    """Where bindings outlive the process. Both calls are queued and return at once; errors are the store's to tell."""

    def save(self, rows: list[BindingRow]) -> None:
        """Insert or replace rows by `BindingRow.key`."""

    def delete(self, keys: list[BindingKey]) -> None:
        """Remove the rows of these keys."""


class RefreshTimer:
    """Ends the wait of refreshes."""

    __slots__ = ("_rows", "deadline")

    def __init__(self, rows: "PendingRows") -> None:
        self._rows = rows
        self.deadline = 0.0

    def due(self, now: float) -> None:
        """The timer's call."""
        self.deadline = 0.0
        self._rows.release_refreshes(now)


class PendingRows:
    """The batches in the making: what leaves with the next bucket, and what may wait. An armed timer for each while
    there is anything in it."""

    __slots__ = ("_changes", "_refresh_limit", "_refresh_timer", "_refreshes", "_store", "_timers", "deadline",
                 "wall_offset")

    def __init__(self, timers: Timers, store: BindingStore, wall_offset: float) -> None:
        self._timers = timers
        self._store = store
        self.wall_offset = wall_offset
        self._changes: dict[BindingKey, Binding | None] = {}    # None: to be deleted
        self._refreshes: dict[BindingKey, Binding] = {}
        self._refresh_limit = 0.0
        self._refresh_timer = RefreshTimer(self)
        self.deadline = 0.0

    def note_change(self, binding: Binding, now: float) -> None:
        """A binding is new, or is reached another way than before."""
        binding.is_pending = True
        self._note(binding.key, binding, now)

    def note_removal(self, binding: Binding, now: float) -> None:
        """A binding is gone."""
        binding.is_pending = False
        self._note(binding.key, None, now)

    def note_dead_row(self, key: BindingKey, now: float) -> None:
        """A stored row stands for no binding any more."""
        if key not in self._refreshes and key not in self._changes:
            self._note(key, None, now)

    def note_refresh(self, binding: Binding, now: float) -> None:
        """A binding only lasts longer."""
        if binding.is_pending:
            return
        delay_s = min(max(binding.granted_s * REFRESH_SHARE, REFRESH_DELAY_MIN_S), REFRESH_DELAY_MAX_S)
        if not self._refresh_limit or now + delay_s < self._refresh_limit:
            self._refresh_limit = now + delay_s
        binding.is_pending = True
        self._refreshes[binding.key] = binding
        self._keep_looking(now)

    def due(self, now: float) -> None:
        """The timer's call."""
        self.deadline = 0.0
        self._hand_over(ROWS_AT_ONCE, now)
        if self._changes:
            self._keep_armed(now)

    def release_refreshes(self, now: float) -> None:
        """Let all refreshes leave once one of them has waited for its share of the interval."""
        if not self._refreshes:
            self._refresh_limit = 0.0
        elif now >= self._refresh_limit:
            self._take_refreshes()
            self._keep_armed(now)
        else:
            self._keep_looking(now)

    def flush(self, now: float) -> None:
        """Hand everything over; what has ended by now is not worth a row."""
        self._take_refreshes()
        self._hand_over(len(self._changes), now)

    def _note(self, key: BindingKey, binding: Binding | None, now: float) -> None:
        self._refreshes.pop(key, None)
        self._changes[key] = binding
        self._keep_armed(now)

    def _take_refreshes(self) -> None:
        self._changes.update(self._refreshes)
        self._refreshes.clear()
        self._refresh_limit = 0.0

    def _hand_over(self, count: int, now: float) -> None:
        """The oldest entries; the others stand behind them."""
        rows: list[BindingRow] = []
        keys: list[BindingKey] = []
        for key in list(islice(self._changes, count)):
            binding = self._changes.pop(key)
            if binding is None or binding.deadline <= now:
                keys.append(key)
            else:
                binding.is_pending = False
                rows.append(binding.build_row(self.wall_offset))
        if keys:
            self._store.delete(keys)
        if rows:
            self._store.save(rows)

    def _keep_armed(self, now: float) -> None:
        if not self.deadline:
            self.deadline = now + CHANGE_DELAY_S
            self._timers.arm(self, self.deadline)

    def _keep_looking(self, now: float) -> None:
        timer = self._refresh_timer
        if not timer.deadline:
            timer.deadline = now + REFRESH_LOOK_S
            self._timers.arm(timer, timer.deadline)
