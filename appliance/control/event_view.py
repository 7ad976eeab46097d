# SPDX-License-Identifier: Apache-2.0
"""Subscriptions and presence as the console sees them."""

from collections.abc import Iterator

from appliance.control.observed import Presence, PublishedState, WatchedState
from appliance.pbx.presence.event_server import EventServer
from appliance.pbx.presence.publications import Publication
from appliance.pbx.presence.subscription import Subscription


def list_subscriptions(events: EventServer, now: float) -> Iterator[WatchedState]:
    """Who watches what, by the watched extension."""
    for subscription in sorted(events.notifier.subscriptions(), key=lambda one: (one.target, one.package.name)):
        yield _describe_subscription(subscription, now)


def _describe_subscription(subscription: Subscription, now: float) -> WatchedState:
    flow = subscription.flow
    return {
        "target": _text(subscription.target),
        "package": _text(subscription.package.name),
        "watcher": _text(subscription.watcher),
        "contact": _text(subscription.remote_target),
        "address": _text(flow.hostport),
        "transport": _text(flow.listener.transport).lower(),
        "expires_s": max(0, int(subscription.deadline - now)),
        "is_up_to_date": not (subscription.is_full_due or subscription.has_change or subscription.under_way),
        "call_id": _text(subscription.call_id),
    }


def list_presence(events: EventServer, now: float) -> Iterator[Presence]:
    """Every extension, in order."""
    published: dict[bytes, list[Publication]] = {}
    for publication in events.publications.publications():
        published.setdefault(publication.target, []).append(publication)
    for extension in sorted(events.extensions):
        youngest_first = sorted(published.get(extension, []), key=lambda one: one.order, reverse=True)
        publications = [_describe_publication(one, now) for one in youngest_first]
        is_registered = events.is_registered(extension)
        said = next((one["basic"] for one in publications if one["basic"]), "open" if is_registered else "closed")
        yield {
            "extension": _text(extension),
            "basic": said,
            "is_registered": is_registered,
            "is_on_phone": events.is_on_phone(extension),
            "publications": publications,
        }


def _describe_publication(publication: Publication, now: float) -> PublishedState:
    basic, activities, note = publication.summary
    return {
        "basic": basic,
        "activities": activities,
        "note": note,
        "expires_s": max(0, int(publication.deadline - now)),
    }


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")
