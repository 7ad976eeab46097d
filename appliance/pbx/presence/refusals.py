# SPDX-License-Identifier: Apache-2.0
"""Refused SUBSCRIBEs and PUBLISHes in the journal: a phone that asks for the wrong thing asks for ever, and one line a
minute says as much as a thousand."""

from collections import OrderedDict
from math import inf
from typing import Final

from appliance.errors import PeerError
from appliance.native.sip_scanner import Message
from appliance.sip.flow import Flow
from appliance.vocabulary.journal import Journal

QUIET_S: Final = 60.0
"""Between two lines about the same user and reason."""
KEPT_MAX: Final = 1024
"""Users and reasons that are remembered; of more, the ones that were said first are forgotten."""


class Refusals:
    """Notes refusals. A line's `count` is how often it has happened since the line before, itself included."""

    __slots__ = ("_journal", "_said")

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._said: OrderedDict[tuple[str, bytes, str], tuple[float, int]] = OrderedDict()    # when; since

    def __len__(self) -> int:
        return len(self._said)

    def note(self, event: str, user: bytes, error: PeerError, message: Message, flow: Flow, now: float) -> None:
        """A request of this user (an extension) was refused. event: the journal's name for it."""
        key = (event, user, error.reason)
        said_at, count = self._said.get(key, (-inf, 0))
        count += 1
        if now - said_at < QUIET_S:
            self._said[key] = (said_at, count)
            return
        self._said[key] = (now, 0)
        self._said.move_to_end(key)
        if len(self._said) > KEPT_MAX:
            self._said.popitem(last=False)
        self._journal.record(event, status=error.status_hint, reason=error.reason, to=message.to_uri, user=user,
                             source=flow.hostport, excerpt=error.excerpt, count=count)
