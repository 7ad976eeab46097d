# SPDX-License-Identifier: Apache-2.0
"""How much one user may watch, and which of his subscriptions gives way to another.

A phone that has started again has forgotten its subscriptions and asks anew; the old ones would keep their places until
they expire.
"""

from collections.abc import Iterable
from typing import Final

from appliance.errors import PeerError
from appliance.pbx.presence.subscription import Subscription

WATCHED_MAX: Final = 256
"""Subscriptions of one user: a desk with a hundred lamps and two packages fits."""
SAME_WATCHED_MAX: Final = 10
"""Of one user for one package of one target: as many phones as may be registered."""


def decide_displaced(watched: Iterable[Subscription], wanted: Subscription) -> Subscription | None:
    """The subscription that ends so that there is room for the wanted one, None where there is room.

    watched: of the same user, oldest first. It is the oldest that nobody listens to any more, by all signs. PeerError
    403 where there is none: too much is watched already.
    """
    watched = list(watched)
    same = [one for one in watched if one.target == wanted.target and one.package is wanted.package]
    if len(same) >= SAME_WATCHED_MAX:
        watched = same
    elif len(watched) < WATCHED_MAX:
        return None
    for one in watched:
        if not one.flow.is_open or (one in same and is_of_same_phone(one, wanted)):
            return one
    raise PeerError("too many subscriptions", 403, b"%d" % len(watched))


def is_of_same_phone(one: Subscription, other: Subscription) -> bool:
    """Whether two subscriptions of a user were made by the same phone: by address, or by instance (RFC 5626 4.1)."""
    return one.remote_target == other.remote_target or (one.instance != b"" and one.instance == other.instance)
