# SPDX-License-Identifier: Apache-2.0
"""The seam between calls and the relay of their media: what a call says of each leg, and what it hears back.

Commands are fire-and-forget over ports leased in advance: nobody waits for it before an INVITE or a 200. The relay
is another process: it outlives the call server, which asks for its sessions and adopts them.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

EXPEDITED_FORWARDING = 46           # the DSCP of speech, RFC 4594 4.1


class LocalPort(NamedTuple):
    """Where a leg's peer is to send RTP: an even port, RTCP on the odd one above it."""

    host: str
    port: int


class PayloadMapping(NamedTuple):
    """A payload type as it comes from a leg, and as the other leg knows it. clock_rate_hz 0: not for the jitter."""

    received: int
    sent: int
    clock_rate_hz: int = 8000


class LegMedia(NamedTuple):
    """What is known of the peer of one leg. rtp, rtcp: announced (host, port), numeric; None: send nothing; the same
    twice is rtcp-mux. signalling_host: where its SIP comes from.
    """

    rtp: tuple[str, int] | None
    rtcp: tuple[str, int] | None = None
    signalling_host: str | None = None
    is_behind_nat: bool = False
    payloads: tuple[PayloadMapping, ...] = ()
    dscp: int = EXPEDITED_FORWARDING


class DirectionFigures(NamedTuple):
    """What has come from one leg, in the order of `native.packet_relay`; some of it by RFC 3550."""

    packets: int
    octets: int
    reports: int
    sent: int
    refused: int
    unroutable: int
    foreign: int
    malformed: int
    unmapped: int
    expected: int
    received: int
    lost: int
    jitter_ms: float
    ssrc: int | None
    sources: int
    last_s: float | None
    latch: str
    heard: bytes
    destination: bytes


Figures = tuple[DirectionFigures, DirectionFigures]


class RelayedSession(NamedTuple):
    """A session as the relay has it."""

    session: str
    ports: tuple[LocalPort, LocalPort]
    is_held: bool
    figures: Figures


class MediaRelay(Protocol):
    """What a call may ask of the relay. Nothing here waits; trouble comes back to the `MediaRelayUser`."""

    def take_port(self, host: str) -> LocalPort | None:
        """A leased port of that address of ours; None when the relay has none left or is away."""
    def return_port(self, port: LocalPort) -> None:
        """A port that no session was opened with."""
    def open_session(self, session: str, ports: tuple[LocalPort, LocalPort]) -> None:
        """Join two leased ports; nothing is heard and nothing sent before `direct`. session: any name, not in use."""
    def direct(self, session: str, side: int, media: LegMedia) -> None:
        """What an offer or answer says of that side. Said again without change, it keeps the latch."""
    def hold(self, session: str, is_held: bool) -> None:
        """Silence on hold is no failure."""
    def close_session(self, session: str) -> None:
        """Its last figures come as `session_closed`."""
    def ask_figures(self, session: str) -> None:
        """They come as `figures_told`."""


class MediaRelayUser(Protocol):
    """What the relay says of its own."""

    def session_silent(self, session: str) -> None:
        """Nothing has been heard from either side for the time-out; the session goes on until it is closed."""
    def session_closed(self, session: str, figures: Figures) -> None:
        """The answer to `close_session`."""
    def session_refused(self, session: str, reason: str) -> None:
        """A command about this session could not be done."""
    def figures_told(self, session: str, figures: Figures) -> None:
        """The answer to `ask_figures`."""
    def relay_found(self, sessions: Sequence[RelayedSession]) -> None:
        """A relay is there, with these sessions: adopt them or close them."""
    def relay_lost(self) -> None:
        """The relay is gone, its sessions with it unless it is found again."""
