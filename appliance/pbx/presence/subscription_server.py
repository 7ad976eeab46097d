# SPDX-License-Identifier: Apache-2.0
"""SUBSCRIBE as the notifier answers it (RFC 6665 4.2.1): new, refreshed, fetched, ended, refused.

Who may watch: every extension every other; what is private (a mailbox, registrations) only its own user.
"""

from appliance.errors import PeerError
from appliance.native.sip_scanner import Message, find_parameter, split_address
from appliance.pbx.account import Account
from appliance.pbx.presence.event_package import EventPackage
from appliance.pbx.presence.event_reading import Event, check_filter, check_require, may_accept, read_event
from appliance.pbx.presence.notifier import NO_RESOURCE, REJECTED, TIMEOUT, Notifier
from appliance.pbx.presence.refusals import Refusals
from appliance.pbx.presence.subscriber_flow import SubscriberFlows, check_target
from appliance.pbx.presence.subscription import Subscription
from appliance.pbx.presence.subscription_limits import decide_displaced
from appliance.pbx.register_reading import ExpiryPolicy
from appliance.sip.flow import Flow
from appliance.sip.stack import SipStack
from appliance.sip.status import status_line


class SubscriptionServer:
    """Answers SUBSCRIBE. packages: by name; policy: seconds that are granted."""

    __slots__ = ("_flows", "_notifier", "_refusals", "_stack", "packages", "policy")

    def __init__(self, stack: SipStack, notifier: Notifier, flows: SubscriberFlows, refusals: Refusals,
                 packages: dict[bytes, EventPackage]) -> None:
        self._stack = stack
        self._notifier = notifier
        self._flows = flows
        self._refusals = refusals
        self.packages = packages
        self.policy = ExpiryPolicy()

    @property
    def allow_events(self) -> bytes:
        """The Allow-Events line (RFC 6665 8.2.2)."""
        return b"Allow-Events: %b\r\n" % b", ".join(self.packages)

    # a new subscription

    def open(self, message: Message, flow: Flow, account: Account, target: bytes, now: float) -> None:
        """A SUBSCRIBE outside a dialog by a user of ours, for a target that exists."""
        server = self._stack.open_server(message, flow, now)
        if not self._stack.claim_merge(message, server):
            server.respond(482, now)    # 8.2.2.2: forked on its way here; one subscription is enough
            return
        try:
            subscription, expires_s = self._accept(message, flow, account, target)
            watched = self._notifier.watched_by(account.extension)
            displaced = decide_displaced(watched, subscription) if expires_s else None
        except PeerError as error:
            server.respond(error.status_hint, now, self._explain(error, flow))
            self._note_refusal(account.extension, error, message, flow, now)
            return
        server.tag = subscription.local_tag
        subscription.deadline = now + expires_s
        lines = b"Expires: %d\r\nContact: %b\r\n%b" % (expires_s, subscription.contact, self.allow_events)
        # 12.1.1: the response that creates a dialog repeats Record-Route
        server.send(200, message.reply(status_line(200), server.tag, lines, b"", True), now)
        if not expires_s:
            self._notifier.answer_fetch(subscription, now)  # 4.4.3
            return
        if displaced is not None:
            self._notifier.end(displaced, REJECTED, now)    # not to be tried again at once
        self._notifier.add(subscription)
        self._notifier.keep(subscription)
        self._stack.counters["subscriptions_accepted"] += 1
        self._notifier.tell_full(subscription, now)

    def _accept(self, message: Message, flow: Flow, account: Account, target: bytes) -> tuple[Subscription, int]:
        """The subscription that is asked for, and its seconds. PeerError for what is refused."""
        check_require(message)
        event = read_event(message)
        package = self._find_package(event)
        if package.is_private and account.extension != target:
            raise PeerError("another user's", 403, target, "RFC 6665 4.2.1.3")
        if not may_accept(message, package.content_type):
            raise PeerError("no format that is taken", 406, message.header(b"Accept") or b"", "RFC 6665 8.2.2")
        check_filter(message)
        expires_s = self._grant(message, package)
        check_target(message)
        subscription = Subscription(package, account.extension, target, flow.listener, flow)
        subscription.call_id = message.call_id
        subscription.local_tag = self._stack.new_tag()
        subscription.remote_tag = message.from_tag
        subscription.local = b"%b;tag=%b" % (message.to_value, subscription.local_tag)
        subscription.remote = message.from_value
        subscription.event, subscription.gap_s = event.value, event.gap_s
        subscription.routes = tuple(message.values(b"Record-Route")) if message.header(b"Record-Route") else ()
        self._take_up(subscription, message, flow)
        return subscription, expires_s

    def _find_package(self, event: Event) -> EventPackage:
        package = self.packages.get(event.package)
        if package is None:
            raise PeerError("unknown event package", 489, event.package, "RFC 6665 4.2.1.1")
        return package

    def _grant(self, message: Message, package: EventPackage) -> int:
        """Seconds for a SUBSCRIBE. PeerError 423 for too few."""
        return self.policy.grant(message.expires if message.expires >= 0 else package.default_expires_s)

    def _take_up(self, subscription: Subscription, message: Message, flow: Flow) -> None:
        """Remote target, way and order, as every SUBSCRIBE of a dialog may change them (12.2.2)."""
        subscription.remote_target = message.contact_uri or subscription.remote_target
        if message.contact is not None:
            subscription.instance = find_parameter(split_address(message.contact)[2], b"+sip.instance") or b""
        subscription.remote_cseq = message.cseq
        subscription.listener = flow.listener
        subscription.flow = self._flows.decide_flow(message, flow, subscription.remote_target)

    # a subscription that there is

    def refresh(self, subscription: Subscription, message: Message, flow: Flow, now: float) -> None:
        """A SUBSCRIBE within the dialog, by its subscriber (RFC 6665 4.2.1.4)."""
        server = self._stack.open_server(message, flow, now)
        try:
            expires_s = self._renew(subscription, message, flow)
        except PeerError as error:
            server.respond(error.status_hint, now, self._explain(error, flow))
            self._note_refusal(subscription.watcher, error, message, flow, now)
            return
        lines = b"Expires: %d\r\nContact: %b\r\n" % (expires_s, subscription.contact)
        server.respond(200, now, lines)
        if not expires_s:
            self._notifier.end(subscription, TIMEOUT, now)
            return
        self._notifier.prolong(subscription, now + expires_s)
        self._notifier.tell_full(subscription, now)

    def _renew(self, subscription: Subscription, message: Message, flow: Flow) -> int:
        """The seconds that a refresh gets; its dialog is up to date then. PeerError for what is refused."""
        if message.cseq < subscription.remote_cseq:
            raise PeerError("CSeq is lower than the one before", 500, b"%d" % message.cseq, "RFC 3261 12.2.2")
        check_require(message)
        event = read_event(message)
        self._find_package(event)
        if event.value != subscription.event:
            # one dialog, one subscription: RFC 6665 4.5.2 forbids more
            raise PeerError("no such subscription in this dialog", 481, event.value, "RFC 6665 4.5.2")
        expires_s = self._grant(message, subscription.package)
        if message.contact is not None:
            check_target(message)
        subscription.gap_s = event.gap_s
        self._take_up(subscription, message, flow)
        return expires_s

    # refusals

    def _note_refusal(self, user: bytes, error: PeerError, message: Message, flow: Flow, now: float) -> None:
        self._stack.counters["subscriptions_refused"] += 1
        self._refusals.note("subscription_refused", user, error, message, flow, now)

    def _explain(self, error: PeerError, flow: Flow) -> bytes:
        """What a refusal says beside its status."""
        lines = explain_refusal(error, flow, self.policy)
        return self.allow_events + lines if error.status_hint == 489 else lines

    def retain(self, extensions: frozenset[bytes], now: float) -> None:
        """The configuration has changed: what users watch that are none any more ends, and what watched them."""
        for subscription in self._notifier.subscriptions():
            if subscription.watcher not in extensions:
                self._notifier.end(subscription, REJECTED, now)
            elif subscription.target not in extensions:
                self._notifier.end(subscription, NO_RESOURCE, now)


def explain_refusal(error: PeerError, flow: Flow, policy: ExpiryPolicy) -> bytes:
    """The lines of a refusal: why (20.43), and what its status must say."""
    lines = b"Warning: 399 %b \"%b\"\r\n" % (flow.listener.hostport, str(error).encode("ascii", "replace"))
    status = error.status_hint
    if status == 423:
        return b"Min-Expires: %d\r\n" % policy.min_s + lines    # RFC 3261 20.23
    if status == 420:
        return b"Unsupported: %b\r\n" % error.excerpt + lines   # 8.2.2.3
    if status == 500:
        return b"Retry-After: 5\r\n" + lines                    # 12.2.2
    return lines
