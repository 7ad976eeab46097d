# SPDX-License-Identifier: Apache-2.0
"""The calls that the engine carries as people look at them: reads it, satisfies `CallsInProgress`."""

from collections import defaultdict
from collections.abc import Iterator

from appliance.call.call import ENDED, Call
from appliance.call.engine import CallEngine
from appliance.call.leg import Leg
from appliance.call.sound import Sound
from appliance.diagnosis.observed_call import CallCount, ObservedCall, ObservedLeg, name_end


class EngineCalls:
    """engine: whose calls they are. It counts how they end, since the engine remembers only the last ones."""

    __slots__ = ("_answered", "_engine", "_failed")

    def __init__(self, engine: CallEngine) -> None:
        self._engine = engine
        self._answered = 0
        self._failed: defaultdict[int, int] = defaultdict(int)
        engine.on_change(self._note_end, ENDED)

    def _note_end(self, call: Call) -> None:
        if call.answered_at:
            self._answered += 1
        else:
            self._failed[call.record.status] += 1

    def calls(self) -> Iterator[ObservedCall]:
        """Those in progress, oldest first."""
        return map(observe_call, tuple(self._engine.calls.values()))

    def ended_calls(self) -> Iterator[ObservedCall]:
        """The last ones that ended, oldest first."""
        return map(observe_call, tuple(self._engine.ended))

    def find_call(self, number: int) -> ObservedCall | None:
        """One of either kind."""
        call = self._engine.find_number(number)
        return None if call is None else observe_call(call)

    def count_calls(self) -> CallCount:
        """How many, and how they went."""
        engine = self._engine
        talking = sum(bool(call.answered_at) for call in engine.calls.values())
        return CallCount(len(engine.calls), engine.total, self._answered + talking, dict(self._failed))


def observe_call(call: Call) -> ObservedCall:
    """One call with all its legs."""
    record = call.record
    legs = tuple([observe_leg(leg) for leg in call.legs])
    return ObservedCall(
        call.number, call.state.name.lower(), record.caller, record.callee, legs[0].call_id if legs else "", legs,
        record.caller_name, record.dialled, record.result, record.status, record.cause,
        record.ended_by if call.state is ENDED else "", record.reason, record.trunk, record.is_emergency, True,
        record.started_at, record.answered_at, record.ended_at)


def observe_leg(leg: Leg) -> ObservedLeg:
    """One leg; the dialog's identifiers while it is under way come from its usage."""
    record, usage = leg.record, leg.usage
    call_id, local_tag, remote_tag = record.call_id, record.local_tag, record.remote_tag
    target = ""
    if usage is not None:
        dialog = usage.dialog
        call_id, local_tag, remote_tag = (one.decode("latin-1")
                                          for one in (dialog.call_id, dialog.local_tag, dialog.remote_tag))
        target = dialog.remote_target.decode("utf-8", "replace")
    flow = leg.flow or (usage.flow if usage is not None else None)
    address = record.address or ("" if flow is None else flow.hostport.decode("ascii", "replace"))
    return add_sound(leg.sound, ObservedLeg(
        record.line, record.direction, record.number, record.name, address, target, name_state(leg),
        leg.status, call_id, local_tag, remote_tag, record.reason, record.started_at, record.answered_at,
        record.ended_at, record.codec, record.packets_received, record.packets_sent, record.lost, record.jitter_ms,
        record.opinion))


def add_sound(sound: Sound, leg: ObservedLeg) -> ObservedLeg:
    """What the relay has told of a session that goes on, and the estimate of its last interval."""
    heard = sound.heard
    if heard is None or not sound.is_open:
        return leg._replace(figures=heard)
    latest = sound.quality.latest
    return leg._replace(
        codec=sound.codec, packets_received=leg.packets_received + heard.packets,
        packets_sent=leg.packets_sent + sound.sent, lost=leg.lost + heard.lost,
        jitter_ms=max(leg.jitter_ms, heard.jitter_ms), opinion=latest.opinion if latest is not None else 0.0,
        figures=heard)


def name_state(leg: Leg) -> str:
    """In one word, for a person."""
    if leg.has_ended:
        return name_end(leg.status, leg.is_confirmed)
    if leg.is_confirmed:
        return "answered"
    return "ringing" if leg.status > 100 else "trying"
