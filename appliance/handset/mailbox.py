# SPDX-License-Identifier: Apache-2.0
"""Whether messages wait for this telephone: RFC 3842 by subscription, and by NOTIFYs that the server sends unasked.

Changed by what its server says, and by nobody else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from appliance.errors import PeerError
from appliance.handset.account import Account
from appliance.handset.message_summary import NO_MESSAGES, SUMMARY_LIMIT, read_summary
from appliance.native.sip_scanner import Message
from appliance.sip.transaction.server import ServerTransaction
from appliance.ua.body_parts import read_kind
from appliance.ua.dialog import Dialog
from appliance.ua.event_subscription import HELD, EventSubscription
from appliance.ua.refer_to import read_event
from appliance.ua.user_agent import UserAgent
from appliance.vocabulary.journal import Journal

PACKAGE: Final = b"message-summary"
DOCUMENT: Final = b"application/simple-message-summary"


class Mailbox:
    """waiting: what was last told; changed: called when that is something else. Satisfies SubscriptionEvents and
    RequestHandler."""

    __slots__ = ("_account", "_changed", "_journal", "_status", "_subscription", "waiting")

    def __init__(self, account: Account, agent: UserAgent, journal: Journal, changed: Callable[[], None]) -> None:
        self._account = account
        self._journal = journal
        self._changed = changed
        self._status = 0
        self.waiting = NO_MESSAGES
        core = account.core
        self._subscription = EventSubscription(core, core.profile.aor, PACKAGE, DOCUMENT, self)
        self._subscription.parameters = account.instance     # one that died leaves room for itself
        agent.serve_method(b"NOTIFY", self)
        if account.has_server:
            account.ready = self._subscription.start

    @property
    def is_watched(self) -> bool:
        """Whether the server tells us of changes."""
        return self._subscription.state is HELD

    def stop(self, now: float) -> None:
        """The process ends."""
        self._subscription.stop(now)

    # SubscriptionEvents

    def document_received(self, notify: Message, now: float) -> bool:
        """SubscriptionEvents."""
        kind = read_kind(notify.header(b"Content-Type") or b"")
        if kind != DOCUMENT or len(notify.body) > SUMMARY_LIMIT:
            return False
        try:
            waiting = read_summary(notify.body)
        except PeerError:
            return False
        self._status = 0
        if waiting != self.waiting:
            self.waiting = waiting
            self._journal.record("handset_messages", waiting=waiting.is_waiting, new=waiting.new, old=waiting.old)
            self._changed()
        return True

    def subscription_lost(self, status: int, retry_s: float, now: float) -> None:
        """SubscriptionEvents. What was told holds until something else is."""
        if status != self._status:
            self._status = status
            self._journal.record("handset_messages_untold", status=status, retry_s=round(retry_s, 1))

    # RequestHandler

    def request_received(self, server: ServerTransaction, request: Message, dialog: Dialog | None, now: float) -> None:
        """RequestHandler. A NOTIFY in no dialog of a subscription: the first one of ours, or one that nobody asked for;
        of those our server's are believed, and its alone."""
        if dialog is None and self._subscription.is_of(request):
            self._subscription.request_received(server, request, now)
        elif request.to_tag or not self._account.is_server(server.source):
            server.respond(481, now)        # RFC 6665 4.1.3
        elif read_event(request)[0] != PACKAGE:
            server.respond(489, now)
        else:
            server.respond(200 if self.document_received(request, now) else 400, now)
