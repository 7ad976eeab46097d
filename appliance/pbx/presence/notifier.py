# SPDX-License-Identifier: Apache-2.0
"""The notifier's table and its NOTIFYs (RFC 6665 4.2, RFC 6446): whoever watches hears of a change at once, has one
NOTIFY under way at a time, and of what happens meanwhile gets the latest.

Only this module changes a Subscription after it was accepted.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol, TypeVar

from appliance.pbx.expiry import ExpiryCalendar
from appliance.pbx.presence.event_package import EventPackage
from appliance.pbx.presence.event_row import SubscriptionKey, SubscriptionStore
from appliance.pbx.presence.notification import Delivery, Notification
from appliance.pbx.presence.subscription import ACTIVE, RESERVED_AHEAD, TERMINATED, Subscription
from appliance.sip.flow import Flow
from appliance.sip.stack import SipStack
from appliance.vocabulary.journal import Journal

WINDOW_S: Final = 1.0
WINDOW_NOTIFIES_MAX: Final = 20
"""More than these in a second to one subscriber wait for the next second."""
TIMEOUT, DEACTIVATED, REJECTED, NO_RESOURCE = b"timeout", b"deactivated", b"rejected", b"noresource"
"""Why a subscription ends (RFC 6665 4.1.3)."""
RETRY_S: Final = 60.0
"""When a NOTIFY that was answered with an error that may pass is followed by another, where nobody said when."""
IndexKey = TypeVar("IndexKey")


class FlowFinder(Protocol):
    """Which way leads to a subscriber now."""

    def find_flow(self, subscription: Subscription) -> Flow | None:
        """The flow for the next NOTIFY, None where there is none."""


class Pause:
    """Wakes a subscription whose NOTIFY had to wait."""

    __slots__ = ("_wake", "deadline", "subscription")

    def __init__(self, wake: Callable[[Subscription, float], None], subscription: Subscription, at: float) -> None:
        self._wake = wake
        self.subscription = subscription
        self.deadline = at

    def due(self, now: float) -> None:
        """The timer's call."""
        self.deadline = 0.0
        if self.subscription.pause is self:
            self.subscription.pause = None
            self._wake(self.subscription, now)


class Notifier:
    """All subscriptions. store: None keeps them in memory only; wall_offset: wall clock minus monotonic clock;
    targets: who is watched at all, and how often."""

    __slots__ = ("_by_key", "_by_target", "_by_watcher", "_documents", "_expiry", "_flows", "_journal", "_stack",
                 "_store", "targets", "wall_offset")

    def __init__(self, stack: SipStack, flows: FlowFinder, store: SubscriptionStore | None, journal: Journal,
                 wall_offset: float) -> None:
        self._stack = stack
        self._flows = flows
        self._store = store
        self._journal = journal
        self.wall_offset = wall_offset
        self.targets: dict[bytes, int] = {}
        self._by_key: dict[SubscriptionKey, Subscription] = {}
        self._by_target: dict[tuple[bytes, bytes], dict[Subscription, None]] = {}
        self._by_watcher: dict[bytes, dict[Subscription, None]] = {}
        self._documents: dict[tuple[bytes, bytes], bytes] | None = None     # while one change is told to many
        self._expiry: ExpiryCalendar[Subscription] = ExpiryCalendar(stack.timers, self._expire)

    # reading

    def __len__(self) -> int:
        return len(self._by_key)

    def find(self, key: SubscriptionKey) -> Subscription | None:
        """The subscription of this dialog."""
        return self._by_key.get(key)

    def subscriptions(self) -> list[Subscription]:
        """All of them, oldest first."""
        return list(self._by_key.values())

    def watched_by(self, watcher: bytes) -> Iterable[Subscription]:
        """What a user watches, oldest first; not to be changed meanwhile."""
        return self._by_watcher.get(watcher, ())

    def is_watched(self, package: bytes, target: bytes) -> bool:
        """Whether a change of this would interest anybody."""
        return (package, target) in self._by_target

    # the life of a subscription

    def add(self, subscription: Subscription) -> None:
        """Enter an accepted or restored subscription; nothing is sent yet."""
        subscription.enter(ACTIVE)
        self._by_key[subscription.key] = subscription
        self._by_target.setdefault((subscription.package.name, subscription.target), {})[subscription] = None
        self._by_watcher.setdefault(subscription.watcher, {})[subscription] = None
        self.targets[subscription.target] = self.targets.get(subscription.target, 0) + 1
        self._expiry.put(subscription)

    def keep(self, subscription: Subscription) -> None:
        """Have the disk know it as it is now."""
        if self._store is not None:
            self._store.save([subscription.build_row(self.wall_offset)])

    def prolong(self, subscription: Subscription, deadline: float) -> None:
        """Another end: it was refreshed."""
        subscription.deadline = deadline
        if deadline < subscription.bucket_begin:
            self._expiry.move_earlier(subscription)
        self.keep(subscription)

    def end(self, subscription: Subscription, reason: bytes, now: float) -> None:
        """Take it out and tell the subscriber why, with the state as it is (RFC 6665 4.2.1.4)."""
        self._remove(subscription, reason)
        subscription.is_full_due = True
        self._send(subscription, reason, now)

    def answer_fetch(self, subscription: Subscription, now: float) -> None:
        """A SUBSCRIBE with Expires: 0 outside a dialog: one NOTIFY, nothing is kept (RFC 6665 4.4.3)."""
        subscription.enter(TERMINATED)
        self._send(subscription, TIMEOUT, now)

    def set_wall_offset(self, wall_offset: float) -> None:
        """The wall clock was set: what is on disk is written anew."""
        self.wall_offset = wall_offset
        if self._store is not None and self._by_key:
            self._store.save([one.build_row(wall_offset) for one in self._by_key.values()])

    def drop_row(self, key: SubscriptionKey) -> None:
        """A stored row stands for nothing any more."""
        if self._store is not None:
            self._store.delete([key])

    def _expire(self, subscription: Subscription, now: float) -> None:
        if subscription.state is ACTIVE:
            self.end(subscription, TIMEOUT, now)

    def _remove(self, subscription: Subscription, reason: bytes) -> None:
        subscription.enter(TERMINATED)
        del self._by_key[subscription.key]
        strike_out(self._by_target, (subscription.package.name, subscription.target), subscription)
        strike_out(self._by_watcher, subscription.watcher, subscription)
        self.targets[subscription.target] -= 1
        if not self.targets[subscription.target]:
            del self.targets[subscription.target]
        self._expiry.take(subscription)
        if isinstance(subscription.pause, Pause):
            subscription.pause.deadline = 0.0
            subscription.pause = None
        self.drop_row(subscription.key)
        self._stack.counters["subscriptions_ended"] += 1
        self._journal.record("subscription_ended", watcher=subscription.watcher, target=subscription.target,
                             package=subscription.package.name, reason=reason)

    # telling

    def tell_full(self, subscription: Subscription, now: float) -> None:
        """The whole state, whatever is under way: a SUBSCRIBE was accepted (RFC 6665 4.2.1.2)."""
        subscription.is_full_due = True
        self._send(subscription, b"", now)

    def note_change(self, package: EventPackage, target: bytes, changes: Mapping[bytes, bytes], now: float) -> None:
        """The state of a target has changed. changes: elements by their id, {} for a package without parts."""
        watching = self._by_target.get((package.name, target))
        if watching is None:
            return
        self._documents = {}
        for subscription in tuple(watching):
            subscription.has_change = True
            subscription.changes.update(changes)
            self._wake(subscription, now)
        self._documents = None

    def retry(self, watcher: bytes, now: float) -> None:
        """A subscriber that could not be reached may be again."""
        for subscription in tuple(self._by_watcher.get(watcher, ())):
            if subscription.is_full_due and not subscription.under_way and not subscription.pause:
                self._send(subscription, b"", now)

    def note_delivery(self, subscription: Subscription, delivery: Delivery, retry_after_s: float, now: float) -> None:
        """A NOTIFY has been answered, or never will be (NotificationOwner)."""
        subscription.under_way -= 1
        if subscription.state is not ACTIVE:
            return
        if delivery is Delivery.ENDED:
            self._remove(subscription, b"unreachable")
        elif delivery is Delivery.DONE:
            self._wake(subscription, now)
        else:
            self._stack.counters["notifies_undelivered"] += 1
            subscription.is_full_due = True     # nobody knows what the subscriber knows
            subscription.last_document = b""
            if delivery is Delivery.POSTPONED:
                subscription.has_change = True
                subscription.not_before = now + (retry_after_s or RETRY_S)
                self._wake(subscription, now)

    def _wake(self, subscription: Subscription, now: float) -> None:
        """Send what waits, or see to it that it is sent when it may be."""
        if not subscription.has_change or subscription.under_way or subscription.state is not ACTIVE:
            return
        if now < subscription.not_before:
            if subscription.pause is None:
                pause = Pause(self._wake, subscription, subscription.not_before)
                subscription.pause = pause
                self._stack.timers.arm(pause, pause.deadline)
            return
        self._send(subscription, b"", now)

    def _send(self, subscription: Subscription, reason: bytes, now: float) -> None:
        """Build the NOTIFY of the present state and send it."""
        package = subscription.package
        document = self._build_document(subscription, now)
        subscription.has_change = False
        if not package.is_partial:
            if document == subscription.last_document and not subscription.is_full_due and not reason:
                return      # no reportable change (RFC 3903 8.3: a refreshed publication tells nobody anything)
            subscription.last_document = document
        flow = self._flows.find_flow(subscription)
        if flow is None:
            subscription.is_full_due = True
            self._stack.counters["notifies_undelivered"] += 1
            return
        subscription.is_full_due = False
        subscription.changes.clear()
        subscription.version += package.is_partial
        branch = self._stack.new_branch()
        octets = subscription.build_notify(b"%b%b\r\n" % (flow.listener.via_prefix, branch), reason, document, now)
        self._note_rate(subscription, now)
        if subscription.state is ACTIVE and subscription.local_cseq > subscription.reserved_cseq - RESERVED_AHEAD // 2:
            self.keep(subscription)
        self._stack.counters["notifies_sent"] += 1
        subscription.under_way += 1
        self._stack.send_request(octets, flow, branch, b"NOTIFY", Notification(self, subscription), now)

    def _build_document(self, subscription: Subscription, now: float) -> bytes:
        package, target = subscription.package, subscription.target
        if package.is_partial:
            changes = None if subscription.is_full_due or not subscription.changes else subscription.changes.values()
            return package.build_document(target, subscription.version, changes, now)
        if self._documents is None:
            return package.build_document(target, 0, None, now)
        key = (package.name, target)
        document = self._documents.get(key)
        if document is None:
            document = self._documents[key] = package.build_document(target, 0, None, now)
        return document

    @staticmethod
    def _note_rate(subscription: Subscription, now: float) -> None:
        """RFC 6446 where the subscriber asked for it; else nothing waits but a flood, and that for a second at most."""
        if now - subscription.window_begin >= WINDOW_S:
            subscription.window_begin = now
            subscription.window_count = 0
        subscription.window_count += 1
        if subscription.gap_s:
            subscription.not_before = now + subscription.gap_s
        elif subscription.window_count >= WINDOW_NOTIFIES_MAX:
            subscription.not_before = subscription.window_begin + WINDOW_S


def strike_out(index: dict[IndexKey, dict[Subscription, None]], key: IndexKey, subscription: Subscription) -> None:
    """Remove a subscription from an index."""
    entries = index[key]
    del entries[subscription]
    if not entries:
        del index[key]
