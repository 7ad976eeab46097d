# SPDX-License-Identifier: Apache-2.0
"""Call records: one a call, with its legs. Values alone; `RecordStore` is who keeps them.

The call engine fills a record in as the call goes on and hands it over when it is over.
"""

from typing import Protocol


class LegRecord:
    """One leg. line: "office" or the trunk's name; direction: incoming (they called us) or outgoing; number, name: of
    the other side; address: host:port where its signalling was; call_id, local_tag, remote_tag: of its dialog, for the
    ladder; status: final response, 0 for none; reason: in words, of what ended it; times: wall clock, seconds, 0.0 for
    never; codec: what was spoken; packets_received, lost, jitter_ms, opinion: of what came from that side (RFC 3550,
    G.107: mean opinion score 1.0 to 4.5, 0.0 where nothing was measured)."""

    __slots__ = ("address", "answered_at", "call_id", "codec", "direction", "ended_at", "jitter_ms", "line",
                 "local_tag", "lost", "name", "number", "opinion", "packets_received", "packets_sent", "reason",
                 "remote_tag", "started_at", "status")

    def __init__(self, line: str, direction: str, number: str, name: str) -> None:
        self.line = line
        self.direction = direction
        self.number = number
        self.name = name
        self.address = self.call_id = self.local_tag = self.remote_tag = self.reason = self.codec = ""
        self.status = 0
        self.started_at = self.answered_at = self.ended_at = 0.0
        self.packets_received = self.packets_sent = self.lost = 0
        self.jitter_ms = self.opinion = 0.0


class CallRecord:
    """One call. number: ever increasing; caller, callee: as dialled and shown; result: answered, busy, no_answer,
    refused, cancelled, failed, not_found, blocked; status: the final response that the caller got; cause: Q.850, 0 for
    none; ended_by: caller, callee, server; reason: in words; trunk: that carried it, "" for none; times: wall clock,
    seconds."""

    __slots__ = ("answered_at", "callee", "caller", "caller_name", "cause", "dialled", "ended_at", "ended_by",
                 "is_emergency", "legs", "number", "reason", "result", "started_at", "status", "trunk")

    def __init__(self, number: int, started_at: float) -> None:
        self.number = number
        self.caller = self.caller_name = self.callee = self.dialled = ""
        self.result = self.ended_by = self.reason = self.trunk = ""
        self.status = self.cause = 0
        self.is_emergency = False
        self.started_at = started_at
        self.answered_at = self.ended_at = 0.0
        self.legs: list[LegRecord] = []


class RecordStore(Protocol):
    """Keeps the records of ended calls."""

    def keep(self, record: CallRecord) -> None:
        """On disk within a second; never waits."""


class NoRecords:
    """A RecordStore that keeps nothing."""

    __slots__ = ()

    def keep(self, record: CallRecord) -> None:
        """Nothing."""
