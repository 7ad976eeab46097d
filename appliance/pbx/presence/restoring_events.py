# SPDX-License-Identifier: Apache-2.0
"""Subscriptions taken up again after a restart: every subscriber gets the whole state, and lamps are right without the
phones doing anything.
"""

from collections.abc import Iterable
from typing import Protocol

from appliance.native.sip_scanner import split_values
from appliance.pbx.presence.event_package import EventPackage
from appliance.pbx.presence.event_row import PublicationRow, SubscriptionRow
from appliance.pbx.presence.event_server import EventServer
from appliance.pbx.presence.subscription import Subscription
from appliance.sip.flow import Flow
from appliance.ua.usage_snapshot import FlowFinder


class StoredRows(Protocol):
    """What was on disk."""

    @property
    def subscriptions(self) -> Iterable[SubscriptionRow]: ...
    @property
    def publications(self) -> Iterable[PublicationRow]: ...


class EventRestorer:
    """Turns rows into living subscriptions. find_flow: what has become of a flow, None where its listener is gone."""

    __slots__ = ("_find_flow", "_server")

    def __init__(self, server: EventServer, find_flow: FlowFinder) -> None:
        self._server = server
        self._find_flow = find_flow

    def restore(self, rows: StoredRows, now: float, wall_now: float) -> int:
        """Take up what was stored, and have everyone notified as soon as timers run; how many subscriptions are alive.
        Bindings must be there already: the NOTIFYs tell of them."""
        self._server.publications.restore(rows.publications, now, wall_now, self._server.extensions.__contains__)
        notifier, extensions = self._server.notifier, self._server.extensions
        policy = self._server.subscribing.policy
        restored = []
        for row in rows.subscriptions:
            left_s = min(row.expires_wall_s - wall_now, float(policy.max_s))
            flow = self._find_flow((row.listener, row.transport, row.host, row.port))
            package = self._server.subscribing.packages.get(row.package)
            if left_s <= 0 or flow is None or package is None or not {row.watcher, row.target} <= extensions:
                notifier.drop_row(row.key)
                continue
            subscription = restore_subscription(row, package, flow)
            subscription.deadline = now + left_s
            notifier.add(subscription)
            restored.append(subscription)
        self._server.note_restored(restored)
        return len(restored)


def restore_subscription(row: SubscriptionRow, package: EventPackage, flow: Flow) -> Subscription:
    """Everything but the deadline. CSeq and version go on above what may have been sent."""
    subscription = Subscription(package, row.watcher, row.target, flow.listener, flow)
    subscription.call_id, subscription.local_tag, subscription.remote_tag = row.key
    subscription.local, subscription.remote, subscription.event = row.local, row.remote, row.event
    subscription.remote_target = row.remote_target
    subscription.routes = tuple(split_values(row.routes)) if row.routes else ()
    subscription.local_cseq = subscription.version = subscription.reserved_cseq = row.local_cseq
    subscription.remote_cseq = row.remote_cseq
    subscription.gap_s = row.gap_s
    return subscription
