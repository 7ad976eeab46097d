# SPDX-License-Identifier: Apache-2.0
"""The calls that pass the proxy as people look at them: reads the dialog table, satisfies `CallsInProgress`."""

from collections.abc import Callable, Iterator

from appliance.diagnosis.observed_call import OFFICE_LINE, CallCount, ObservedCall, ObservedLeg
from appliance.pbx.call import Answer, Call, Leg
from appliance.pbx.dialog_table import DialogTable

RESULTS = {486: "busy", 600: "busy", 480: "no_answer", 408: "no_answer", 404: "not_found", 604: "not_found",
           487: "cancelled", 403: "blocked", 603: "refused", 488: "refused"}


class ProxiedCalls:
    """dialogs: the table; wall_offset: asked when needed."""

    __slots__ = ("_dialogs", "_wall_offset")

    def __init__(self, dialogs: DialogTable, wall_offset: Callable[[], float]) -> None:
        self._dialogs = dialogs
        self._wall_offset = wall_offset

    def calls(self) -> Iterator[ObservedCall]:
        """Those in progress, oldest first."""
        return map(self._observe, self._dialogs.calls())

    def ended_calls(self) -> Iterator[ObservedCall]:
        """The last ones that ended, oldest first."""
        return map(self._observe, tuple(self._dialogs.ended))

    def find_call(self, number: int) -> ObservedCall | None:
        """One of either kind."""
        call = self._dialogs.find_number(number)
        return None if call is None else self._observe(call)

    def count_calls(self) -> CallCount:
        """How many, and how they went."""
        dialogs = self._dialogs
        return CallCount(len(dialogs), dialogs.total, dialogs.answered, dict(dialogs.failed))

    def _observe(self, call: Call) -> ObservedCall:
        state = call.state.name.lower()
        return ObservedCall(
            call.number, state, _text(call.caller), _text(call.callee), call.call_id.decode("latin-1"),
            tuple(self._observe_legs(call)), "", _text(call.callee), _name_result(call, state), call.result, 0,
            call.ended_by, "", "", False, False, self._wall(call.started_at), self._wall(call.answered_at),
            self._wall(call.ended_at), _text(call.caller_flow.hostport))

    def _observe_legs(self, call: Call) -> Iterator[ObservedLeg]:
        answers = list(call.answers.items())
        for leg in call.legs:
            tag, answer = answers.pop(0) if leg.state == "answered" and answers else (b"", None)
            yield self._observe_leg(call, leg, tag, answer)

    def _observe_leg(self, call: Call, leg: Leg, tag: bytes, answer: Answer | None) -> ObservedLeg:
        return ObservedLeg(
            OFFICE_LINE, "outgoing", _text(call.callee), "", "" if answer is None else _text(answer.flow.hostport),
            _text(leg.target), leg.state, leg.status, call.call_id.decode("latin-1"), call.caller_tag.decode("latin-1"),
            tag.decode("latin-1"), "", self._wall(call.started_at),
            self._wall(call.answered_at) if answer is not None else 0.0, self._wall(call.ended_at))

    def _wall(self, at: float) -> float:
        return at + self._wall_offset() if at else 0.0


def _name_result(call: Call, state: str) -> str:
    if call.answered_at:
        return "answered"
    return RESULTS.get(call.result, "failed") if state == "ended" else ""


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")
