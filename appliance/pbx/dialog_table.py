# SPDX-License-Identifier: Apache-2.0
"""The calls that pass the proxy: what `show calls` shows and, beside the signed Record-Route, the proof that a request
belongs to a dialog we admitted. A call holds every early dialog of its forks and the one that was answered.

Only the proxy changes its state.
"""

from collections import defaultdict, deque
from collections.abc import Callable
from enum import IntEnum
from typing import Final

from appliance.errors import MisuseError
from appliance.native.sip_scanner import Message
from appliance.pbx.request_checks import read_extension
from appliance.sip.flow import Flow
from appliance.vocabulary.journal import Journal

ENDED_KEPT = 100
TAGS_KEPT = 64                      # of one call: a phone that invents tags fills no memory
CALLS_KEPT = 20_000
"""More than any office has; the oldest goes when a flood of calls without BYE fills the table."""


class CallState(IntEnum):
    """What a caller would say of the call."""

    CALLING = 0
    RINGING = 1
    ANSWERED = 2
    ENDED = 3


CALLING, RINGING, ANSWERED, ENDED = CallState
TRANSITIONS: Final = (
    frozenset({RINGING, ANSWERED, ENDED}),
    frozenset({RINGING, ANSWERED, ENDED}),
    frozenset({ANSWERED, ENDED}),
    frozenset[CallState](),
)
"""What may follow each state, by its number."""


class Leg:
    """One way a call was tried. target: its Request-URI; branch: of its INVITE; status: the last response, 0 for none;
    is_cancelled: we took it back."""

    __slots__ = ("branch", "is_cancelled", "status", "target")

    def __init__(self, target: bytes, branch: bytes) -> None:
        self.target = target
        self.branch = branch
        self.status = 0
        self.is_cancelled = False

    @property
    def state(self) -> str:
        """trying, ringing, answered, cancelled or refused."""
        if 200 <= self.status < 300:
            return "answered"
        if self.is_cancelled:
            return "cancelled"
        if self.status >= 300:
            return "refused"
        return "ringing" if self.status > 100 else "trying"


class Call:
    """One call: who, with whom, since when, and how it ended.

    callee_extension, callee_hostport: whom the Request-URI named, unescaped, and where (b"" for a tel URI);
    caller_identity: the From URI; number: counts up from 1; times are monotonic seconds, 0.0 = not yet; result: the
    final status, 200 for an answered call, 487 when the caller gave up; ended_by: "caller", "callee", "server".
    """

    __slots__ = ("answered_at", "call_id", "callee", "callee_extension", "callee_flow", "callee_hostport",
                 "callee_tags", "callee_uri", "caller", "caller_flow", "caller_identity", "caller_tag", "caller_uri",
                 "ended_at", "ended_by", "legs", "number", "result",
                 "started_at", "state")

    def __init__(self, number: int, invite: Message, caller: bytes, flow: Flow, now: float) -> None:
        self.number = number
        self.call_id = invite.call_id
        self.caller_tag = invite.from_tag
        self.caller = caller
        self.callee = invite.uri_user
        self.callee_extension = read_extension(invite)
        self.callee_hostport = invite.uri_hostport
        self.caller_identity = invite.from_uri
        self.caller_uri = invite.contact_uri
        self.caller_flow = flow
        self.callee_uri: bytes | None = None
        self.callee_flow: Flow | None = None
        self.callee_tags: list[bytes] = []
        self.legs: list[Leg] = []
        self.state = CALLING
        self.started_at = now
        self.answered_at = 0.0
        self.ended_at = 0.0
        self.result = 0
        self.ended_by = ""

    def find_leg(self, branch: bytes) -> Leg | None:
        """The leg of this branch."""
        for leg in self.legs:
            if leg.branch == branch:
                return leg
        return None

    @property
    def key(self) -> tuple[bytes, bytes]:
        """Call-ID and the caller's tag: one call, however it forks."""
        return (self.call_id, self.caller_tag)


class DialogTable:
    """All calls now, and the last hundred that ended. answered: how many ever were; failed: by final status."""

    __slots__ = ("_calls", "_journal", "_last_number", "_listeners", "answered", "ended", "failed")

    def __init__(self, journal: Journal) -> None:
        self._calls: dict[tuple[bytes, bytes], Call] = {}
        self._journal = journal
        self._last_number = 0
        self._listeners: list[Callable[[Call], None]] = []
        self.ended: deque[Call] = deque(maxlen=ENDED_KEPT)
        self.answered = 0
        self.failed: defaultdict[int, int] = defaultdict(int)

    def on_change(self, listener: Callable[[Call], None]) -> None:
        """Have every change of a call's state or tags told to this listener, ended calls included."""
        self._listeners.append(listener)

    def _tell(self, call: Call) -> None:
        for listener in self._listeners:
            listener(call)

    @property
    def total(self) -> int:
        """Calls ever opened."""
        return self._last_number

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
        self._last_number += 1
        call = Call(self._last_number, invite, caller, flow, now)
        previous = self._calls.get(call.key)
        if previous is not None:
            self.end_call(previous, previous.result, previous.ended_by or "caller", now)
        self._calls[call.key] = call
        self._tell(call)
        return call

    def note_provisional(self, call: Call, response: Message) -> None:
        """A provisional response other than 100: an early dialog when it carries a tag (12.1.1)."""
        if response.to_tag:
            self._add_tag(call, response.to_tag)
        if call.state < ANSWERED:
            self._enter(call, RINGING)
        self._tell(call)

    def note_answer(self, call: Call, response: Message, flow: Flow, now: float) -> None:
        """A 2xx: the call is answered; a second one from another fork adds its dialog."""
        tag = response.to_tag
        if call.state < ANSWERED:
            self._enter(call, ANSWERED)
            call.answered_at = now
            self.answered += 1
            call.result = 200
            call.callee_tags = [tag]
            call.callee_uri = response.contact_uri
            call.callee_flow = flow
        else:
            self._add_tag(call, tag)
        self._tell(call)

    @staticmethod
    def _add_tag(call: Call, tag: bytes) -> None:
        if tag not in call.callee_tags and len(call.callee_tags) < TAGS_KEPT:
            call.callee_tags.append(tag)

    def end_dialog(self, call: Call, tag: bytes, ended_by: str, now: float) -> None:
        """One dialog of a call is over: BYE was answered. The call is, when it was the last (13.2.2.4: two phones may
        have answered, and the caller lets one of them go)."""
        is_early = call.state < ANSWERED  # then the INVITE's final response decides (RFC 5407 appendix A)
        if tag in call.callee_tags and (is_early or len(call.callee_tags) > 1):
            call.callee_tags.remove(tag)
            self._tell(call)
        elif not is_early:
            self.end_call(call, 200, ended_by, now)

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
        call.result = call.result or result
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
