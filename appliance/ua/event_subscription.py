# SPDX-License-Identifier: Apache-2.0
"""A subscription that never gives up, as its subscriber keeps it: RFC 6665 4.1, with the usage rules of RFC 5057.

One package at one notifier; it changes its own state and dialog by what the notifier says and by the time.
"""

from enum import IntEnum
from typing import Final, Protocol

from appliance.errors import MisuseError, PeerError
from appliance.native.sip_scanner import Message
from appliance.sip.flow import Flow
from appliance.sip.transaction.server import ServerTransaction
from appliance.ua.agent_core import AgentCore
from appliance.ua.dialog import Dialog
from appliance.ua.dialog_ending import Ending, decide_ending
from appliance.ua.outgoing_request import OutgoingRequest
from appliance.ua.refer_to import read_event
from appliance.ua.request_draft import RequestDraft
from appliance.ua.retrying import FIRST_RETRY_S, decide_delay, read_retry_after
from appliance.ua.subscription_state import ACTIVE, AT_ONCE, NEVER, TERMINATED_WORD, SubscriptionWord, read_state

NOTIFY_WAIT_S: Final = 32.0
"""Timer N, 64*T1 (4.1.2.4): whoever has accepted and says nothing for so long has not subscribed us."""
LAST_RETRY_S: Final = 300.0
REFUSED_RETRY_S: Final = 3600.0
"""Where the notifier does not have the package, or does not want us: an hour later it may be another one."""
LIFETIME_LIMIT_S: Final = 86_400
SUBSCRIBE_METHODS: Final = frozenset({b"SUBSCRIBE", b"NOTIFY"})
REFUSALS: Final = frozenset({403, 404, 405, 416, 420, 489, 501, 603, 604})
USAGE: Final = (b"NOTIFY",)


class SubscriptionState(IntEnum):
    """ASKING: the first SUBSCRIBE has no NOTIFY yet; HELD: NOTIFYs come; WAITING: until the next try; LEAVING: it was
    asked to end; ENDED: as we wished."""

    IDLE = 0
    ASKING = 1
    HELD = 2
    WAITING = 3
    LEAVING = 4
    ENDED = 5


IDLE, ASKING, HELD, WAITING, LEAVING, ENDED = SubscriptionState
TRANSITIONS: Final = (
    frozenset({ASKING, ENDED}),
    frozenset({HELD, WAITING, LEAVING}),
    frozenset({WAITING, LEAVING}),
    frozenset({ASKING, ENDED}),
    frozenset({ENDED}),
    frozenset[SubscriptionState](),
)
"""What may follow each state, by its number."""


class SubscriptionEvents(Protocol):
    """Who wants to know."""

    def document_received(self, notify: Message, now: float) -> bool:
        """A NOTIFY with a body; False for one that cannot be read (400)."""

    def subscription_lost(self, status: int, retry_s: float, now: float) -> None:
        """Nobody tells us any more; status: of a refusal (408, 503: nobody answered), 0 where the notifier ended it;
        tried again after retry_s."""


class EventSubscription:
    """target: the resource's URI; package: its event package; accept: the type of its documents; expires_s: what we ask
    for; parameters: of our Contact, from the first ";"."""

    __slots__ = ("_accept", "_alarm", "_core", "_dialog", "_draft", "_events", "_failures", "_package", "_request",
                 "_target", "expires_s", "parameters", "state")

    def __init__(self, core: AgentCore, target: bytes, package: bytes, accept: bytes,
                 events: SubscriptionEvents) -> None:
        self._core = core
        self._target = target
        self._package = package
        self._accept = accept
        self._events = events
        self._alarm = core.alarm()
        self._draft: RequestDraft | None = None
        self._dialog: Dialog | None = None
        self._request: OutgoingRequest | None = None
        self._failures = 0
        self.parameters = b""
        self.expires_s = 3600
        self.state = IDLE

    def _enter(self, state: SubscriptionState) -> None:
        if state not in TRANSITIONS[self.state]:
            raise MisuseError(f"subscription: {self.state.name} to {state.name}")
        self.state = state

    # what its element asks for

    def start(self, now: float) -> None:
        """Subscribe, and stay so; where a try is waited for, it is made at once."""
        if self.state in (IDLE, WAITING):
            self._subscribe(now)

    def stop(self, now: float) -> None:
        """Not wanted any more (4.1.2.3)."""
        self._alarm.clear()
        if self.state in (ASKING, HELD):
            is_held = self.state is HELD
            self._enter(LEAVING)
            if is_held:
                self._send(self._draft_refresh(0), now)
            elif self._request is not None:
                self._request.stop_trying()
        elif self.state in (IDLE, WAITING):
            self._enter(ENDED)

    def is_of(self, notify: Message) -> bool:
        """Whether this NOTIFY, in no dialog, answers our SUBSCRIBE: it may come before the 200 (4.4.1)."""
        draft = self._draft
        return (self.state is ASKING and self._dialog is None and draft is not None
                and notify.call_id == draft.call_id and draft.local.endswith(b";tag=" + notify.to_tag))

    # SUBSCRIBE

    def _subscribe(self, now: float) -> None:
        self._alarm.clear()
        self._enter(ASKING)
        core = self._core
        draft = self._draft = core.draft_request(b"SUBSCRIBE", self._target)
        self._fill(draft, self.expires_s)
        self._send(draft, now)

    def _draft_refresh(self, expires_s: int) -> RequestDraft:
        assert self._dialog is not None
        draft = self._dialog.draft_request(b"SUBSCRIBE")
        self._fill(draft, expires_s)
        return draft

    def _fill(self, draft: RequestDraft, expires_s: int) -> None:
        draft.contact = self._write_contact
        draft.expires_s = expires_s
        draft.lines += b"Event: %s\r\nAccept: %s\r\n" % (self._package, self._accept)

    def _write_contact(self, flow: Flow) -> bytes:
        return self._core.profile.contact(flow) + self.parameters

    def _send(self, draft: RequestDraft, now: float) -> None:
        self._request = OutgoingRequest(self._core, draft, self, self._dialog)
        self._request.send(now)

    def _refresh(self, now: float) -> None:
        self._send(self._draft_refresh(self.expires_s), now)

    def _last(self, lifetime_s: int, now: float) -> None:
        """Well before the end, at a random moment, so that a thousand phones do not come at once."""
        delay_s = lifetime_s * (0.5 + 0.4 * self._core.random_fraction())
        self._alarm.set(now + max(delay_s, FIRST_RETRY_S), self._refresh)

    # what the notifier answers

    def provisional_received(self, request: OutgoingRequest, response: Message, now: float) -> None:
        """RequestOwner."""

    def request_succeeded(self, request: OutgoingRequest, response: Message, now: float) -> None:
        """RequestOwner. A NOTIFY follows, or has come before."""
        if request is not self._request:
            return
        self._request = None
        if self.state is ASKING:
            self.expires_s = max(self.expires_s, request.draft.expires_s)    # what a 423 has taught us
            self._alarm.set(now + NOTIFY_WAIT_S, self._give_up_waiting)
        elif self.state is HELD:
            granted_s = response.expires if response.expires > 0 else request.draft.expires_s
            self._last(min(granted_s, LIFETIME_LIMIT_S), now)
        elif self.state is LEAVING and self._dialog is None:
            self._end()
        else:       # LEAVING: the last NOTIFY is waited for, but not for ever
            self._alarm.set(now + NOTIFY_WAIT_S, self._pass_farewell)

    def request_refused(self, request: OutgoingRequest, status: int, response: Message | None, now: float) -> None:
        """RequestOwner. 4.1.2.2: after an error that is not the subscription's end it lasts as it would."""
        if request is not self._request:
            return
        self._request = None
        if self.state is LEAVING:
            self._end()
        elif self.state is ASKING:
            self._lose(status, read_retry_after(response), status in REFUSALS, now)
        elif self.state is HELD:
            if decide_ending(status, b"SUBSCRIBE", SUBSCRIBE_METHODS) is Ending.TRANSACTION:
                self._alarm.set(now + max(read_retry_after(response), FIRST_RETRY_S), self._refresh)
            else:
                self._lose(status, read_retry_after(response), status in REFUSALS - {404}, now, is_anew=status == 481)

    def _give_up_waiting(self, now: float) -> None:
        self._lose(408, 0, False, now)

    def _pass_farewell(self, _now: float) -> None:
        self._end()

    # NOTIFY

    def request_received(self, server: ServerTransaction, request: Message, now: float) -> None:
        """DialogUsage: a NOTIFY in the dialog, or the one that makes it."""
        package, _number = read_event(request)
        word = read_state(request.header(b"Subscription-State"))
        if package != self._package:
            server.respond(489, now)
            return
        if self.state not in (ASKING, HELD, LEAVING):
            server.respond(481, now)
            return
        if word is None:
            server.respond(400, now)    # 8.2.3: without Subscription-State it is none
            return
        if self._dialog is not None:
            self._dialog.refresh_target(request)
        elif not self._open_dialog(server, request):
            server.respond(400, now)
            return
        is_read = not request.body or self.state is LEAVING or self._events.document_received(request, now)
        server.respond(200 if is_read else 400, now)
        self._take_word(word, now)

    def ack_received(self, ack: Message, now: float) -> None:
        """DialogUsage: an INVITE's business."""

    def _open_dialog(self, server: ServerTransaction, notify: Message) -> bool:
        """4.4.1: the NOTIFY makes the dialog; of a forked SUBSCRIBE the first one, as RFC 3842 3.9 wants. False where
        there is no way back to the notifier."""
        assert self._draft is not None
        try:
            dialog = Dialog.of_callee(notify, notify.to_tag)
        except PeerError:
            return False
        dialog.local = self._draft.local        # our own words
        dialog.local_cseq = self._draft.cseq
        dialog.flow = server.source
        dialog.confirm()
        self._dialog = dialog
        self._core.join_dialog(dialog, self, USAGE)
        return True

    def _take_word(self, word: SubscriptionWord, now: float) -> None:
        if word.word == TERMINATED_WORD:
            if self.state is LEAVING:
                self._end()
            else:
                self._take_termination(word, now)
            return
        if self.state is LEAVING:
            return
        if self.state is ASKING:
            self._enter(HELD)
        if word.word == ACTIVE:
            self._failures = 0
        if self._request is None or word.expires_s >= 0:
            lifetime_s = word.expires_s if word.expires_s >= 0 else self.expires_s
            self._last(min(lifetime_s, LIFETIME_LIMIT_S), now)

    def _take_termination(self, word: SubscriptionWord, now: float) -> None:
        """4.1.3: the reason says whether to come again, and when."""
        is_young = self.state is ASKING     # who ends it at once is not asked again at once
        self._lose(0, word.retry_after_s, word.reason in NEVER, now, is_anew=word.reason in AT_ONCE and not is_young)

    # ends

    def _lose(self, status: int, retry_after_s: int, is_refused: bool, now: float, is_anew: bool = False) -> None:
        """It is gone; the next try is another subscription, in another dialog."""
        self._leave_dialog()
        if self._request is not None:
            self._request.stop_trying()
            self._request = None
        self._enter(WAITING)
        is_at_once = is_anew and not self._failures
        retry_s = 0.0 if is_at_once else decide_delay(self._failures, LAST_RETRY_S, self._core.random_fraction())
        self._failures += 1
        retry_s = max(retry_s, REFUSED_RETRY_S if is_refused else 0.0, min(retry_after_s, REFUSED_RETRY_S))
        self._alarm.set(now + retry_s, self._subscribe)
        self._events.subscription_lost(status, retry_s, now)

    def _end(self) -> None:
        self._leave_dialog()
        self._request = None
        self._alarm.clear()
        self._enter(ENDED)

    def _leave_dialog(self) -> None:
        dialog, self._dialog = self._dialog, None
        self._draft = None
        if dialog is not None:
            self._core.leave_dialog(dialog, self)
