# SPDX-License-Identifier: Apache-2.0
"""Whether a request with a To tag belongs to a dialog that we admitted (CONTRACT: our dialog state, or a Record-Route
we signed, never a mere tag), and where it may go then.

A dialog we know is proof by itself. Where we know the call, both tags must be those of one of its dialogs; one that has
ended leads to its own two ends alone, and soon nowhere. The seal speaks alone only where we know nothing: of calls that
a crash made us forget, and dialogs that no INVITE began. It has an age and leads to the office's own phones alone.
"""

from enum import IntEnum
from typing import Protocol

from appliance.native.sip_scanner import Message
from appliance.pbx.dialog_table import Call, DialogTable
from appliance.pbx.proxy.routing import Way
from appliance.sip.transaction.timing import TRANSACTION_LIFE_S


class Admission(IntEnum):
    """What a request inside a dialog may do."""

    REFUSED = 0     # 481
    SEALED = 1      # only the seal speaks for it: to phones of ours
    KNOWN = 2       # we know its dialog: where it says


REFUSED, SEALED, KNOWN = Admission


CLOSING = frozenset({b"ACK", b"BYE"})


class Sealer(Protocol):
    """Whoever wrote our Record-Route values (pbx.proxy.route_signature)."""

    def is_signed(self, uri: bytes, message: Message) -> bool:
        """Whether a Route URI carries the seal of this dialog."""


def decide_admission(message: Message, way: Way, dialogs: DialogTable, sealer: Sealer,
                     now: float) -> tuple[Admission, Call | None]:
    """The verdict, and the call where we know it."""
    call = dialogs.find_dialog(message)
    if call is not None:
        return KNOWN, call
    if dialogs.has_call(message):
        return REFUSED, None  # another dialog of this call, or none at all
    ended = dialogs.find_ended(message)
    if ended is not None:
        # what was under way when the call ended, a repeated BYE or the ACK of a late 2xx, may still arrive (17)
        is_fresh = now - ended.ended_at <= TRANSACTION_LIFE_S and dialogs.is_dialog_of(ended, message)
        return (KNOWN, ended) if is_fresh and may_follow_end(message, way, ended) else (REFUSED, None)
    return (SEALED if way.own_uri and sealer.is_signed(way.own_uri, message) else REFUSED), None


def may_follow_end(message: Message, way: Way, call: Call) -> bool:
    """Whether a request may still come in a dialog of a call that has ended: its ACK or BYE, or what else was on the
    way to the other end (a NOTIFY after REFER: RFC 5057), and nowhere else."""
    if message.method in CLOSING:
        return True
    if way.next_uri is not None:
        return False
    if message.from_tag != call.caller_tag:
        return message.uri == call.caller_uri
    answer = call.answers.get(message.to_tag)
    return answer is not None and message.uri == answer.uri
