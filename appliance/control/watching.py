# SPDX-License-Identifier: Apache-2.0
"""`watch sip [number X]` and `watch calls`: what happens, told as it happens, one answer after the other.

A watcher looks at the trace ten times a second; nothing on the path of a message knows of him. Who reads slowly misses
what the trace no longer holds, and is told how much; who does not read is dropped by the server.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final, TypedDict

from appliance.control.asker import Asker
from appliance.control.call_view import write_moment
from appliance.control.conversation import Words
from appliance.control.observed import Call, Observed
from appliance.diagnosis.ladder import LadderMessage, Lanes, list_messages
from appliance.diagnosis.trace import Trace, TraceEntry, names_party
from appliance.errors import OperatorError

LOOK_S: Final = 0.1
CALLS_LOOK_S: Final = 1.0
NAMES_LIVE_S: Final = 5.0
MESSAGES_AT_ONCE: Final = 100
"""In one answer: more than a thousand a second nobody reads, and describing them would hold up calls."""


class WatchedMessages(TypedDict):
    """What was seen since the last answer. missed: messages that could not be told, of the party or of anybody;
    at: UTC, one for each message."""

    messages: list[LadderMessage]
    at: list[str]
    missed: int


class Watching:
    """Answers `watch ...` by reading. now: monotonic seconds; wall_offset: what to add for UTC."""

    def __init__(self, observed: Observed, trace: Trace, clock: Callable[[], float],
                 wall_offset: Callable[[], float]) -> None:
        self._observed = observed
        self._trace = trace
        self._clock = clock
        self._wall_offset = wall_offset
        self._names: dict[str, str] = {}
        self._names_until = 0.0

    def answer(self, words: Words, _asker: Asker) -> AsyncIterator[object]:
        """The stream. Raises OperatorError for words that mean nothing here."""
        if words == ["watch", "calls"]:
            return self._follow_calls()
        if words == ["watch", "sip"] or (words[:3] == ["watch", "sip", "number"] and len(words) == 4 and words[3]):
            return self._follow_messages(str(words[3]).encode() if len(words) == 4 else b"")
        raise OperatorError("watch", " ".join(map(str, words[1:])), "watch calls; watch sip [number X]")

    async def _follow_calls(self) -> AsyncIterator[list[Call]]:
        while True:
            yield list(self._observed.calls(self._clock(), False))
            await asyncio.sleep(CALLS_LOOK_S)

    async def _follow_messages(self, party: bytes) -> AsyncIterator[WatchedMessages]:
        told = self._trace.total
        yield {"messages": [], "at": [], "missed": 0}       # so that the watcher knows that it has begun
        while True:
            await asyncio.sleep(LOOK_S)
            total = self._trace.total
            if total == told:
                continue
            entries = self._trace.newest(total - told)
            missed = total - told - len(entries)
            told = total
            seen = self.describe(entries, party, missed)
            if seen["messages"] or seen["missed"]:
                yield seen

    def describe(self, entries: list[TraceEntry], party: bytes, missed: int) -> WatchedMessages:
        """The messages of the party (of everybody where it is empty), the youngest so many."""
        wanted = [entry for entry in entries if names_party(entry, party)] if party else entries
        missed += max(len(wanted) - MESSAGES_AT_ONCE, 0)
        wanted = wanted[-MESSAGES_AT_ONCE:]
        offset_s = self._wall_offset()
        return {"messages": list_messages(wanted, Lanes(wanted, self._find_name)),
                "at": [write_moment(entry.at + offset_s) for entry in wanted], "missed": missed}

    def _find_name(self, address: str) -> str | None:
        """Who is at a host:port. Looked up anew every five seconds: a list of all phones is not read for each look."""
        now = self._clock()
        if now >= self._names_until:
            self._names = {row["source"]: row["extension"] for row in self._observed.registrations(now)}
            self._names.update((row["server"], row["name"]) for row in self._observed.trunks(now) if row["server"])
            self._names_until = now + NAMES_LIVE_S
        return self._names.get(address)
