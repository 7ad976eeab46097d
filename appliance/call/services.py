# SPDX-License-Identifier: Apache-2.0
"""What every call needs of the house around it: the dial plan, media ports, the clock, who wants to know.

The engine makes one and satisfies what calls ask back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from appliance.call.line import Line, Router
from appliance.call.media_pair import MediaPair
from appliance.rtp.relaying import MediaRelay
from appliance.sdp.origin import SESSION_ID_LIMIT, OwnOrigin
from appliance.sip.timers import Timers
from appliance.ua.alarm import Alarm
from appliance.vocabulary.journal import Journal

if TYPE_CHECKING:
    from appliance.call.call import Call
    from appliance.call.leg import Leg
    from appliance.ua.referral import Referral


class CallDirectory(Protocol):
    """The engine, as a call sees it."""

    def tell(self, call: Call) -> None:
        """Something about this call has changed."""

    def keep(self, call: Call, now: float) -> None:
        """It stands: what is needed to take it up after a crash is to be on disk soon."""

    def end_call(self, call: Call, now: float) -> None:
        """No leg is left; its media are closing."""

    def expect_figures(self, call: Call, pair: MediaPair, sessions: list[str]) -> None:
        """These relay sessions were closed: their last figures belong to the call's record."""

    def transfer(self, call: Call, leg: Leg, referral: Referral, now: float) -> None:
        """A leg of a call that stands wants the other side connected elsewhere."""

    def free_line(self, line: Line, call: Call, now: float) -> bool:
        """An emergency call needs a channel of this line: the youngest other call on it ends; False: there is none."""


class CallServices:
    """wall_offset: wall clock minus monotonic clock; epoch: a word that tells relay sessions of this process from those
    of earlier ones."""

    __slots__ = ("_directory", "_random_octets", "_timers", "epoch", "journal", "relay", "router", "wall_offset")

    def __init__(self, timers: Timers, random_octets: Callable[[int], bytes], relay: MediaRelay, journal: Journal) -> None:
        self._timers = timers
        self._random_octets = random_octets
        self._directory: CallDirectory | None = None
        self.relay = relay
        self.journal = journal
        self.router: Router
        self.wall_offset = 0.0
        self.epoch = random_octets(3).hex()

    def serve(self, directory: CallDirectory) -> None:
        """Join the engine."""
        self._directory = directory

    @property
    def directory(self) -> CallDirectory:
        """The engine."""
        assert self._directory is not None
        return self._directory

    def alarm(self) -> Alarm:
        """A deadline on the stack's timer."""
        return Alarm(self._timers)

    def new_origin(self, host: str) -> OwnOrigin:
        """An o= line for one leg; it says nothing about the other (RFC 3264 5)."""
        return OwnOrigin(int.from_bytes(self._random_octets(7), "big") % SESSION_ID_LIMIT, host)

    def name_media(self, number: int, place: int) -> str:
        """A name for the relay sessions of a pair that no other pair has, also after a restart."""
        return f"{self.epoch}.{number}.{place}"
