# SPDX-License-Identifier: Apache-2.0
"""REFER as its sender keeps it: a call hands its peer to somebody else, RFC 3515, RFC 5589 6 and 7. It asks, and hears
in NOTIFYs how the peer is getting on.

One Transfer for each REFER; they share the dialog's NOTIFYs by the CSeq of theirs. Each lives until the last news.
"""

from enum import IntEnum
from typing import Final, Protocol

from appliance.errors import MisuseError
from appliance.native.sip_scanner import Message
from appliance.sip.transaction.server import ServerTransaction
from appliance.sip.uri import escape_header
from appliance.ua.in_dialog_request import InDialogHost, InDialogRequest
from appliance.ua.outgoing_request import OutgoingRequest
from appliance.ua.refer_to import read_event
from appliance.ua.replaces import Replaces
from appliance.ua.request_draft import RequestDraft

PATIENCE_S: Final = 240.0
"""Without news for so long nobody is going to tell."""
NEWS_MARGIN_S: Final = 5.0


class TransferState(IntEnum):
    """ASKING: our REFER is out; FOLLOWING: the peer is trying; ENDED."""

    ASKING = 0
    FOLLOWING = 1
    ENDED = 2


ASKING, FOLLOWING, ENDED = TransferState
TRANSITIONS: Final = (frozenset({FOLLOWING, ENDED}), frozenset({ENDED}), frozenset[TransferState]())
"""What may follow each state, by its number."""


class TransferEvents(Protocol):
    """Who asked for it."""

    def transfer_progress(self, transfer: "Transfer", status: int, is_over: bool, now: float) -> None:
        """What the peer's call to the target has met: 100 to 699. is_over: nothing more will come; with a status below
        200 nobody knows how it ended."""

    def transfer_refused(self, transfer: "Transfer", status: int, now: float) -> None:
        """The peer will not do it."""


class Transfer:
    """One REFER. status: the last one heard of, 0 before any; draft: of the REFER, whose CSeq is its number."""

    __slots__ = ("_alarm", "_desk", "_events", "draft", "state", "status")

    def __init__(self, desk: "TransferDesk", events: TransferEvents, draft: RequestDraft) -> None:
        self._desk = desk
        self._events = events
        self._alarm = desk.host.core.alarm()
        self.draft = draft
        self.status = 0
        self.state = ASKING

    def _enter(self, state: TransferState) -> None:
        if state not in TRANSITIONS[self.state]:
            raise MisuseError(f"transfer: {self.state.name} to {state.name}")
        self.state = state

    def provisional_received(self, request: OutgoingRequest, response: Message, now: float) -> None:
        """RequestOwner."""

    def request_succeeded(self, request: OutgoingRequest, response: Message, now: float) -> None:
        """RequestOwner. A NOTIFY may have been here before (RFC 3515 2.4.4)."""
        if self.state is not ASKING:
            return
        if (response.header(b"Refer-Sub") or b"").strip().lower() == b"false":   # RFC 4488 4: accepted, and silence
            self._end(now)
        else:
            self._enter(FOLLOWING)
            self._alarm.set(now + PATIENCE_S, self._end)

    def request_refused(self, request: OutgoingRequest, status: int, response: Message | None, now: float) -> None:
        """RequestOwner."""
        if self.state is ASKING:
            self._close()
            self._events.transfer_refused(self, status, now)

    def notify_received(self, status: int, expires_s: int, now: float) -> None:
        """News; expires_s: how long more will come, -1 for no more."""
        if self.state is ASKING:
            self._enter(FOLLOWING)
        self.status = status
        if expires_s < 0 or status >= 200:
            self._end(now)
            return
        self._alarm.set(now + expires_s + NEWS_MARGIN_S, self._end)
        self._events.transfer_progress(self, status, False, now)

    def _end(self, now: float) -> None:
        self._close()
        self._events.transfer_progress(self, self.status, True, now)

    def _close(self) -> None:
        self._alarm.clear()
        self._enter(ENDED)
        self._desk.close(self)


class TransferDesk:
    """The open REFERs of ours in one dialog. Satisfies agent_core.DialogUsage."""

    __slots__ = ("_open", "host")

    def __init__(self, host: InDialogHost) -> None:
        self.host = host
        self._open: list[Transfer] = []

    def ask(self, target: bytes, replaces: Replaces | None, events: TransferEvents, now: float) -> Transfer:
        """Send the REFER."""
        host = self.host
        core, dialog = host.core, host.dialog
        draft = dialog.draft_request(b"REFER")
        draft.contact = core.profile.secure_contact if dialog.is_secure else core.profile.contact
        draft.lines = b"Refer-To: <%s>\r\nReferred-By: <%s>\r\n" % (
            write_target(target, replaces), core.profile.aor)
        transfer = Transfer(self, events, draft)
        if host.has_dialog:
            self._open.append(transfer)
            core.join_dialog(dialog, self, (b"NOTIFY",))
        InDialogRequest(host, draft, transfer).send(now)
        return transfer

    def close(self, transfer: Transfer) -> None:
        """It is over; with the last one their hold on the dialog."""
        if transfer in self._open:
            self._open.remove(transfer)
        if not self._open:
            self.host.core.leave_dialog(self.host.dialog, self)

    def request_received(self, server: ServerTransaction, request: Message, now: float) -> None:
        """DialogUsage: a NOTIFY."""
        package, number = read_event(request)
        transfer = self._find(number)
        if package != b"refer":
            server.respond(489, now)
        elif transfer is None:
            server.respond(481, now)    # RFC 6665 4.1.3
        else:
            status = read_fragment(request)
            if status == 0:
                server.respond(400, now)
                return
            server.respond(200, now)
            transfer.notify_received(status, read_remaining(request), now)

    def _find(self, number: bytes) -> Transfer | None:
        for transfer in self._open:     # RFC 3515 2.4.6: the first one needs no id
            if not number or number == b"%d" % transfer.draft.cseq:
                return transfer
        return None

    def ack_received(self, ack: Message, now: float) -> None:
        """DialogUsage: an INVITE's business."""


def find_desk(host: InDialogHost) -> TransferDesk:
    """That of the dialog where it has one that is in use, else a new one."""
    entry = host.core.dialogs.entries.get(host.dialog.key)
    usage = entry.usages.get(b"NOTIFY") if entry is not None else None
    return usage if isinstance(usage, TransferDesk) else TransferDesk(host)


def write_target(target: bytes, replaces: Replaces | None) -> bytes:
    """The URI in Refer-To, with the dialog to be taken over as a header field in it (RFC 5589 7.1)."""
    if replaces is None:
        return target
    return b"%s?Replaces=%s&Require=replaces" % (target, escape_header(bytes(replaces)))


def read_fragment(notify: Message) -> int:
    """The status that a message/sipfrag begins with (RFC 3515 2.4.5), 0 where it is none."""
    kind = (notify.header(b"Content-Type") or b"").partition(b";")[0].strip().lower()
    version, _, rest = notify.body.partition(b" ")
    written = rest[:3]
    if kind != b"message/sipfrag" or version.upper() != b"SIP/2.0" or not written.isdigit():
        return 0
    status = int(written)
    return status if 100 <= status < 700 else 0


def read_remaining(notify: Message) -> int:
    """How many seconds the subscription goes on, by Subscription-State (RFC 6665 4.1.3); -1 where it has ended."""
    state, *parameters = (part.strip().lower() for part in (notify.header(b"Subscription-State") or b"").split(b";"))
    if state == b"terminated":
        return -1
    for parameter in parameters:
        name, _, written = parameter.partition(b"=")
        if name.strip() == b"expires" and written.strip().isdigit():
            return min(int(written.strip()[:9]), 86_400)
    return int(PATIENCE_S)
