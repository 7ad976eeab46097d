# SPDX-License-Identifier: Apache-2.0
"""The socket that a UDP listener has left: still heard, and what came in there is answered from there (RFC 3581 4: the
response leaves from the address and port where its request came in). Its UdpPort holds it while it is wanted.
"""

import asyncio
import socket
from collections.abc import Callable

from appliance.native.sip_sockets import DatagramSocket
from appliance.sip.flow import Flow

FLOWS_LIMIT = 1024          # of each: ways to the flows that the listener has


class FormerSocket:
    """bound: the socket; wire: how it is read, with the flows that the listener has now; is_awaited: whether a
    transaction that was open when the listener left has not ended; give_up: monotonic seconds, when it is closed all
    the same; timer: of the next look."""

    __slots__ = ("_flows", "bound", "give_up", "is_awaited", "timer", "wire")

    timer: asyncio.TimerHandle

    def __init__(self, bound: socket.socket, find_flow: Callable[[bytes], Flow], give_up: float) -> None:
        self.bound = bound
        self.wire = DatagramSocket(bound.fileno(), lambda raw, _host, _port: find_flow(raw), FLOWS_LIMIT)
        self.give_up = give_up
        self.is_awaited: Callable[[], bool] = await_nothing
        self._flows: dict[bytes, Flow] = {}

    def answer_by(self, flow: Flow) -> Flow:
        """The same way, but out by this socket. Beyond its limit it is the flow itself."""
        own = self._flows.get(flow.raw)
        if own is None:
            if len(self._flows) >= FLOWS_LIMIT:
                return flow
            own = self._flows[flow.raw] = Flow(flow.listener, flow.host, flow.port, flow.raw, self)
        return own

    def close(self) -> None:
        """What is still to go its way goes by the listener's own socket."""
        for flow in self._flows.values():
            flow.stream = None
        self._flows.clear()
        self.timer.cancel()
        self.bound.close()


def await_nothing() -> bool:
    """Until the stack has said what it waits for."""
    return False
