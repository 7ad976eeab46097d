# SPDX-License-Identifier: Apache-2.0
"""Calls as the control socket tells them, whoever carries them: from the proxy, the engine, and the records."""

from collections import Counter
from collections.abc import Iterator, Sequence
from heapq import merge
from typing import Protocol

from appliance.call.call_record import CallRecord
from appliance.control.observed import Call, CallCounts, Leg, RecordQuestion
from appliance.control.since import read_since
from appliance.diagnosis.observed_call import CallsInProgress, ObservedCall, ObservedLeg, observe_record
from appliance.errors import MachineError, OperatorError
from appliance.system.clock import render_wall
from appliance.system.store.record_reader import RecordQuery


class Records(Protocol):
    """What has been kept of calls: `system.store.record_reader.RecordReader`."""

    def find(self, number: int) -> CallRecord | None:
        """The record of one call. Raises MachineError."""

    def read(self, query: RecordQuery) -> Iterator[CallRecord]:
        """Those wanted, oldest first. Raises MachineError."""


class CallView:
    """sources: who carries calls; records: None where none are kept."""

    __slots__ = ("_records", "_sources")

    def __init__(self, sources: Sequence[CallsInProgress], records: Records | None = None) -> None:
        self._sources = sources
        self._records = records

    def list_calls(self, wall_now: float, is_ended_included: bool) -> Iterator[Call]:
        """Calls in progress by their number; before them, where asked for, the last ones that ended."""
        if is_ended_included:
            for call in merge(*(source.ended_calls() for source in self._sources), key=lambda one: one.ended_at):
                yield describe_call(call, wall_now)
        for call in merge(*(source.calls() for source in self._sources), key=lambda one: one.number):
            yield describe_call(call, wall_now)

    def find_call(self, number: int) -> ObservedCall | None:
        """One call, in progress or over, from its record where nothing else is left of it. Raises OperatorError."""
        for source in self._sources:
            call = source.find_call(number)
            if call is not None:
                return call
        if self._records is None:
            return None
        try:
            record = self._records.find(number)
        except MachineError as error:
            raise explain_unreadable(error) from error
        return None if record is None else observe_record(record)

    def list_records(self, question: RecordQuestion, wall_now: float) -> Iterator[Call]:
        """Out of the records, oldest first. Raises OperatorError."""
        query = RecordQuery(question.limit, question.after, question.party, read_since(question.since, wall_now))
        if self._records is None:
            return
        try:
            for record in self._records.read(query):
                yield describe_call(observe_record(record), wall_now)
        except MachineError as error:
            raise explain_unreadable(error) from error

    def count_calls(self) -> CallCounts:
        """Of everybody who carries calls."""
        counts = [source.count_calls() for source in self._sources]
        failed: Counter[int] = Counter()
        for count in counts:
            failed.update(count.failed)
        return {
            "active": sum(count.active for count in counts),
            "total": sum(count.total for count in counts),
            "answered": sum(count.answered for count in counts),
            "failed_by_status": {str(status): count for status, count in sorted(failed.items())},
        }


def describe_call(call: ObservedCall, wall_now: float) -> Call:
    """One call in its documented form."""
    return {
        "number": call.number,
        "state": call.state,
        "caller": call.caller,
        "caller_name": call.caller_name,
        "callee": call.callee,
        "dialled": call.dialled,
        "started_at": write_moment(call.started_at),
        "answered_at": write_moment(call.answered_at),
        "ended_at": write_moment(call.ended_at),
        "duration_s": int((call.ended_at or wall_now) - call.answered_at) if call.answered_at else 0,
        "status": call.status,
        "call_id": call.call_id,
        "result": call.result,
        "cause": call.cause,
        "ended_by": call.ended_by,
        "reason": call.reason,
        "trunk": call.trunk,
        "is_emergency": call.is_emergency,
        "legs": [describe_leg(leg) for leg in call.legs],
    }


def describe_leg(leg: ObservedLeg) -> Leg:
    """One leg in its documented form."""
    expected = leg.packets_received + max(leg.lost, 0)
    return {
        "target": leg.target,
        "state": leg.state,
        "status": leg.status,
        "line": leg.line,
        "direction": leg.direction,
        "number": leg.number,
        "name": leg.name,
        "address": leg.address,
        "call_id": leg.call_id,
        "reason": leg.reason,
        "started_at": write_moment(leg.started_at),
        "answered_at": write_moment(leg.answered_at),
        "ended_at": write_moment(leg.ended_at),
        "codec": leg.codec,
        "packets_received": leg.packets_received,
        "packets_sent": leg.packets_sent,
        "loss_percent": round(100.0 * max(leg.lost, 0) / expected, 2) if expected else -1.0,
        "jitter_ms": round(leg.jitter_ms, 2) if expected else -1.0,
        "opinion": round(leg.opinion, 2),
    }


def write_moment(wall_s: float) -> str:
    """Seconds since 1970 as UTC, "" for 0.0."""
    return render_wall(wall_s) if wall_s else ""


def explain_unreadable(error: MachineError) -> OperatorError:
    """The records cannot be read: the alarm of their store says more."""
    return OperatorError("records", error.operation, "a file that can be read", "look at `show alarms`")
