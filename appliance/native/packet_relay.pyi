# SPDX-License-Identifier: Apache-2.0
"""RTP and RTCP passed on between the two legs of each session (ext/packet_relay.pyx), by one thread without the GIL."""

from collections.abc import Iterable
from typing import TypeAlias

_Figures: TypeAlias = tuple[int, int, int, int, int, int, int, int, int, int, int, int, float, int | None, int,
                            float | None, str, bytes, bytes, bytes]

def set_receive_buffer(descriptor: int, octets: int) -> None: ...
"""How much the kernel keeps of what nobody has read yet (SO_RCVBUF), without the socket object that Python would make
of the descriptor. Raises OSError."""

class PacketRelay:
    """Sessions of two legs, sides 0 and 1. Any thread may call everything at any time; `run` is one thread's.

    A handle names a session and is not used again soon. Unknown handles raise KeyError, wrong values ValueError.
    Addresses are packed sockaddrs (`sip_sockets.pack_address`), b"" is none.
    """

    session_count: int
    is_running: bool
    is_realtime: bool       # whether the kernel has granted SCHED_FIFO

    def __init__(self, session_limit: int = 1024) -> None: ...
    def run(self, priority: int = 0) -> None: ...
    """Relay until `stop`. priority 1 to 99: SCHED_FIFO for the calling thread, where it is allowed."""
    def stop(self) -> None: ...
    """Let `run` return, for good."""
    def open_session(self, first: tuple[int, int], second: tuple[int, int], key: bytes | None = None) -> int: ...
    """A new session over bound, non-blocking UDP sockets: (RTP, RTCP) descriptors of each leg, RTCP -1 for rtcp-mux
    (RFC 5761). It owns them from now on. What they have received so far is thrown away; nothing is heard and nothing
    sent before `direct`. key: 16 octets; names in RTCP (CNAME, RFC 3550 6.5.1) are hidden under it, the same under the
    same key; None: one of its own. Returns its handle. Raises OverflowError beyond session_limit, OSError where the
    kernel refuses; the descriptors then remain the caller's."""
    def close_session(self, handle: int, keeps_sockets: bool = False) -> tuple[_Figures, _Figures]: ...
    """Close the session and its sockets, or leave those to the caller, unread from now on; the last figures of both
    sides."""
    def direct(self, handle: int, side: int, addresses: tuple[bytes, bytes, bytes],
               is_behind_nat: bool = False) -> None: ...
    """Where the peer of that side is: (RTP as announced in its SDP, RTCP as announced, the source of its signalling).
    The same address twice is rtcp-mux.
    Media goes to the announced address; the first packets from the host of the signalling latch their source instead,
    and so do, behind NAT, ten packets of one stream that no other stranger interrupts. Once latched, only that source
    is heard. The latch is kept when nothing has changed (a refresh), and begins anew when something has. Silence
    counts from now."""
    def move_side(self, handle: int, side: int, descriptors: tuple[int, int]) -> None: ...
    """That leg speaks from other sockets, (RTP, RTCP) as in `open_session`, from now on; the other leg, the figures and
    where its peer was announced stay as they are, the latch goes. The sockets of before are closed; what has come in
    there and was not read is lost. Raises OSError where the kernel refuses; then nothing has changed."""
    def map_payloads(self, handle: int, side: int, payload_types: Iterable[tuple[int, int, int]]) -> None: ...
    """What comes from that side: (payload type received, sent on as, clock rate in Hz). 0 Hz leaves it out of the
    jitter (RFC 4733). Others pass unchanged at 8000 Hz, unless the other side knows something else by their number."""
    def hold(self, handle: int, is_held: bool) -> None: ...
    """A held session is never silent; afterwards silence counts from now."""
    def set_dscp(self, handle: int, side: int, dscp: int) -> None: ...
    """Mark what is sent to that side (RFC 2474), 0 to 63."""
    def statistics(self, handle: int, side: int) -> _Figures: ...
    """What has come from that side, without stopping the thread: RTP packets, octets of them, RTCP packets, sent on,
    refused by the kernel, without a destination, of foreign sources, malformed, of unmapped payload types; RFC 3550
    expected, received, lost (A.1, A.3), jitter in ms (A.8), SSRC, how many SSRC so far; monotonic seconds of the last
    packet; latch ("waiting", "provisional", "latched"), the source that is heard, where media to that side goes, the
    last source that was not heard."""
    def find_silent(self, limit_s: float) -> list[tuple[int, int, float]]: ...
    """(handle, side, seconds) of legs that have been silent for limit_s seconds or more, RTCP included, in sessions
    that are not held and where both sides have an address."""
