# SPDX-License-Identifier: Apache-2.0
"""The dialog package (RFC 4235): the calls of an extension, as caller and as callee, from the server's dialog table.

A call is one dialog element for each of its two parties, however it forks on its way: first with the tag of the phone
that rang first, in the end with that of the one that answered. A lamp needs no more (RFC 4235 3.7.2).
"""

from collections.abc import Callable, Iterable
from typing import Final

from appliance.pbx.dialog_table import Call, CallState
from appliance.pbx.presence.event_package import escape

DOCUMENT: Final = b'<?xml version="1.0" encoding="UTF-8"?>\r\n' \
    b'<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="%d" state="%b" entity="%b">\r\n' \
    b'%b</dialog-info>\r\n'
DIALOG: Final = b'<dialog id="%b" call-id="%b"%b%b direction="%b"><state%b>%b</state><duration>%d</duration>' \
    b'<local>%b</local><remote>%b</remote></dialog>\r\n'


class DialogPackage:
    """calls_of: the calls of an extension that have not ended; domain: of the office; is_ours: whether a host[:port] is
    this office."""

    __slots__ = ("_calls_of", "_domain", "_is_ours")

    name = b"dialog"
    content_type = b"application/dialog-info+xml"
    default_expires_s = 3600        # RFC 4235 3.4
    is_private = False
    is_partial = True

    def __init__(self, domain: bytes, calls_of: Callable[[bytes], Iterable[Call]],
                 is_ours: Callable[[bytes], bool]) -> None:
        self._domain = domain
        self._calls_of = calls_of
        self._is_ours = is_ours

    def build_document(self, target: bytes, version: int, changes: Iterable[bytes] | None, now: float) -> bytes:
        """Dialog information (section 4): all dialogs, or those elements that have changed."""
        state = b"partial"
        if changes is None:
            state = b"full"
            changes = [element for call in self._calls_of(target)
                       for element in self.describe(call, target, now).values()]
        return DOCUMENT % (version, state, escape(b"sip:%b@%b" % (target, self._domain)), b"".join(changes))

    def describe(self, call: Call, target: bytes, now: float) -> dict[bytes, bytes]:
        """The dialog elements of a call as this extension sees it, by their id: one, or two when it calls itself."""
        elements = {}
        callee = call.callee_extension if self._is_ours(call.callee_hostport) else b""
        if target == call.caller:
            identity = b"%d-initiator" % call.number
            elements[identity] = self._write(call, identity, True, now)
        if target == callee:
            identity = b"%d-recipient" % call.number
            elements[identity] = self._write(call, identity, False, now)
        return elements

    def _write(self, call: Call, identity: bytes, is_caller: bool, now: float) -> bytes:
        tags = (call.caller_tag, call.callee_tags[0] if call.callee_tags else b"")
        caller = write_party(call.caller_identity, call.caller_uri)
        hostport = self._domain if self._is_ours(call.callee_hostport) else call.callee_hostport
        callee = write_party(b"sip:%b@%b" % (call.callee_extension, hostport), call.callee_uri)
        local_tag, remote_tag = tags if is_caller else tags[::-1]
        state, cause = decide_state(call, is_caller)
        local, remote = (caller, callee) if is_caller else (callee, caller)
        return DIALOG % (identity, escape(call.call_id), write_tag(b"local-tag", local_tag),
                         write_tag(b"remote-tag", remote_tag), b"initiator" if is_caller else b"recipient",
                         cause, state, max(int((call.ended_at or now) - call.started_at), 0), local, remote)


def write_party(identity: bytes, target: bytes | None) -> bytes:
    """Identity, and the target URI where it is known (4.1.6)."""
    written = b"<identity>%b</identity>" % escape(identity)
    return written if target is None else b'%b<target uri="%b"/>' % (written, escape(target))


def write_tag(name: bytes, tag: bytes) -> bytes:
    """An attribute, b"" while there is no such tag (4.1.1: a half-dialog)."""
    return b' %b="%b"' % (name, escape(tag)) if tag else b""


def decide_state(call: Call, is_caller: bool) -> tuple[bytes, bytes]:
    """State of the dialog (figure 3), and for a terminated one its event and code as attributes (4.1.2)."""
    if call.state is CallState.ANSWERED:
        return b"confirmed", b""
    if call.state is CallState.RINGING:
        return (b"early" if call.callee_tags else b"proceeding"), b""
    if call.state is CallState.CALLING:
        # the caller has had our 100; the callee has only been asked
        return (b"proceeding" if is_caller else b"trying"), b""
    if call.answered_at:
        if call.ended_by not in ("caller", "callee"):
            return b"terminated", b' event="error"'
        has_hung_up = (call.ended_by == "caller") is is_caller
        return b"terminated", b' event="local-bye"' if has_hung_up else b' event="remote-bye"'
    if call.result == 487:
        return b"terminated", b' event="cancelled" code="487"'
    return b"terminated", b' event="rejected" code="%d"' % call.result if call.result >= 300 else b' event="error"'
