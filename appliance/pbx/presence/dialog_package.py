# SPDX-License-Identifier: Apache-2.0
"""The dialog package (RFC 4235): the calls of an extension, as caller and as callee, from the server's dialog table.

A call is two views: its caller's and its callee's. Each has a dialog element for every tag that a phone has answered
with, and one, half a dialog, before there is any (4.1.1).
"""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from appliance.pbx.dialog_table import Call, CallState
from appliance.pbx.presence.event_package import escape, keep_fitting

DOCUMENT: Final = b'<?xml version="1.0" encoding="UTF-8"?>\r\n' \
    b'<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="%d" state="%b" entity="%b">\r\n' \
    b'%b</dialog-info>\r\n'
DIALOG: Final = b'<dialog id="%b" call-id="%b"%b%b direction="%b"><state%b>%b</state><duration>%d</duration>' \
    b'<local>%b</local><remote>%b</remote></dialog>\r\n'


class DialogPackage:
    """calls_of: the calls of an extension that have not ended; domain: of the office; is_ours: whether a host[:port] is
    this office."""

    __slots__ = ("_calls_of", "_domain", "_is_ours", "_tags")

    name = b"dialog"
    content_type = b"application/dialog-info+xml"
    default_expires_s = 3600        # RFC 4235 3.4
    is_private = False
    is_partial = True

    def __init__(self, domain: bytes, calls_of: Callable[[bytes], list[Call]],
                 is_ours: Callable[[bytes], bool]) -> None:
        self._domain = domain
        self._calls_of = calls_of
        self._is_ours = is_ours
        # by call: every tag its phones have had, in order; None for a dialog that has ended
        self._tags: dict[int, list[bytes | None]] = {}

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
            changes = reversed(keep_fitting(elements))     # of a hundred calls the youngest
        return DOCUMENT % (version, state, escape(b"sip:%b@%b" % (target, self._domain)), b"".join(changes))

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
                    elements[identity] = self._write(call, view, now)
        return elements

    def _write(self, call: Call, view: "View", now: float) -> bytes:
        local_tag, remote_tag = (call.caller_tag, view.tag) if view.is_caller else (view.tag, call.caller_tag)
        caller = write_party(call.caller_identity, call.caller_uri)
        hostport = self._domain if self._is_ours(call.callee_hostport) else call.callee_hostport
        answer = call.answers.get(view.tag)
        callee = write_party(b"sip:%b@%b" % (call.callee_extension, hostport), None if answer is None else answer.uri)
        local, remote = (caller, callee) if view.is_caller else (callee, caller)
        return DIALOG % (view.identity, escape(call.call_id), write_tag(b"local-tag", local_tag),
                         write_tag(b"remote-tag", remote_tag), b"initiator" if view.is_caller else b"recipient",
                         view.cause, view.state, max(int((call.ended_at or now) - call.started_at), 0), local, remote)


class View(NamedTuple):
    """One dialog of a call from one side. tag: the callee's, b"" for half a dialog; state, cause: of `decide_state`."""

    identity: bytes
    tag: bytes
    is_caller: bool
    state: bytes
    cause: bytes


def write_party(identity: bytes, target: bytes | None) -> bytes:
    """Identity, and the target URI where it is known (4.1.6)."""
    written = b"<identity>%b</identity>" % escape(identity)
    return written if target is None else b'%b<target uri="%b"/>' % (written, escape(target))


def write_tag(name: bytes, tag: bytes) -> bytes:
    """An attribute, b"" while there is no such tag (4.1.1: a half-dialog)."""
    return b' %b="%b"' % (name, escape(tag)) if tag else b""


def decide_state(call: Call, tag: bytes, is_caller: bool) -> tuple[bytes, bytes]:
    """State of a dialog (figure 3), and for a terminated one its event and code as attributes (4.1.2)."""
    answer = call.answers.get(tag)
    if answer is not None:
        return explain_end(answer.ended_by, is_caller) if answer.ended_by else (b"confirmed", b"")
    if call.answered_at or (call.state is not CallState.ENDED and tag and tag not in call.callee_tags):
        return b"terminated", b' event="cancelled"'     # another phone has answered
    if call.state is CallState.RINGING:
        return (b"early" if tag else b"proceeding"), b""
    if call.state is CallState.CALLING:
        # the caller has had our 100; the callee has only been asked
        return (b"proceeding" if is_caller else b"trying"), b""
    if call.result == 487:
        return b"terminated", b' event="cancelled" code="487"'
    return b"terminated", b' event="rejected" code="%d"' % call.result if call.result >= 300 else b' event="error"'


def explain_end(ended_by: str, is_caller: bool) -> tuple[bytes, bytes]:
    """A confirmed dialog that has ended: by whose BYE, seen from the caller or the callee (3.7.1)."""
    if ended_by not in ("caller", "callee"):
        return b"terminated", b' event="error"'
    has_hung_up = (ended_by == "caller") is is_caller
    return b"terminated", b' event="local-bye"' if has_hung_up else b' event="remote-bye"'
