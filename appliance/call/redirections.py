# SPDX-License-Identifier: Apache-2.0
"""Where phones send a call on (RFC 3261 8.1.3.4): under the rights of the phone that does, never in circles, and from
other domains to nobody of the house. Only the hunt that owns it changes it.
"""

from typing import Final

from appliance.call.leg import Leg
from appliance.call.line import Destination, Dial, Refused, Router
from appliance.native.sip_scanner import Message
from appliance.sip.flow import Side
from appliance.ua.redirection import TargetSet

REDIRECTIONS_LIMIT: Final = 5
TARGETS_LIMIT: Final = 30
REJECTED: Final = 21
"""Q.850 2.2.7: call rejected."""
FOLLOWED: Final = frozenset({300, 301, 302})


class Redirections:
    """Of one hunt. seen: the URIs that have been called, which grow."""

    __slots__ = ("_count", "_router", "_seen")

    def __init__(self, router: Router, seen: set[bytes]) -> None:
        self._router = router
        self._seen = seen
        self._count = 0

    def follow(self, dial: Dial, leg: Leg, response: Message | None,
               now: float) -> tuple[list[list[Destination]], list[int]]:
        """The groups that a 3xx of this leg leads to, and the statuses of what nobody may be sent to."""
        found: list[list[Destination]] = []
        refusals: list[int] = []
        if leg.line.is_trunk or response is None or response.status not in FOLLOWED:
            return found, refusals
        contacts = TargetSet(dial.uri)
        contacts.add_contacts(response)
        while (uri := contacts.take_next()) is not None:
            if uri in self._seen or self._count >= REDIRECTIONS_LIMIT:
                continue
            self._seen.add(uri)
            self._count += 1
            groups = self._find(dial, leg, uri, now)
            if isinstance(groups, Refused):
                refusals.append(groups.status)
            else:
                found += self._choose_fresh(groups, uri)
        return found, refusals

    def _choose_fresh(self, groups: list[list[Destination]], uri: bytes) -> list[list[Destination]]:
        """Without whoever has been called already."""
        chosen = []
        for group in groups:
            fresh = [one for one in group if one.uri not in self._seen or one.uri == uri]
            self._seen.update([one.uri for one in fresh])
            if fresh and len(self._seen) < TARGETS_LIMIT:
                chosen.append(fresh)
        return chosen

    def _find(self, dial: Dial, leg: Leg, uri: bytes, now: float) -> list[list[Destination]] | Refused:
        if not leg.party.domain:
            return self._router.follow(dial._replace(extension=leg.extension), uri, now)
        groups = self._router.follow_elsewhere(dial, uri, now)
        listener = leg.listener
        if isinstance(groups, Refused) or listener is None or listener.side is not Side.PUBLIC:
            return groups
        for destination in [one for group in groups for one in group if one.callee.domain]:
            if destination.is_phone:
                return Refused(403, REJECTED, "a stranger does not tell us to call an address of the house")
            destination.is_outside = True
        return groups
