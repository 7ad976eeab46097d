# SPDX-License-Identifier: Apache-2.0
"""A dialog as RFC 4235 tells it: neutral, whoever carries the call, always as the watched phone sees it. Values and
their writing alone; `DialogSource` is who has such dialogs.
"""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, Protocol

from appliance.pbx.presence.event_package import escape

DIALOG: Final = b'<dialog id="%b" call-id="%b"%b%b direction="%b"><state%b>%b</state><duration>%d</duration>' \
    b'<local>%b</local><remote>%b</remote></dialog>\r\n'
NOT_RENDERING: Final = b'<param pname="+sip.rendering" pval="no"/>'
"""RFC 4235 4.1.6.2, RFC 5359 2.1: its user hears nothing, the call is on hold there."""


class Participant(NamedTuple):
    """One end of a dialog. identity: URI; target: Contact, None where unknown; name: to display; is_rendering: False on
    hold."""

    identity: bytes
    target: bytes | None = None
    name: bytes = b""
    is_rendering: bool = True


class ObservedDialog(NamedTuple):
    """One dialog of an extension. identity: unique among its dialogs as long as it lasts (4.1.1); local_tag: the
    phone's, b"" before it has one; remote_tag: of the other end, us or another phone; state, cause: of figure 3, cause
    as attributes of a terminated one; duration_s: since it began; local: the phone."""

    identity: bytes
    call_id: bytes
    local_tag: bytes
    remote_tag: bytes
    is_initiator: bool
    state: bytes
    cause: bytes
    duration_s: float
    local: Participant
    remote: Participant

    @property
    def is_or_was_confirmed(self) -> bool:
        """Whether it was answered: it may have ended since."""
        return self.state == b"confirmed" or (self.state == b"terminated" and b"-bye" in self.cause)


class ChangedCall(Protocol):
    """A call of a DialogSource, as far as lamps are concerned: it can be remembered until it is told of."""

    def __hash__(self) -> int:
        """By identity."""


class DialogSource(Protocol):
    """Somebody who carries calls of extensions."""

    def on_change(self, listener: Callable[[ChangedCall], None]) -> None:
        """Have every change of a call told, its end included; at once, so that it must cost nothing."""

    def extensions_of(self, call: ChangedCall) -> Iterable[bytes]:
        """Whose lamps may have changed."""

    def dialogs_in(self, call: ChangedCall, extension: bytes, now: float) -> Iterable[ObservedDialog]:
        """The dialogs of an extension in this call, with those that have ended in it."""

    def dialogs_of(self, extension: bytes, now: float) -> Iterable[ObservedDialog]:
        """Every dialog of an extension that has not ended, oldest first."""

    def is_talking(self, extension: bytes) -> bool:
        """Whether it is in a call that was answered."""

    def has_ended(self, call: ChangedCall) -> bool:
        """Whether nothing more will change in it."""


def write_dialog(dialog: ObservedDialog) -> bytes:
    """The dialog element (4.1)."""
    return DIALOG % (escape(dialog.identity), escape(dialog.call_id), write_tag(b"local-tag", dialog.local_tag),
                     write_tag(b"remote-tag", dialog.remote_tag), b"initiator" if dialog.is_initiator else b"recipient",
                     dialog.cause, dialog.state, max(int(dialog.duration_s), 0), write_participant(dialog.local),
                     write_participant(dialog.remote))


def write_participant(participant: Participant) -> bytes:
    """Identity, and the target URI where it is known (4.1.6)."""
    display = b' display="%b"' % escape(participant.name) if participant.name else b""
    written = b"<identity%b>%b</identity>" % (display, escape(participant.identity))
    if participant.target is None:
        return written
    if participant.is_rendering:
        return b'%b<target uri="%b"/>' % (written, escape(participant.target))
    return b'%b<target uri="%b">%b</target>' % (written, escape(participant.target), NOT_RENDERING)


def write_tag(name: bytes, tag: bytes) -> bytes:
    """An attribute, b"" while there is no such tag (4.1.1: a half-dialog)."""
    return b' %b="%b"' % (name, escape(tag)) if tag else b""


def explain_end(has_hung_up: bool | None) -> tuple[bytes, bytes]:
    """A confirmed dialog that has ended: by the phone's BYE or by one that it got (3.7.1); None: by neither."""
    if has_hung_up is None:
        return b"terminated", b' event="error"'
    return b"terminated", b' event="local-bye"' if has_hung_up else b' event="remote-bye"'


def explain_refusal(status: int) -> tuple[bytes, bytes]:
    """A dialog that ended before it was confirmed, by the final status (4.1.2)."""
    if status == 487:
        return b"terminated", b' event="cancelled" code="487"'
    return b"terminated", b' event="rejected" code="%d"' % status if status >= 300 else b' event="error"'
