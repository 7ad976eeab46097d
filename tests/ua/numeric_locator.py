# SPDX-License-Identifier: Apache-2.0
"""The simplest locator: URIs whose host is an address, by the listener of their transport and family (RFC 3263 4).

Names are for whoever can ask; to this one they lead nowhere.
"""

from collections.abc import Sequence
from typing import Final

from appliance.sip.flow import TCP, UDP, Flow, Listener
from appliance.sip.locating import Target, locate_numeric
from appliance.sip.locating.locator import LARGE_OCTETS
from appliance.sip.locating.search import Verdict
from appliance.sip.stack import SipStack
from appliance.ua.location import FlowsFound, Hop

NOTHING: Final[tuple[Flow, ...]] = ()


class NumericLocator:
    """Satisfies location.Locator; answers at once."""

    __slots__ = ("_listeners", "_stack")

    def __init__(self, stack: SipStack, listeners: Sequence[Listener]) -> None:
        self._stack = stack
        self._listeners = tuple(listeners)

    def __call__(self, hop: Hop, found: FlowsFound, now: float) -> None:
        """The flow to the address in this URI; for a large request the one by TCP before it (RFC 3261 18.1.1)."""
        target = locate_numeric(hop.uri)
        if target is None:
            found(NOTHING, Verdict.ABSENT, now)
            return
        transports = (TCP, UDP) if target.transport == UDP and hop.size_octets > LARGE_OCTETS else (target.transport,)
        listeners = [self._choose(target, transport, hop.near) for transport in transports]
        flows = [self._stack.flow_to(one, target.host, target.port) for one in listeners if one is not None]
        found(flows, Verdict.FOUND if flows else Verdict.UNREACHABLE, now)

    def _choose(self, target: Target, transport: bytes, near: Listener | None) -> Listener | None:
        family = 6 if b":" in target.host else 4
        fitting = [one for one in self._listeners if one.transport == transport and one.family == family]
        if near in fitting:
            return near
        return fitting[0] if fitting else None
