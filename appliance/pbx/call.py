# SPDX-License-Identifier: Apache-2.0
"""One call that passes the proxy: who, with whom, every dialog of its forks, and how it went.

Only `DialogTable` changes it; everyone else reads it.
"""

from enum import IntEnum
from typing import Final

from appliance.native.sip_scanner import Message
from appliance.pbx.request_checks import read_extension
from appliance.sip.flow import Flow


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


class Answer:
    """A phone that answered: the callee's end of one confirmed dialog. uri: its remote target (12.1.2), None where the
    2xx named none; flow: which way it is reached; ended_by: as of the call, "" while the dialog lasts."""

    __slots__ = ("ended_by", "flow", "uri")

    def __init__(self, uri: bytes | None, flow: Flow) -> None:
        self.uri = uri
        self.flow = flow
        self.ended_by = ""


class Call:
    """One call: who, with whom, since when, and how it ended.

    callee_extension, callee_hostport: whom the Request-URI named, unescaped, and where (b"" for a tel URI);
    caller_identity: the From URI; caller_uri: the caller's remote target; callee_tags: of the dialogs that live, early
    ones until somebody answers; answers: by tag, everyone who ever answered; number: counts up from 1; times are
    monotonic seconds, 0.0 = not yet; result: the final status, 200 for an answered call, 487 when the caller gave up;
    ended_by: "caller", "callee", "server"; kept_tags: of the dialogs that are on disk, for `KeptCalls` alone.
    """

    __slots__ = ("answered_at", "answers", "call_id", "callee", "callee_extension", "callee_hostport", "callee_tags",
                 "caller", "caller_flow", "caller_identity", "caller_tag", "caller_uri", "ended_at", "ended_by",
                 "kept_tags", "legs", "number", "result", "started_at", "state")

    def __init__(self, number: int, call_id: bytes, caller_tag: bytes, caller: bytes, flow: Flow) -> None:
        self.number = number
        self.call_id = call_id
        self.caller_tag = caller_tag
        self.caller = caller
        self.caller_flow = flow
        self.caller_identity = self.callee = self.callee_extension = self.callee_hostport = b""
        self.caller_uri: bytes | None = None
        self.callee_tags: list[bytes] = []
        self.answers: dict[bytes, Answer] = {}
        self.legs: list[Leg] = []
        self.state = CALLING
        self.started_at = 0.0
        self.answered_at = 0.0
        self.ended_at = 0.0
        self.result = 0
        self.ended_by = ""
        self.kept_tags: tuple[bytes, ...] = ()

    def read_invite(self, invite: Message) -> None:
        """Who calls whom."""
        self.callee = invite.uri_user
        self.callee_extension = read_extension(invite)
        self.callee_hostport = invite.uri_hostport
        self.caller_identity = invite.from_uri
        self.caller_uri = invite.contact_uri

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


class DialogRequest:
    """A request inside a dialog of a call. tag: the callee's; is_by_caller: which side sent it; is_bye: else a target
    refresh; contact_uri: where its sender is reached once it is accepted; flow: the way it came."""

    __slots__ = ("call", "contact_uri", "flow", "is_by_caller", "is_bye", "tag")

    def __init__(self, call: Call, message: Message, flow: Flow) -> None:
        self.call = call
        self.is_bye = message.method == b"BYE"
        self.is_by_caller = message.from_tag == call.caller_tag
        self.tag = message.to_tag if self.is_by_caller else message.from_tag
        self.contact_uri = message.contact_uri
        self.flow = flow

    @property
    def sender(self) -> str:
        """As of `ended_by`: caller or callee."""
        return "caller" if self.is_by_caller else "callee"
