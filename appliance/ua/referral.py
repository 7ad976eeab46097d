# SPDX-License-Identifier: Apache-2.0
"""REFER as its recipient serves it: RFC 3515 with the usage rules of RFC 5057 and RFC 6665, RFC 4488, RFC 5589.

A Referral is one REFER and the subscription that it made; its element acts on it and reports, it tells the sender in
NOTIFYs. The subscription may outlive the call that it came in: it keeps the dialog.
"""

from enum import IntEnum
from typing import Final, Protocol

from appliance.errors import MisuseError, PeerError
from appliance.native.sip_scanner import Message
from appliance.sip.status import reason_phrase
from appliance.sip.transaction.server import ServerTransaction
from appliance.ua.agent_core import AgentCore
from appliance.ua.dialog import Dialog
from appliance.ua.dialog_ending import Ending, decide_ending
from appliance.ua.outgoing_request import OutgoingRequest
from appliance.ua.refer_to import Reference, read_event, read_reference

LIFETIME_S: Final = 300
"""Longer than a phone rings."""
LIFETIME_LIMIT_S: Final = 3600
REFERRALS_LIMIT: Final = 8
"""Open ones in a dialog."""
NOTIFY_METHODS: Final = frozenset({b"NOTIFY"})


class ReferralState(IntEnum):
    """ASKED: not answered yet; ACTIVE: accepted, whoever sent it hears of the progress; SILENT: accepted, he does not
    want to hear (any more); ENDED."""

    ASKED = 0
    ACTIVE = 1
    SILENT = 2
    ENDED = 3


ASKED, ACTIVE, SILENT, ENDED = ReferralState
TRANSITIONS: Final = (
    frozenset({ACTIVE, SILENT, ENDED}),
    frozenset({SILENT, ENDED}),
    frozenset({ENDED}),
    frozenset[ReferralState](),
)
"""What may follow each state, by its number."""


class ReferralHost(Protocol):
    """The call whose dialog a REFER came in."""

    core: AgentCore
    dialog: Dialog

    def transfer_asked(self, referral: "Referral", now: float) -> None:
        """A REFER that can be acted on: to be accepted or refused, now or later."""


class Referral:
    """target: the URI to call; replaces: the dialog that the new call takes over there, or None; referred_by: the
    value for the new call's Referred-By (RFC 3892), b"" for none; status: what was last reported."""

    __slots__ = ("_alarm", "_core", "_desk", "_dialog", "_event", "_has_news", "_sent", "_server", "_until", "number",
                 "referred_by", "replaces", "state", "status", "target", "wants_reports", "words")

    def __init__(self, desk: "ReferralDesk", server: ServerTransaction, reference: Reference, event: bytes) -> None:
        self._desk = desk
        self._core, self._dialog = desk.core, desk.dialog
        self._server = server
        self._event = event
        self._alarm = desk.core.alarm()
        self._sent: OutgoingRequest | None = None
        self._has_news = False
        self._until = 0.0
        self.target = reference.target
        self.replaces = reference.replaces
        self.referred_by = reference.referred_by
        self.wants_reports = reference.wants_reports
        self.number = 0
        self.status = 100
        self.words = b"Trying"
        self.state = ASKED

    def _enter(self, state: ReferralState) -> None:
        if state not in TRANSITIONS[self.state]:
            raise MisuseError(f"referral: {self.state.name} to {state.name}")
        self.state = state

    @property
    def is_over(self) -> bool:
        """Whether nobody is told any more."""
        return self.state >= SILENT

    # what the element asks for

    def accept(self, now: float) -> None:
        """202, and at once a NOTIFY that it is being tried (RFC 3515 2.4.4). Nothing, where its sender has given up."""
        if self._server.request is None:    # RFC 4320 4.2: too late for an answer
            self._enter(ENDED)
            return
        lines = b"Contact: %s\r\n" % self._core.profile.contact_uri(self._server.flow.listener, self._dialog.is_secure)
        if not self.wants_reports:
            self._enter(SILENT)
            self._server.respond(202, now, lines + b"Refer-Sub: false\r\n")     # RFC 4488 4
            return
        self._enter(ACTIVE)
        self._server.respond(202, now, lines)
        self._desk.open(self)
        self._last(LIFETIME_S, now)
        self._notify(now)

    def refuse(self, status: int, now: float, lines: bytes = b"") -> None:
        """No; status: 400 or above, 603 where the user would not have it."""
        self._enter(ENDED)
        if self._server.request is not None:
            self._server.respond(status, now, lines)

    def report(self, status: int, reason: bytes, now: float) -> None:
        """How the call to the target is getting on: its last response. reason: the phrase, b"" for the usual one. From
        200 on it is over for whoever sent the REFER."""
        if self.state is ASKED:
            raise MisuseError("a report on a REFER that is not answered")
        if self.state is not ACTIVE or self.status >= 200:
            return
        self.status = status
        self.words = reason.translate(None, b"\r\n") or reason_phrase(status).encode("ascii")
        self._has_news = True
        self._tell(now)

    # what comes

    def subscribe_received(self, server: ServerTransaction, request: Message, now: float) -> None:
        """The subscription is to last longer, or to end (RFC 3515 2.4.4, RFC 6665 4.2.1)."""
        wanted_s = LIFETIME_S if request.expires < 0 else min(request.expires, LIFETIME_LIMIT_S)
        contact = self._core.profile.contact_uri(server.flow.listener, self._dialog.is_secure)
        server.respond(200, now, b"Contact: %s\r\nExpires: %d\r\n" % (contact, wanted_s))
        if wanted_s == 0:
            self._expire(now)
            return
        self._last(wanted_s, now)
        self._has_news = True
        self._tell(now)

    def provisional_received(self, request: OutgoingRequest, response: Message, now: float) -> None:
        """RequestOwner."""

    def request_succeeded(self, request: OutgoingRequest, response: Message, now: float) -> None:
        """RequestOwner."""
        if request is not self._sent:
            return
        self._sent = None
        if self.state is ACTIVE:
            self._tell(now)
        elif self.state is SILENT:
            self._close()

    def request_refused(self, request: OutgoingRequest, status: int, response: Message | None, now: float) -> None:
        """RequestOwner. RFC 6665 4.2.2: the subscription is gone; the call that it came in is not (RFC 5057 5.1 would
        end it with 404 and the like; phones that know no NOTIFY say such things)."""
        if request is not self._sent:
            return
        self._sent = None
        if self.state is ACTIVE and decide_ending(status, b"NOTIFY", NOTIFY_METHODS) is Ending.TRANSACTION:
            self._tell(now)
        else:
            self._close()

    # NOTIFY

    def _tell(self, now: float) -> None:
        """One at a time, the latest: two could overtake one another."""
        if self._has_news and self._sent is None and self.state is ACTIVE:
            self._notify(now)

    def _notify(self, now: float) -> None:
        expires_s = max(0, round(self._until - now))
        is_final = self.status >= 200
        self._send(b"terminated;reason=noresource" if is_final else b"active;expires=%d" % expires_s, now)
        if is_final:
            self._alarm.clear()
            self._enter(SILENT)

    def _last(self, lifetime_s: int, now: float) -> None:
        self._until = now + lifetime_s
        self._alarm.set(self._until, self._expire)

    def _expire(self, now: float) -> None:
        """RFC 6665 4.2.2: nobody refreshed it, or nobody wants it; what was referred goes on (RFC 3515 2.4.4)."""
        self._alarm.clear()
        if self.state is ACTIVE:
            self._enter(SILENT)
            if self._sent is not None:
                self._sent.stop_trying()
            self._send(b"terminated;reason=timeout", now)

    def _send(self, state: bytes, now: float) -> None:
        core, dialog = self._core, self._dialog
        draft = dialog.draft_request(b"NOTIFY")
        draft.contact = core.profile.secure_contact if dialog.is_secure else core.profile.contact
        draft.lines = b"Event: %s\r\nSubscription-State: %s\r\n" % (self._event, state)
        draft.content_type = b"message/sipfrag;version=2.0"
        draft.body = b"SIP/2.0 %d %s\r\n" % (self.status, self.words)
        self._has_news = False
        self._sent = OutgoingRequest(core, draft, self, dialog)
        self._sent.send(now)

    def _close(self) -> None:
        if self.state is not ENDED:
            self._alarm.clear()
            self._enter(ENDED)
            self._desk.close(self)


class ReferralDesk:
    """The open subscriptions to REFERs of one dialog, by the CSeq of each. Satisfies agent_core.DialogUsage."""

    __slots__ = ("_open", "core", "count", "dialog")

    def __init__(self, core: AgentCore, dialog: Dialog) -> None:
        self.core = core
        self.dialog = dialog
        self.count = 0
        self._open: dict[int, Referral] = {}

    def __len__(self) -> int:
        return len(self._open)

    def open(self, referral: Referral) -> None:
        """It keeps the dialog from now on."""
        self._open[referral.number] = referral
        self.core.join_dialog(self.dialog, self, (b"SUBSCRIBE",))

    def close(self, referral: Referral) -> None:
        """It is over; with the last one its hold on the dialog."""
        self._open.pop(referral.number, None)
        if not self._open:
            self.core.leave_dialog(self.dialog, self)

    def request_received(self, server: ServerTransaction, request: Message, now: float) -> None:
        """DialogUsage: a SUBSCRIBE."""
        package, number = read_event(request)
        if package != b"refer":
            server.respond(489, now)
            return
        referral = self._find(number)
        if referral is None or referral.is_over:
            server.respond(403, now)    # RFC 3515 2.4.4: only a REFER makes one
        else:
            referral.subscribe_received(server, request, now)

    def _find(self, number: bytes) -> Referral | None:
        if number:
            return self._open.get(int(number)) if number.isdigit() and len(number) < 11 else None
        return next(iter(self._open.values()), None)    # 2.4.6: the first one needs no id

    def ack_received(self, ack: Message, now: float) -> None:
        """DialogUsage: an INVITE's business."""


def take_referral(host: ReferralHost, server: ServerTransaction, request: Message, now: float) -> None:
    """A REFER inside a dialog, in order: refused, or told to the call's user."""
    try:
        reference = read_reference(request)
    except PeerError as error:
        server.respond(error.status_hint, now, b"Warning: 399 %s \"%s\"\r\n" % (
            server.flow.listener.hostport, error.reason.encode("ascii", "replace")))
        return
    desk = _find_desk(host)
    if len(desk) >= REFERRALS_LIMIT:
        server.respond(500, now, b"Retry-After: 10\r\n")
        return
    host.dialog.refresh_target(request)     # RFC 6665 3.2
    desk.count += 1
    event = b"refer" if desk.count == 1 else b"refer;id=%d" % request.cseq     # RFC 3515 2.4.6
    referral = Referral(desk, server, reference, event)
    referral.number = request.cseq
    host.transfer_asked(referral, now)


def _find_desk(host: ReferralHost) -> ReferralDesk:
    entry = host.core.dialogs.entries.get(host.dialog.key)
    desk = entry.desk if entry is not None else None
    if not isinstance(desk, ReferralDesk):
        desk = ReferralDesk(host.core, host.dialog)
        if entry is not None:
            entry.desk = desk
    return desk
