# SPDX-License-Identifier: Apache-2.0
"""Calls taken up again after a restart: both legs, the bridge and the media between them, under the same number. No
message is sent; the relay, which has gone on, is told nothing.

A call that cannot be taken up (its trunk or listener is gone) is ended on whatever side is left.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, Final

from appliance.call.call import ANSWERED, Call
from appliance.call.call_snapshot import FORM
from appliance.call.caretaker import Caretaker
from appliance.call.engine import CallEngine
from appliance.call.keeping import CallKeeper
from appliance.call.kept_row import KeptRow
from appliance.call.leg import Leg
from appliance.call.line import Dial, Line
from appliance.call.media_pair import MediaPair
from appliance.call.party import Party
from appliance.errors import MachineError, PeerError
from appliance.ua.call_events import Release
from appliance.ua.usage_snapshot import FlowFinder, Snapshot, restore_call

LineFinder = Callable[[str], Line | None]
LEFT_OVER: Final = b'Reason: SIP;cause=503;text="The telephone system was started again"\r\n'
REASON: Final = "lost in a restart"
_UNREADABLE: Final = (KeyError, TypeError, ValueError, AttributeError, IndexError, PeerError, MachineError)


class Leftover(Caretaker):
    """Owns a leg that nobody talks to any more, until it has ended."""

    __slots__ = ("_call",)

    def __init__(self, call: Call) -> None:
        self._call = call

    def leg_released(self, leg: Leg, release: Release, now: float) -> None:
        """LegOwner."""
        self._call.leg_ended(leg, release, now)


class Surviving:
    """What is left of the house after a restart. office: the line of all phones; find_line: by name, None for a trunk
    that is gone; find_flow: None where the listener is gone, a closed one for a connection; has_record: whether a call
    of this number has ended for good."""

    __slots__ = ("find_flow", "find_line", "has_record", "office")

    def __init__(self, office: Line, find_line: LineFinder, find_flow: FlowFinder,
                 has_record: Callable[[int], bool]) -> None:
        self.office = office
        self.find_line = find_line
        self.find_flow = find_flow
        self.has_record = has_record


class KeptCallRestorer:
    """Turns rows into calls of the engine."""

    __slots__ = ("_engine", "_keeper", "_surviving")

    def __init__(self, engine: CallEngine, keeper: CallKeeper, surviving: Surviving) -> None:
        self._engine = engine
        self._keeper = keeper
        self._surviving = surviving

    def restore(self, rows: Iterable[KeptRow], now: float, wall_now: float) -> int:
        """Take up what was stored; how many calls go on. Before the relay tells what it has, and after the trunks are
        there. Whatever the clocks say, no time of a call is in the future."""
        gone: list[int] = []
        for row in rows:
            self._engine.services.numbers.note_taken(row.number)
            if row.expires_wall_s <= wall_now or self._surviving.has_record(row.number):
                gone.append(row.number)
                continue
            try:
                saved = json.loads(row.snapshot)
                call = self._open_call(row.number, saved, now, wall_now)
            except _UNREADABLE as error:
                self._engine.services.journal.record("kept_call_unreadable", number=row.number, reason=str(error))
                gone.append(row.number)
                continue
            self._take_up(call, saved, now)
        self._keeper.drop_rows(gone)
        count = len(self._engine.calls)
        if count:
            self._engine.services.journal.record("calls_taken_up", calls=count)
        return count

    def _open_call(self, number: int, saved: Snapshot, now: float, wall_now: float) -> Call:
        """The call without its legs."""
        if saved["form"] != FORM:
            raise ValueError(f"form {saved['form']}")
        origin = self._surviving.find_line(saved["line"]) or self._surviving.office
        dial = Dial(_read(saved["dialled"]), _read(saved["uri"]), origin, read_party(saved["caller"]),
                    _read(saved["extension"]))
        record = saved["record"]
        started_at = now - max(wall_now - record["started_at"], 0.0)
        answered_at = now - max(wall_now - record["answered_at"], 0.0)
        call = Call(self._engine.services, self._engine, dial, started_at, number)
        read_slots(call.record, record)
        call.answered_at = answered_at
        call.state = ANSWERED
        drop_unbegun(call.caller)       # those that it has come from the snapshot
        call.legs.clear()
        return call

    def _take_up(self, call: Call, saved: Snapshot, now: float) -> None:
        engine = self._engine
        engine.calls[call.number] = call
        engine.total += 1
        self._keeper.take_up(call, now)
        leftover = Leftover(call)
        try:
            legs = [self._restore_leg(call, one, leftover, now) for one in saved["legs"]]
            if saved["first"] >= 0:
                call.caller = legs[saved["first"]]
            first, second = (legs[place] for place in saved["bridge"])
            if not (first.has_ended or second.has_ended):
                pair = MediaPair.restore(engine.services.relay, saved["pair"])
                first.origin, second.origin = pair.origins
                call.bridge_legs((first, second), pair)
        except _UNREADABLE as error:
            engine.services.journal.record("kept_call_unreadable", number=call.number, reason=str(error))
        self._end_leftovers(call, now)
        engine.tell(call)

    def _end_leftovers(self, call: Call, now: float) -> None:
        """Who waited for a transfer, or whose partner cannot be found again."""
        bridge = call.bridge
        if bridge is None:
            call.note(REASON)
            call.record.ended_by = "server"
        for leg in tuple(call.legs):
            if leg.usage is None and not leg.has_ended:
                self._lose(leg, now)
            elif bridge is None or leg not in bridge.legs:
                leg.hang_up(now, LEFT_OVER)
        call.end_if_over(now)

    def _restore_leg(self, call: Call, saved: Snapshot, owner: Leftover, now: float) -> Leg:
        """A leg as it was; one that had not answered yet has ended."""
        surviving = self._surviving
        line = surviving.find_line(saved["line"])
        leg = Leg(call, line or surviving.office, str(saved["direction"]), read_party(saved["party"]), owner)
        call.legs.append(leg)
        read_slots(leg.record, saved["record"])
        leg.status = int(saved["status"])
        leg.is_phone = bool(saved["is_phone"])
        leg.sound.codec = str(saved["codec"])
        name, transport, host, port = saved["flow"] or ("", "", "", 0)
        leg.flow = surviving.find_flow((str(name), _read(transport), _read(host), int(port)))
        if line is None or leg.flow is None or saved["usage"] is None:
            self._lose(leg, now)
            return leg
        for listener, hostport in saved["mapped"].items():
            line.core.profile.mapped.setdefault(listener, _read(hostport))
        leg.is_confirmed = True
        leg.usage = restore_call(line.core, saved["usage"], leg, surviving.find_flow, now)
        return leg

    @staticmethod
    def _lose(leg: Leg, now: float) -> None:
        """There is no way back to it, or it has ended long ago."""
        drop_unbegun(leg)
        leg.record.ended_at = leg.record.ended_at or leg.call.wall(now)
        leg.record.reason = leg.record.reason or REASON


def drop_unbegun(leg: Leg) -> None:
    """A leg that was never anybody's."""
    leg.has_ended = True
    leg.line.call_ends()


def read_slots(record: Any, saved: Snapshot) -> None:
    """The plain values of a record; of another version what both know."""
    for name in record.__slots__:
        if name in saved:
            setattr(record, name, saved[name])


def read_party(words: list[Any]) -> Party:
    """As written by `write_party`."""
    number, name, is_private, domain = words
    return Party(_read(number), _read(name), bool(is_private), _read(domain))


def _read(text: str) -> bytes:
    return text.encode("latin-1")
