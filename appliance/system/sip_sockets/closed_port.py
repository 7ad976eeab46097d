# SPDX-License-Identifier: Apache-2.0
"""What stands in the place of a listener's port once the listener is gone: whatever is still to be sent there fails at
once (RFC 3261 17.1.4, 18.4) instead of waiting for ever.
"""

import asyncio

from appliance.sip.flow import Flow, Listener
from appliance.system.sip_sockets.receiver import Seams


class ClosedPort:
    """No socket. Satisfies what PortSet wants of a port."""

    __slots__ = ("_loop", "_seams", "listener")

    def __init__(self, listener: Listener, seams: Seams, loop: asyncio.AbstractEventLoop | None) -> None:
        self.listener = listener
        self._seams = seams
        self._loop = loop

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Nothing comes."""

    def flush(self, now: float = 0.0) -> None:
        """Nothing goes: who wants to send is told, and not from inside whatever he is doing."""
        outbox = self.listener.outbox
        for flow in dict.fromkeys(flow for _, flow in outbox):
            flow.is_open = False
            if self._loop is not None:
                self._loop.call_soon(self._report, flow)
        outbox.clear()

    def _report(self, flow: Flow) -> None:
        if self._loop is not None:
            now = self._loop.time()
            self._seams.stack.flow_failed(flow, now)
            self._seams.settle(now)

    def flow_to(self, host: bytes, port: int, domain: bytes = b"") -> Flow:
        """One that is closed already."""
        flow = Flow(self.listener, host, port)
        flow.domain = domain
        flow.is_open = False
        return flow

    def find_flow(self, host: bytes, port: int) -> Flow:
        """The same."""
        return self.flow_to(host, port)

    def statistics(self) -> dict[str, int]:
        """Nothing is counted."""
        return {}

    def close(self) -> None:
        """Nobody is told any more."""
        self._loop = None
