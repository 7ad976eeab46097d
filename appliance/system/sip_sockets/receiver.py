# SPDX-License-Identifier: Apache-2.0
"""What the sockets need from the SIP stack: a Protocol that sip.stack satisfies."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from appliance.sip.flow import Flow, Listener
from appliance.system.sip_sockets.kept_sockets import KeptSockets
from appliance.vocabulary.counters import Counters


class WireTap(Protocol):
    """Hears every octet at two points, in and out, a batch at a time; must cost next to nothing."""

    def append_received(self, batch: Sequence[tuple[bytes, Flow]], now: float) -> None:
        """These came in."""

    def append_sent(self, batch: Sequence[tuple[bytes, Flow]], now: float) -> None:
        """These go out; the sequence is emptied afterwards."""


class PressureGauge(Protocol):
    """Is told how far the sockets are behind (pbx.overload satisfies it)."""

    @property
    def is_pressed(self) -> bool:
        """Whether it wants to be told even when all seems well."""

    def observe(self, waiting_octets: int, buffer_octets: int, has_dropped: bool, now: float,
                batch_datagrams: int = 0) -> None:
        """What waits in a receive buffer, its size, whether the kernel has dropped datagrams since the last look; how
        many were taken out just now."""


class SipReceiver(Protocol):
    """Takes what came in and appends what is to go out to the listeners' outboxes. `now`: monotonic seconds."""

    def receive_datagram(self, data: bytes, flow: Flow, now: float) -> None:
        """One UDP datagram; never raises for anything a peer can send."""

    def receive_message(self, data: bytes, flow: Flow, now: float) -> bool:
        """One whole message framed out of a stream (RFC 3261 18.3); False where the connection is to be closed since
        nothing else can be answered. Never raises for anything a peer can send."""

    def listener_moved(self, listener: Listener, answer_by: Callable[[Flow], Flow]) -> Callable[[], bool]:
        """A UDP listener is at another place: what came in before is answered by these flows (RFC 3581 4). The result
        says whether a transaction that is open now has not ended yet."""

    def flow_failed(self, flow: Flow, now: float) -> None:
        """The connection of this flow is gone or could not be made (RFC 3261 18.4): `flow.is_open` is False."""

    def handle_deadline(self, now: float) -> None:
        """Fire the timers that are due."""

    def next_deadline(self) -> float | None:
        """When handle_deadline wants to be called next; None when nothing is armed."""


class Seams(NamedTuple):
    """Whom a port works with.

    settle(now): called after each delivery, sends what waits on all listeners; counters: takes what happens to
    connections; tap: hears all octets; gauge: told how full receive buffers are; kept: what outlives the process.
    """

    stack: SipReceiver
    settle: Callable[[float], None]
    counters: Counters
    tap: WireTap | None = None
    gauge: PressureGauge | None = None
    kept: KeptSockets | None = None
