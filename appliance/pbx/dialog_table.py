# SPDX-License-Identifier: Apache-2.0
"""The calls that pass the proxy: what `show calls` shows and, beside the signed Record-Route, the proof that a request
belongs to a dialog we admitted. A call holds every early dialog of its forks and the one that was answered.

Only the proxy changes its state.
"""

from collections import defaultdict, deque
from collections.abc import Callable

from appliance.errors import MisuseError
from appliance.native.sip_scanner import Message
from appliance.pbx.call import ANSWERED, ENDED, RINGING, TRANSITIONS, Answer, Call, CallState, DialogRequest, Leg
from appliance.pbx.kept_calls import KeptCalls
from appliance.sip.flow import Flow
from appliance.vocabulary.call_numbers import CallNumbers
from appliance.vocabulary.journal import Journal

__all__ = ["Call", "CallState", "DialogRequest", "DialogTable", "Leg"]

ENDED_KEPT = 100
TAGS_KEPT = 64                      # of one call: a phone that invents tags fills no memory
WALL_STEP_S = 2.0                   # a smaller step of the wall clock is not worth writing every call again
CALLS_KEPT = 20_000
"""More than any office has; the oldest goes when a flood of calls without BYE fills the table."""


class DialogTable:
    """All calls now, and the last hundred that ended. total: how many this process has seen begin; answered: how many
    of them were; failed: by final status; kept: the answered ones on disk."""

    __slots__ = ("_calls", "_journal", "_listeners", "_numbers", "answered", "ended", "failed", "kept", "total")

    def __init__(self, journal: Journal, kept: KeptCalls, numbers: CallNumbers) -> None:
        self._calls: dict[tuple[bytes, bytes], Call] = {}
        self._journal = journal
        self._numbers = numbers
        self._listeners: list[Callable[[Call], None]] = []
        self.kept = kept
        self.total = 0
        self.ended: deque[Call] = deque(maxlen=ENDED_KEPT)
        self.answered = 0
        self.failed: defaultdict[int, int] = defaultdict(int)

    def on_change(self, listener: Callable[[Call], None]) -> None:
        """Have every change of a call's state or tags told to this listener, ended calls included."""
        self._listeners.append(listener)

    def _tell(self, call: Call) -> None:
        for listener in self._listeners:
            listener(call)

    def __len__(self) -> int:
        return len(self._calls)

    def calls(self) -> list[Call]:
        """The calls that have not ended, oldest first."""
        return list(self._calls.values())

    def find_number(self, number: int) -> Call | None:
        """A call by its number, ended ones included."""
        for call in (*self._calls.values(), *self.ended):
            if call.number == number:
                return call
        return None

    def find_dialog(self, message: Message) -> Call | None:
        """The call whose dialog a message belongs to, from either side, by Call-ID and both tags (12.2.2)."""
        call_id, from_tag, to_tag = message.call_id, message.from_tag, message.to_tag
        call = self._calls.get((call_id, from_tag))
        if call is not None and to_tag in call.callee_tags:
            return call
        call = self._calls.get((call_id, to_tag))
        if call is not None and from_tag in call.callee_tags:
            return call
        return None

    def has_call(self, message: Message) -> bool:
        """Whether a call that has not ended has this Call-ID and one of these tags as its caller's."""
        return (message.call_id, message.from_tag) in self._calls or (message.call_id, message.to_tag) in self._calls

    def find_ended(self, message: Message) -> Call | None:
        """The call with this Call-ID and caller's tag among the last that ended."""
        call_id, tags = message.call_id, (message.from_tag, message.to_tag)
        for call in reversed(self.ended):
            if call.call_id == call_id and call.caller_tag in tags:
                return call
        return None

    @staticmethod
    def is_dialog_of(call: Call, message: Message) -> bool:
        """Whether both tags are those of one dialog of this call."""
        tag = message.to_tag if message.from_tag == call.caller_tag else message.from_tag
        return tag in call.callee_tags

    def open_call(self, invite: Message, caller: bytes, flow: Flow, now: float) -> Call:
        """A new call has been admitted."""
        if len(self._calls) >= CALLS_KEPT:
            self.end_call(next(iter(self._calls.values())), 0, "server", now)
        self.total += 1
        call = Call(self._numbers.next(), invite.call_id, invite.from_tag, caller, flow)
        call.read_invite(invite)
        call.started_at = now
        previous = self._calls.get(call.key)
        if previous is not None:
            self.end_call(previous, previous.result, previous.ended_by or "caller", now)
        self._calls[call.key] = call
        self._tell(call)
        return call

    def adopt(self, call: Call) -> None:
        """An answered call of the last process; nobody is told. New ones have higher numbers."""
        self._numbers.note_taken(call.number)
        call.state = ANSWERED
        call.result = 200
        self._calls[call.key] = call

    def set_wall_offset(self, wall_offset: float, now: float) -> None:
        """The wall clock was set. Nothing ends sooner or later; only what is on disk is written anew."""
        is_step = abs(wall_offset - self.kept.wall_offset) >= WALL_STEP_S
        self.kept.wall_offset = wall_offset
        if is_step:
            self.write_anew(now)

    def write_anew(self, now: float) -> None:
        """Give the store every answered call again: what it held is lost, or says the wrong time."""
        for call in self._calls.values():
            if call.state is ANSWERED:
                self.kept.note_change(call, now)

    def note_provisional(self, call: Call, response: Message) -> None:
        """A provisional response other than 100: an early dialog when it carries a tag (12.1.1)."""
        if response.to_tag:
            self._add_tag(call, response.to_tag)
        if call.state < ANSWERED:
            self._enter(call, RINGING)
        self._tell(call)

    def note_answer(self, call: Call, response: Message, flow: Flow, now: float) -> None:
        """A 2xx: the call is answered; a second one from another fork adds its dialog (13.2.2.4)."""
        tag = response.to_tag
        if tag in call.answers or len(call.answers) >= TAGS_KEPT:
            return  # sent again
        answer = call.answers[tag] = Answer(response.contact_uri, flow)
        if call.state is ENDED:     # too late: its ACK and its BYE are let through, it is told to nobody
            answer.ended_by = call.ended_by
            self._add_tag(call, tag)
            return
        if call.state < ANSWERED:
            self._enter(call, ANSWERED)
            call.answered_at = now
            self.answered += 1
            call.result = 200
            call.callee_tags = [tag]
        else:
            self._add_tag(call, tag)
        self.kept.note_change(call, now)
        self._tell(call)

    def note_targets(self, request: DialogRequest, response: Message, flow: Flow, now: float) -> None:
        """A re-INVITE or UPDATE was accepted: from now on its Contact and that of the 2xx are the remote targets
        (12.2.1.2, 12.2.2); flow: the way it went. Most change nothing."""
        call = request.call
        caller_uri, callee_uri, caller_flow, callee_flow = \
            request.contact_uri, response.contact_uri, request.flow, flow
        if not request.is_by_caller:
            caller_uri, callee_uri, caller_flow, callee_flow = callee_uri, caller_uri, callee_flow, caller_flow
        answer = call.answers.get(request.tag)
        has_changed = False
        if caller_uri is not None and caller_uri != call.caller_uri:
            call.caller_uri, call.caller_flow, has_changed = caller_uri, caller_flow, True
        if answer is not None and callee_uri is not None and callee_uri != answer.uri:
            answer.uri, answer.flow, has_changed = callee_uri, callee_flow, True
        if has_changed and call.state is not ENDED:
            if call.state is ANSWERED:
                self.kept.note_change(call, now)
            self._tell(call)

    @staticmethod
    def _add_tag(call: Call, tag: bytes) -> None:
        if tag not in call.callee_tags and len(call.callee_tags) < TAGS_KEPT:
            call.callee_tags.append(tag)

    def end_dialog(self, call: Call, tag: bytes, ended_by: str, now: float) -> None:
        """One dialog of a call is over: BYE was answered. The call is, when it was the last (13.2.2.4: two phones may
        have answered, and the caller lets one of them go)."""
        if call.state is ENDED or tag not in call.callee_tags:
            return  # both sides said BYE
        if call.state is ANSWERED and len(call.callee_tags) == 1:
            self.end_call(call, 200, ended_by, now)
            return
        call.callee_tags.remove(tag)    # an early one: the INVITE's final response decides (RFC 5407 appendix A)
        answer = call.answers.get(tag)
        if answer is not None:
            answer.ended_by = ended_by
            self.kept.note_change(call, now)
        self._tell(call)

    def end_call(self, call: Call, result: int, ended_by: str, now: float) -> None:
        """The call is over: BYE was answered, or the INVITE has its final response."""
        if call.state is ENDED:
            return
        was_answered = call.state is ANSWERED
        self._enter(call, ENDED)
        if not was_answered:
            self.failed[result] += 1
        call.ended_at = now
        call.ended_by = ended_by
        for answer in call.answers.values():
            answer.ended_by = answer.ended_by or ended_by
        call.result = call.result or result
        self.kept.note_end(call, now)
        if self._calls.get(call.key) is call:
            del self._calls[call.key]
        self.ended.append(call)
        self._tell(call)
        self._journal.record("call_ended", number=call.number, caller=call.caller, callee=call.callee,
                             result=call.result, ended_by=ended_by,
                             talked_s=now - call.answered_at if was_answered else 0.0)

    @staticmethod
    def _enter(call: Call, state: CallState) -> None:
        if state not in TRANSITIONS[call.state]:
            raise MisuseError(f"call {call.number}: {call.state.name} to {state.name}")
        call.state = state
