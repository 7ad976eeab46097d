# SPDX-License-Identifier: Apache-2.0
"""A UDP socket read and written in batches (ext/sip_sockets.pyx): recvmmsg and sendmmsg, 64 datagrams at a time."""

from collections.abc import Callable
from typing import Any

class DatagramSocket:
    """Reads and writes one bound, non-blocking UDP socket, IPv4 or IPv6, given by its descriptor (which it does not own).

    make_flow(raw, host, port): called for each new remote address; what it returns stands for that address from then on
    (at most `flow_limit` are remembered, the oldest half is forgotten when there are more). raw is the packed sockaddr that `send` reads
    from the `raw` attribute of a flow.
    """

    datagrams_received: int
    datagrams_sent: int
    datagrams_refused: int      # dropped because the kernel refused them
    datagrams_truncated: int
    batches: int

    def __init__(self, descriptor: int, make_flow: Callable[[bytes, bytes, int], Any], flow_limit: int = 65536) -> None: ...
    def receive(self) -> list[tuple[bytes, Any]]: ...
    """Up to 64 waiting datagrams as (octets, flow); [] when there are none. Empty datagrams are left out."""
    def send(self, datagrams: list[tuple[bytes, Any]]) -> int: ...
    """Send every (octets, flow); returns how many the kernel refused (they are dropped, as a network would). An entry for which EAGAIN came is tried again a few times before it counts as refused."""
    def pressure(self) -> tuple[int, int, int]: ...
    """(octets waiting in the receive buffer, size of the buffer, datagrams the kernel has dropped so far), SO_MEMINFO."""

def pack_address(host: bytes, port: int) -> bytes: ...
"""The packed sockaddr (sockaddr_in or sockaddr_in6) of a numeric address without brackets. Raises ValueError."""
