# SPDX-License-Identifier: Apache-2.0
"""A call as people look at it, whoever carries it: the proxy, the call engine, or the records of earlier calls.

Values alone, made when somebody asks; `CallsInProgress` is who can be asked.
"""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from appliance.call.call_record import CallRecord, LegRecord
from appliance.rtp.relaying import DirectionFigures


class ObservedLeg(NamedTuple):
    """One leg, or one way that the proxy tried. line: "office" or the trunk's name; direction: incoming (they called
    us) or outgoing; number, name, address (host:port): of the other side; target: the URI that was asked for; state:
    trying, ringing, answered, refused, cancelled, ended; status: the last response, 0 for none; call_id,
    local_tag, remote_tag: of its dialog; reason: in words, of what ended it; times: wall clock, 0.0 for never;
    packets_received, lost, jitter_ms, opinion: of what came from that side, opinion 0.0 for unknown; figures: the
    relay's own, where it has told any."""

    line: str
    direction: str
    number: str
    name: str = ""
    address: str = ""
    target: str = ""
    state: str = "trying"
    status: int = 0
    call_id: str = ""
    local_tag: str = ""
    remote_tag: str = ""
    reason: str = ""
    started_at: float = 0.0
    answered_at: float = 0.0
    ended_at: float = 0.0
    codec: str = ""
    packets_received: int = 0
    packets_sent: int = 0
    lost: int = 0
    jitter_ms: float = 0.0
    opinion: float = 0.0
    figures: DirectionFigures | None = None

    @property
    def is_trunk(self) -> bool:
        """Whether it leads out of the office."""
        return self.line != OFFICE_LINE


OFFICE_LINE = "office"
"""The name of the line of all phones (call.line)."""


class ObservedCall(NamedTuple):
    """One call. number: ever increasing; state: calling, ringing, answered, ended; result, cause, ended_by, reason: as
    of `CallRecord`, "" and 0 while nobody knows; status: final response to the caller, 0 before; call_id: of the
    caller's leg; times: wall clock, 0.0 for never; is_relayed: its media pass through us; caller_address: host:port,
    where no leg of the caller's says it."""

    number: int
    state: str
    caller: str
    callee: str
    call_id: str
    legs: tuple[ObservedLeg, ...]
    caller_name: str = ""
    dialled: str = ""
    result: str = ""
    status: int = 0
    cause: int = 0
    ended_by: str = ""
    reason: str = ""
    trunk: str = ""
    is_emergency: bool = False
    is_relayed: bool = False
    started_at: float = 0.0
    answered_at: float = 0.0
    ended_at: float = 0.0
    caller_address: str = ""

    def call_ids(self) -> frozenset[bytes]:
        """Of all its legs, as they stand in messages."""
        return frozenset(one.encode("latin-1", "replace")
                         for one in (self.call_id, *(leg.call_id for leg in self.legs)) if one)


class CallCount(NamedTuple):
    """Calls since start. failed: by final status."""

    active: int
    total: int
    answered: int
    failed: dict[int, int]


class CallsInProgress(Protocol):
    """Somebody who carries calls."""

    def calls(self) -> Iterable[ObservedCall]:
        """Those in progress, oldest first."""

    def ended_calls(self) -> Iterable[ObservedCall]:
        """The last ones that ended, oldest first."""

    def find_call(self, number: int) -> ObservedCall | None:
        """One of either kind."""

    def count_calls(self) -> CallCount:
        """How many, and how they went."""


def observe_record(record: CallRecord) -> ObservedCall:
    """A call that is long over, out of its record."""
    legs = tuple([observe_leg_record(leg) for leg in record.legs])
    return ObservedCall(
        record.number, "ended", record.caller, record.callee, legs[0].call_id if legs else "", legs, record.caller_name,
        record.dialled, record.result, record.status, record.cause, record.ended_by, record.reason, record.trunk,
        record.is_emergency, True, record.started_at, record.answered_at, record.ended_at)


def observe_leg_record(leg: LegRecord) -> ObservedLeg:
    """One leg of it."""
    return ObservedLeg(
        leg.line, leg.direction, leg.number, leg.name, leg.address, "", name_end(leg.status, bool(leg.answered_at)),
        leg.status, leg.call_id, leg.local_tag, leg.remote_tag, leg.reason, leg.started_at, leg.answered_at,
        leg.ended_at, leg.codec, leg.packets_received, leg.packets_sent, leg.lost, leg.jitter_ms, leg.opinion)


def name_end(status: int, was_answered: bool) -> str:
    """The state of a leg that is over."""
    if was_answered:
        return "ended"
    return "refused" if status >= 300 and status != 487 else "cancelled"
