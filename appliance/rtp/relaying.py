# SPDX-License-Identifier: Apache-2.0
"""The seam between calls and the relay of their media: what a call says of each leg, and what it hears back.

Commands are fire-and-forget over ports leased in advance: nobody waits for it before an INVITE or a 200. The relay
is another process: it outlives the call server, which asks for its sessions and adopts them.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from appliance.rtp.quality import Observation

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
    twice is rtcp-mux. signalling_host: where its SIP comes from; other_host: where that of the other leg does, as long
    as this is all that is known of it: who has been offered a session may speak before the answer is here (RFC 3264
    5.1), is heard from there, and is sent nothing.
    """

    rtp: tuple[str, int] | None
    rtcp: tuple[str, int] | None = None
    signalling_host: str | None = None
    is_behind_nat: bool = False
    payloads: tuple[PayloadMapping, ...] = ()
    dscp: int = EXPEDITED_FORWARDING
    other_host: str | None = None


class DirectionFigures(NamedTuple):
    """What has come from one leg, in the order of `native.packet_relay`; some of it by RFC 3550.

    packets, octets: RTP that was heard; reports: RTCP; sent: passed on; refused: by the kernel; unroutable: the other
    leg had no address; foreign: not heard, because of its source, `stranger` the last of them; unmapped: of payload
    types that were not agreed; received, expected, lost, jitter_ms: A.1, A.3, A.8 (`observe` for the E-model);
    last_s: monotonic seconds of the last packet or report, None: never; latch: "waiting", "provisional", "latched";
    heard: the source that is heard; destination: where media to this leg goes.
    """

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
    heard: tuple[str, int] | None
    destination: tuple[str, int] | None
    stranger: tuple[str, int] | None


Figures = tuple[DirectionFigures, DirectionFigures]


class RelayedSession(NamedTuple):
    """A session as the relay has it."""

    session: str
    ports: tuple[LocalPort, LocalPort]
    is_held: bool
    figures: Figures


class MediaRelay(Protocol):
    """What a call may ask of the relay. Nothing here waits and nothing raises; trouble comes back to the
    `MediaRelayUser`. Commands are carried out in order; those of one wake go out together, after it, and those that are
    not urgent (an offer, an end) with the next that are, or within 10 ms.

    One session a media stream (m= line) of a call, with a name of the caller's choice, for example `CALL/0`. Its life:
    `take_port` twice (the address that each leg's listener has), `open_session`, `direct` for each side as soon as its
    offer or answer is known and with every one after that, `close_session`. A session outlives the call server.
    """

    @property
    def is_awaited(self) -> bool:
        """Whether there are no ports, but will be in a moment: the relay was lost just now, or has been asked."""
    def take_port(self, host: str) -> LocalPort | None:
        """A leased port of that address of ours, at once; None when the relay has none left or is away."""
    def return_port(self, port: LocalPort) -> None:
        """A port that no session was opened with."""
    def open_session(self, session: str, ports: tuple[LocalPort, LocalPort]) -> None:
        """Join two leased ports, side 0 and side 1; nothing is heard and nothing sent before `direct`. session: any
        name, not in use; it and its ports come back in `relay_found`."""
    def direct(self, session: str, side: int, media: LegMedia) -> None:
        """What an offer or answer says of that side. Said again without change it keeps the latch, so every SDP of the
        leg may be told. An address, signalling host or NAT that is new lets the latch go: then only who may be heard
        by the new one is. Silence counts from here."""
    def move_side(self, session: str, side: int, port: LocalPort) -> None:
        """That side has another leased port from now on, of whatever address of ours; the other side goes on as before.
        Its peer is to be told where to send."""
    def hold(self, session: str, is_held: bool) -> None:
        """Silence on hold is no failure: neither `leg_silent` nor `session_silent` comes while it lasts."""
    def close_session(self, session: str) -> None:
        """Its ports rest, its last figures come as `session_closed`."""
    def ask_figures(self, session: str) -> None:
        """They come as `figures_told`; an unknown session as `session_refused`."""


class MediaRelayUser(Protocol):
    """What the relay says of its own. now: monotonic seconds; what these calls queue is sent right after them."""

    def leg_silent(self, session: str, side: int, figures: DirectionFigures, now: float) -> None:
        """Nothing, RTCP neither, has come from this side for 10 s, while both sides have an address and the session is
        not held. Told once a silence. The figures say which: packets 0, never anything; foreign and stranger: somebody
        sends who may not be heard."""
    def leg_heard(self, session: str, side: int, now: float) -> None:
        """A side that was told silent is heard."""
    def session_silent(self, session: str, now: float) -> None:
        """Nothing has come from either side for 60 s; the session goes on until it is closed. Told once a silence."""
    def session_closed(self, session: str, figures: Figures, now: float) -> None:
        """The answer to `close_session`."""
    def session_refused(self, session: str, reason: str, now: float) -> None:
        """A command about this session could not be done: after `open_session` there is none."""
    def figures_told(self, session: str, figures: Figures, now: float) -> None:
        """The answer to `ask_figures`."""
    def relay_found(self, sessions: Sequence[RelayedSession], now: float) -> None:
        """A relay is there: after a start of ours, or after `relay_lost`. These are its sessions: close those of no
        call, keep the others as they are, and give calls whose sessions are not among them new media by re-INVITE.
        Ports are to be had already. It is first told before the call server says ready."""
    def relay_lost(self, now: float) -> None:
        """The relay is gone with its sessions; ports that were taken and not opened are void. Another is started."""


def observe(figures: DirectionFigures) -> Observation:
    """What the E-model wants to know of this direction (`rtp.quality.estimate_quality`)."""
    return Observation(figures.expected, figures.lost, figures.jitter_ms)


class AbsentRelay:
    """A relay that is away: where no media are to pass. Satisfies MediaRelay."""

    __slots__ = ()

    @property
    def is_awaited(self) -> bool:
        """None will come."""
        return False

    def take_port(self, host: str) -> LocalPort | None:
        """None: there are no ports."""
        return None

    def return_port(self, port: LocalPort) -> None:
        """Nothing was taken."""

    def open_session(self, session: str, ports: tuple[LocalPort, LocalPort]) -> None:
        """Nothing is opened."""

    def direct(self, session: str, side: int, media: LegMedia) -> None:
        """Nobody hears it."""

    def move_side(self, session: str, side: int, port: LocalPort) -> None:
        """There is none."""

    def hold(self, session: str, is_held: bool) -> None:
        """Nobody hears it."""

    def close_session(self, session: str) -> None:
        """Nothing was opened."""

    def ask_figures(self, session: str) -> None:
        """There are none."""
