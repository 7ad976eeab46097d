# SPDX-License-Identifier: Apache-2.0
"""The dialog package (RFC 4235): the calls of an extension, as caller and as callee: those that pass the proxy from its
dialog table, those that somebody else carries from a DialogSource.

A proxied call is two views: its caller's and its callee's. Each has a dialog element for every tag that a phone has
answered with, and one, half a dialog, before there is any (4.1.1).
"""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from appliance.pbx.dialog_table import Call, CallState
from appliance.pbx.presence.event_package import escape, keep_fitting
from appliance.pbx.presence.observed_dialog import (
    ChangedCall,
    DialogSource,
    ObservedDialog,
    Participant,
    explain_end,
    explain_refusal,
    write_dialog,
)

DOCUMENT: Final = b'<?xml version="1.0" encoding="UTF-8"?>\r\n' \
    b'<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="%d" state="%b" entity="%b">\r\n' \
    b'%b</dialog-info>\r\n'
SIDES: Final = ("caller", "callee")


class DialogPackage:
    """calls_of: the proxied calls of an extension that have not ended; domain: of the office; is_ours: whether a
    host[:port] is this office; source: who carries the other calls, None for nobody."""

    __slots__ = ("_calls_of", "_is_ours", "_tags", "_told", "domain", "source")

    name = b"dialog"
    content_type = b"application/dialog-info+xml"
    default_expires_s = 3600        # RFC 4235 3.4
    is_private = False
    is_partial = True

    def __init__(self, domain: bytes, calls_of: Callable[[bytes], list[Call]],
                 is_ours: Callable[[bytes], bool]) -> None:
        self.domain = domain
        self._calls_of = calls_of
        self._is_ours = is_ours
        # by call: every tag its phones have had, in order; None for a dialog that has ended
        self._tags: dict[int, list[bytes | None]] = {}
        self._told: dict[ChangedCall, dict[bytes, ObservedDialog]] = {}
        self.source: DialogSource | None = None

    def is_told(self, call: Call) -> bool:
        """Whether anyone has heard of this call."""
        return call.number in self._tags

    def note_tags(self, call: Call) -> None:
        """A call has changed: its tags are known from now on, so that the ids of its dialogs stay (4.1.1)."""
        known = self._tags.setdefault(call.number, [])
        known += [tag for tag in call.callee_tags if tag not in known]

    def note_told(self, call: Call) -> None:
        """Everyone was told of a call: what has ended of it is not told again."""
        if call.state is CallState.ENDED:
            self._tags.pop(call.number, None)
        else:
            self._tags[call.number] = [tag if tag in call.callee_tags else None for tag in self._tags[call.number]]

    def build_document(self, target: bytes, version: int, changes: Iterable[bytes] | None, now: float) -> bytes:
        """Dialog information (section 4): all dialogs, or those elements that have changed."""
        state = b"partial"
        if changes is not None:
            changes = list(changes)
            if keep_fitting(changes) is not changes:
                changes = None  # more has changed than a datagram holds: the whole state says it in less
        if changes is None:
            state = b"full"
            elements: list[bytes] = []
            for call in reversed(self._calls_of(target)):
                self.note_tags(call)
                elements += self.describe(call, target, now, True).values()
            if self.source is not None:
                elements += [write_dialog(one) for one in self.source.dialogs_of(target, now)][::-1]
            changes = reversed(keep_fitting(elements))     # of a hundred calls the youngest
        return DOCUMENT % (version, state, escape(b"sip:%b@%b" % (target, self.domain)), b"".join(changes))

    def describe(self, call: Call, target: bytes, now: float, is_full: bool = False) -> dict[bytes, bytes]:
        """The dialog elements of a call as this extension sees it, by their id. is_full: without those that ended."""
        elements = {}
        views = []
        if target == call.caller:
            views.append(True)
        if target == call.callee_extension and self._is_ours(call.callee_hostport):
            views.append(False)
        for is_caller in views:
            for number, tag in enumerate(self._tags.get(call.number) or (b"",)):
                if tag is None:
                    continue
                identity = b"%d-%b-%d" % (call.number, b"initiator" if is_caller else b"recipient", number)
                state, cause = decide_state(call, tag, is_caller)
                if not (is_full and state == b"terminated"):
                    view = View(identity, tag, is_caller, state, cause)
                    elements[identity] = write_dialog(self._observe(call, view, now))
        return elements

    def list_changes(self, call: ChangedCall, target: bytes, now: float) -> list[ObservedDialog]:
        """What has changed for an extension in a call that another carries; each change is listed once. A call that was
        over before anybody heard of it has none."""
        if self.source is None or (self.source.has_ended(call) and call not in self._told):
            return []
        told = self._told.setdefault(call, {})
        changed = []
        for dialog in self.source.dialogs_in(call, target, now):
            same = dialog._replace(duration_s=0.0)
            if told.get(dialog.identity) != same:
                told[dialog.identity] = same
                changed.append(dialog)
        return changed

    def is_carried_told(self, call: ChangedCall) -> bool:
        """Whether anyone has heard of this call of another."""
        return call in self._told

    def forget_carried(self, call: ChangedCall) -> None:
        """It is over and everyone was told."""
        self._told.pop(call, None)

    def _observe(self, call: Call, view: "View", now: float) -> ObservedDialog:
        """A dialog of a call that passes the proxy: its tags are those of both phones."""
        local_tag, remote_tag = (call.caller_tag, view.tag) if view.is_caller else (view.tag, call.caller_tag)
        caller = Participant(call.caller_identity, call.caller_uri)
        hostport = self.domain if self._is_ours(call.callee_hostport) else call.callee_hostport
        answer = call.answers.get(view.tag)
        callee = Participant(b"sip:%b@%b" % (call.callee_extension, hostport), None if answer is None else answer.uri)
        local, remote = (caller, callee) if view.is_caller else (callee, caller)
        return ObservedDialog(view.identity, call.call_id, local_tag, remote_tag, view.is_caller, view.state,
                              view.cause, (call.ended_at or now) - call.started_at, local, remote)


class View(NamedTuple):
    """One dialog of a call from one side. tag: the callee's, b"" for half a dialog; state, cause: of `decide_state`."""

    identity: bytes
    tag: bytes
    is_caller: bool
    state: bytes
    cause: bytes


def decide_state(call: Call, tag: bytes, is_caller: bool) -> tuple[bytes, bytes]:
    """State of a dialog (figure 3), and for a terminated one its event and code as attributes (4.1.2)."""
    answer = call.answers.get(tag)
    if answer is not None:
        if not answer.ended_by:
            return b"confirmed", b""
        return explain_end((answer.ended_by == "caller") is is_caller if answer.ended_by in SIDES else None)
    if call.answered_at or (call.state is not CallState.ENDED and tag and tag not in call.callee_tags):
        return b"terminated", b' event="cancelled"'     # another phone has answered
    if call.state is CallState.RINGING:
        return (b"early" if tag else b"proceeding"), b""
    if call.state is CallState.CALLING:
        # the caller has had our 100; the callee has only been asked
        return (b"proceeding" if is_caller else b"trying"), b""
    return explain_refusal(call.result)
