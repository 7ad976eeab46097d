# SPDX-License-Identifier: Apache-2.0
"""A UDP socket read and written in batches (ext/sip_sockets.pyx): recvmmsg and sendmmsg, 64 datagrams at a time."""

from collections.abc import Callable
from typing import Any

class DatagramSocket:
    """Reads and writes one bound, non-blocking UDP socket, IPv4 or IPv6, given by its descriptor (it does not own it).

    make_flow(raw, host, port): called for each new remote address; what it returns stands for it from then on.
    raw is the packed sockaddr that `send` reads from the `raw` attribute of a flow. About flow_limit flows are
    remembered; when there are more, those not heard of lately are forgotten, except a flow that anyone else still
    refers to: a binding's flow stays the same object. Datagrams of more than size_limit octets are dropped.
    """

    datagrams_received: int
    datagrams_sent: int
    datagrams_refused: int      # dropped because the kernel refused them
    datagrams_truncated: int    # dropped because they were longer than size_limit
    batches: int
    flow_count: int

    def __init__(self, descriptor: int, make_flow: Callable[[bytes, bytes, int], Any], flow_limit: int = 65536,
                 size_limit: int = 65535) -> None: ...
    def receive(self) -> list[tuple[bytes, Any]]: ...
    """Up to 64 waiting datagrams as (octets, flow); [] when there are none. Empty datagrams are left out. An ICMP error
    about one peer loses nobody's datagram. Raises OSError only for a descriptor that is no socket."""
    def send(self, datagrams: list[tuple[bytes, Any]]) -> int: ...
    """Send every (octets, flow); returns how many the kernel refused (they are dropped, as a network would,
    and the others go out). A full send buffer is waited for, at most 3 ms a call."""
    def find_flow(self, raw: bytes) -> Any: ...
    """The flow of a packed address, made when it is new. Raises ValueError for octets that are no packed address."""
    def rebind(self, descriptor: int) -> None: ...
    """Read and write another bound, non-blocking UDP socket of the same family from now on; the flows stay."""
    def pressure(self) -> tuple[int, int, int]: ...
    """(octets waiting in the receive buffer, size of the buffer, datagrams the kernel has dropped); SO_MEMINFO."""

def pack_address(host: bytes, port: int) -> bytes: ...
"""The packed sockaddr (sockaddr_in or sockaddr_in6) of a numeric address without brackets. Raises ValueError."""
