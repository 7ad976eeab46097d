# SPDX-License-Identifier: Apache-2.0
"""Which answered calls are on disk: rows go there a moment after the answer, and go again when the call ends.

Most of what is short never gets there: flash wears out by writing. Only the dialog table tells it of changes.
"""

from appliance.pbx.call import Call
from appliance.pbx.call_row import CallKey, CallRow, CallStore
from appliance.sip.timers import Timers

DELAY_S = 2.0       # a call that has ended by then is never written
LOOK_S = 1.0        # what has come together meanwhile goes in one transaction


class KeptCalls:
    """The calls that wait for the store, and the rows that have to go. store: None keeps nothing; wall_offset: wall
    clock minus monotonic clock, seconds."""

    __slots__ = ("_gone", "_store", "_timers", "_waiting", "deadline", "wall_offset")

    def __init__(self, timers: Timers, store: CallStore | None, wall_offset: float) -> None:
        self._timers = timers
        self._store = store
        self._waiting: dict[Call, float] = {}       # by when it was noted, oldest first
        self._gone: list[CallKey] = []
        self.deadline = 0.0
        self.wall_offset = wall_offset

    def note_change(self, call: Call, now: float) -> None:
        """A call was answered, or one of its dialogs has changed or ended while another goes on."""
        if self._store is not None:
            self._waiting.setdefault(call, now)
            if not self.deadline:
                self._arm(now + DELAY_S)

    def note_end(self, call: Call, now: float) -> None:
        """A call has ended."""
        self._waiting.pop(call, None)
        if call.kept_tags:
            self._gone += [(call.number, tag) for tag in call.kept_tags]
            call.kept_tags = ()
            if not self.deadline:
                self._arm(now + LOOK_S)

    def drop_rows(self, keys: list[CallKey]) -> None:
        """These stand for no call any more."""
        if self._store is not None and keys:
            self._store.delete(keys)

    def due(self, now: float) -> None:
        """The timer's call."""
        self.deadline = 0.0
        self._hand_over(now - DELAY_S)
        if self._waiting:
            self._arm(now + LOOK_S)

    def flush(self) -> None:
        """Hand over everything: the process ends, its calls go on."""
        self._hand_over(float("inf"))

    def _hand_over(self, noted_until: float) -> None:
        if self._store is None:
            return
        rows: list[CallRow] = []
        keys, self._gone = self._gone, []
        ripe = []
        for call, noted_at in self._waiting.items():
            if noted_at > noted_until:
                break
            ripe.append(call)
        for call in ripe:
            del self._waiting[call]
            tags = tuple(tag for tag in call.callee_tags if tag in call.answers)
            keys += [(call.number, tag) for tag in call.kept_tags if tag not in tags]
            rows += [build_row(call, tag, self.wall_offset) for tag in tags]
            call.kept_tags = tags
        self.drop_rows(keys)
        if rows:
            self._store.save(rows)

    def _arm(self, deadline: float) -> None:
        self.deadline = deadline
        self._timers.arm(self, deadline)


def build_row(call: Call, tag: bytes, wall_offset: float) -> CallRow:
    """The dialog of a call with the phone that answered with this tag, as it goes to disk."""
    answer = call.answers[tag]
    ours, theirs = call.caller_flow, answer.flow
    return CallRow(call.number, tag, call.call_id, call.caller_tag, call.caller, call.callee, call.callee_extension,
                   call.callee_hostport, call.caller_identity, call.caller_uri or b"", *ours.key, answer.uri or b"",
                   *theirs.key, call.started_at + wall_offset, call.answered_at + wall_offset)
