# SPDX-License-Identifier: Apache-2.0
"""Which calls are on disk: each a moment after its answer and after each change of its session, until it ends.

What is short never gets there, and what comes together is one transaction: flash wears out by writing. The engine
tells it of changes; what nobody tells (sequence numbers that run ahead, a phone that has moved) it looks for.
"""

import json
from typing import Final

from appliance.call.call import ENDED, Call
from appliance.call.call_snapshot import take_call
from appliance.call.call_table import CallTable
from appliance.call.kept_row import KeptKey, KeptRow, KeptStore
from appliance.ua.usage_snapshot import CSEQ_AHEAD

DELAY_S: Final = 0.25
"""A call that has ended by then is never written."""
RIPE_S: Final = 0.12
"""What has waited for so long goes with what is due."""
LOOK_S: Final = 10.0
Mark = tuple[object, ...]
_write_json: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False).encode


class CallKeeper:
    """Satisfies what CallTable.keeper wants by `note`."""

    __slots__ = ("_alarm", "_engine", "_gone", "_kept", "_look", "_store", "_waiting")

    def __init__(self, engine: CallTable, store: KeptStore) -> None:
        self._engine = engine
        self._store = store
        self._waiting: dict[Call, float] = {}       # by when it was noted, oldest first
        self._gone: list[KeptKey] = []
        self._kept: dict[Call, Mark] = {}
        self._alarm = engine.services.alarm()
        self._look = engine.services.alarm()
        engine.keeper = self.note

    def note(self, call: Call, now: float) -> None:
        """It was answered, its session has changed, or it has ended."""
        if call.state is not ENDED:
            self._waiting.setdefault(call, now)
        else:
            self._waiting.pop(call, None)
            if self._kept.pop(call, None) is None:
                return
            self._gone.append((call.number,))
        if not self._alarm.is_set:
            self._alarm.set(now + DELAY_S, self._hand_over_ripe)

    def drop_rows(self, numbers: list[int]) -> None:
        """These stand for no call any more."""
        if numbers:
            self._store.delete([(number,) for number in numbers])

    def take_up(self, call: Call, now: float) -> None:
        """A call that was on disk goes on: it is written anew, since its sequence numbers have run ahead."""
        self._kept[call] = ()
        self.note(call, now)

    def write_anew(self, now: float) -> None:
        """The disk has lost everything."""
        for call in tuple(self._engine.calls.values()):
            if call.bridge is not None:
                self.note(call, now)

    def flush(self) -> None:
        """Hand over everything: the process ends, its calls may go on."""
        self._hand_over(float("inf"))

    def _hand_over_ripe(self, now: float) -> None:
        self._hand_over(now - RIPE_S)
        if self._waiting:
            self._alarm.set(now + RIPE_S, self._hand_over_ripe)
        if self._kept and not self._look.is_set:
            self._look.set(now + LOOK_S, self._compare)

    def _hand_over(self, noted_until: float) -> None:
        rows: list[KeptRow] = []
        ripe = [call for call, noted_at in self._waiting.items() if noted_at <= noted_until]
        for call in ripe:
            del self._waiting[call]
            snapshot = take_call(call)
            if snapshot is not None:
                rows.append(KeptRow(call.number, call.record.answered_at, _write_json(snapshot)))
                self._kept[call] = mark_call(call)
            elif self._kept.pop(call, None) is not None:
                self._gone.append((call.number,))
        keys, self._gone = self._gone, []
        if keys:
            self._store.delete(keys)
        if rows:
            self._store.save(rows)

    def _compare(self, now: float) -> None:
        """What has changed without a word."""
        for call, mark in tuple(self._kept.items()):
            if mark != mark_call(call):
                self.note(call, now)
        if self._kept:
            self._look.set(now + LOOK_S, self._compare)


def mark_call(call: Call) -> Mark:
    """What must not grow old on disk: where both sides are, and half of what the sequence numbers have in hand."""
    bridge = call.bridge
    if bridge is None:
        return ()
    marks: list[object] = []
    for leg in bridge.legs:
        dialog = leg.handle.dialog
        marks += (dialog.flow, dialog.remote_target, dialog.local_cseq // (CSEQ_AHEAD // 2))
    return tuple(marks)
