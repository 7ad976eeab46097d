# SPDX-License-Identifier: Apache-2.0
"""Where a telephone's requests go: RFC 3263 by its one listener. It keeps no state."""

from collections.abc import Callable
from typing import Final

from appliance.sip.flow import Flow, Listener
from appliance.sip.locating.ability import Ability
from appliance.sip.locating.locator import Inquiry, Located, Locator
from appliance.sip.locating.records import Resolver
from appliance.sip.locating.search import Verdict
from appliance.sip.stack import SipStack
from appliance.ua.location import FlowsFound, Hop

ANY_SIZE: Final = 0
"""Nothing goes by TCP, however large: a telephone has one UDP socket."""


class NameLocator:
    """Satisfies ua.location.Locator: addresses at once, names when the resolver knows."""

    __slots__ = ("_listener", "_locator", "_stack")

    def __init__(self, stack: SipStack, listener: Listener, resolver: Resolver,
                 random_octets: Callable[[int], bytes]) -> None:
        self._stack = stack
        self._listener = listener
        self._locator = Locator(resolver, stack.timers, Ability.of_listeners([listener]), random_octets)

    def __call__(self, hop: Hop, found: FlowsFound, now: float) -> Inquiry | None:
        """ua.location.Locator."""
        def take(located: Located, found_at: float) -> None:
            flows = [self._open(one.host, one.port) for one in located.targets
                     if one.transport == self._listener.transport]
            found(flows, located.verdict if flows or not located.targets else Verdict.UNREACHABLE, found_at)
        return self._locator.locate(hop.uri, ANY_SIZE, take, now)

    def _open(self, host: bytes, port: int) -> Flow:
        return self._stack.flow_to(self._listener, host, port)
