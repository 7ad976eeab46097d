# SPDX-License-Identifier: Apache-2.0
"""Calls taken up again after a restart: their dialogs are proof as before, lamps show them, BYE ends them.

A BYE that came while nobody was here is missed for good, so that they are believed in for a time only.
"""

from collections.abc import Iterable

from appliance.pbx.call import Answer, Call, Leg
from appliance.pbx.call_row import CALL_LIFE_S, CallKey, CallRow
from appliance.pbx.dialog_table import DialogTable
from appliance.sip.flow import Flow
from appliance.sip.timers import Timers
from appliance.ua.usage_snapshot import FlowFinder


class CallLimit:
    """The end of a call whose BYE has been missed."""

    __slots__ = ("_call", "_dialogs", "deadline")

    def __init__(self, dialogs: DialogTable, call: Call, deadline: float) -> None:
        self._dialogs = dialogs
        self._call = call
        self.deadline = deadline

    def due(self, now: float) -> None:
        """The timer's call; nothing where the call has ended as calls do."""
        self.deadline = 0.0
        self._dialogs.end_call(self._call, 200, "server", now)


class CallRestorer:
    """Turns rows into calls. find_flow: what has become of a flow, None where its listener is gone."""

    __slots__ = ("_dialogs", "_find_flow", "_timers")

    def __init__(self, dialogs: DialogTable, timers: Timers, find_flow: FlowFinder) -> None:
        self._dialogs = dialogs
        self._timers = timers
        self._find_flow = find_flow

    def restore(self, rows: Iterable[CallRow], now: float, wall_now: float) -> int:
        """Take up what was stored; how many calls go on. Before anybody is told of calls: watchers get the whole state
        anyway. A box that believes it is 1970 believes in a call no longer than in a new one."""
        calls: dict[int, Call] = {}
        dead: list[CallKey] = []
        for row in rows:
            caller_flow = self._find_flow((row.caller_listener, row.caller_transport, row.caller_host, row.caller_port))
            callee_flow = self._find_flow((row.callee_listener, row.callee_transport, row.callee_host, row.callee_port))
            if row.expires_wall_s <= wall_now or caller_flow is None or callee_flow is None:
                dead.append(row.key)
                continue
            call = calls.get(row.number)
            if call is None:
                call = calls[row.number] = restore_call(row, caller_flow, now, wall_now)
            add_answer(call, row, callee_flow)
        for call in calls.values():
            self._dialogs.adopt(call)
            limit = CallLimit(self._dialogs, call, call.answered_at + CALL_LIFE_S)
            self._timers.arm(limit, limit.deadline)
        self._dialogs.kept.drop_rows(dead)
        return len(calls)


def restore_call(row: CallRow, caller_flow: Flow, now: float, wall_now: float) -> Call:
    """Everything but who answered. Its times are none in the future, whatever the clocks say."""
    call = Call(row.number, row.call_id, row.caller_tag, row.caller, caller_flow)
    call.caller_identity = row.caller_identity
    call.caller_uri = row.caller_uri or None
    call.callee, call.callee_extension, call.callee_hostport = row.callee, row.callee_extension, row.callee_hostport
    call.started_at = now - max(wall_now - row.started_wall_s, 0.0)
    call.answered_at = now - max(wall_now - row.answered_wall_s, 0.0)
    return call


def add_answer(call: Call, row: CallRow, flow: Flow) -> None:
    """The dialog of one row."""
    call.answers[row.callee_tag] = Answer(row.callee_uri or None, flow)
    call.callee_tags.append(row.callee_tag)
    call.kept_tags += (row.callee_tag,)
    leg = Leg(row.callee_uri, b"")
    leg.status = 200
    call.legs.append(leg)
