# SPDX-License-Identifier: Apache-2.0
"""One NOTIFY on its way: what its answer means for the subscription (RFC 6665 4.2.2, RFC 5057 5.1)."""

from enum import IntEnum
from typing import Final, Protocol

from appliance.native.sip_scanner import Message
from appliance.pbx.presence.subscription import Subscription
from appliance.sip.transaction.core import ClientTransaction, Failure
from appliance.ua.retrying import read_retry_after

ENDING: Final = frozenset({404, 405, 408, 410, 416, *range(480, 486), 489, 501, 604})
"""RFC 6665 4.2.2, with 408 as RFC 5057 5.1 and Timer F have it: the subscriber is gone or wants no more."""
RETRY_AFTER_LIMIT_S: Final = 3600
"""Whoever asks for a longer pause is tried after an hour: it may have been restarted since."""


class Delivery(IntEnum):
    """What became of a NOTIFY."""

    DONE = 0
    POSTPONED = 1   # this one is lost, the subscription is not
    UNREACHABLE = 2  # no way leads there at present
    ENDED = 3


class NotificationOwner(Protocol):
    """The notifier, as its NOTIFYs see it."""

    def note_delivery(self, subscription: Subscription, delivery: Delivery, retry_after_s: float, now: float) -> None:
        """The NOTIFY that was under way has been decided; retry_after_s: 0.0 where nobody said."""


class Notification:
    """The owner of a NOTIFY's client transaction."""

    __slots__ = ("_notifier", "_subscription")

    def __init__(self, notifier: NotificationOwner, subscription: Subscription) -> None:
        self._notifier = notifier
        self._subscription = subscription

    def response_received(self, client: ClientTransaction, response: Message, now: float) -> None:
        """The subscriber has answered."""
        status = response.status
        if status >= 200:
            retry_after_s = 0 if status < 300 else min(read_retry_after(response), RETRY_AFTER_LIMIT_S)
            self._notifier.note_delivery(self._subscription, decide_delivery(status), retry_after_s, now)

    def transaction_failed(self, client: ClientTransaction, failure: Failure, now: float) -> None:
        """Nobody has answered, or the connection is gone."""
        delivery = Delivery.ENDED if failure is Failure.TIMEOUT else Delivery.UNREACHABLE
        self._notifier.note_delivery(self._subscription, delivery, 0.0, now)

    def provisional_limit_passed(self, client: ClientTransaction, now: float) -> None:
        """Never for a NOTIFY."""


def decide_delivery(status: int) -> Delivery:
    """What a final response to a NOTIFY means. A challenge is only this NOTIFY's end: we have no credentials there."""
    if status < 300:
        return Delivery.DONE
    return Delivery.ENDED if status in ENDING else Delivery.POSTPONED
