# SPDX-License-Identifier: Apache-2.0
"""The simplest locator: URIs whose host is an address, by the listener of their transport and family (RFC 3263 4).

Names are for whoever can ask; to this one they lead nowhere.
"""

from collections.abc import Sequence

from appliance.sip.flow import Flow, Listener
from appliance.sip.locating import locate_numeric
from appliance.sip.stack import SipStack


class NumericLocator:
    """Satisfies agent_core.Locator."""

    __slots__ = ("_listeners", "_stack")

    def __init__(self, stack: SipStack, listeners: Sequence[Listener]) -> None:
        self._stack = stack
        self._listeners = tuple(listeners)

    def __call__(self, uri: bytes) -> Sequence[Flow]:
        """The one flow to the address in this URI, or none."""
        target = locate_numeric(uri)
        if target is None:
            return ()
        family = 6 if b":" in target.host else 4
        for listener in self._listeners:
            if listener.transport == target.transport and listener.family == family:
                return (self._stack.flow_to(listener, target.host, target.port),)
        return ()
