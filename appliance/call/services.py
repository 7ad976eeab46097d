# SPDX-License-Identifier: Apache-2.0
"""What every call needs of the house around it: the dial plan, media ports, the clock, who wants to know.

The engine makes one and satisfies what calls ask back.
"""

from __future__ import annotations

from collections.abc import Callable

from appliance.call.line import Router
from appliance.native.sip_scanner import siphash
from appliance.rtp.relaying import MediaRelay
from appliance.sdp.origin import OwnOrigin
from appliance.sip.timers import Timers
from appliance.ua.alarm import Alarm
from appliance.vocabulary.call_numbers import CallNumbers
from appliance.vocabulary.journal import Journal


class CallServices:
    """wall_offset: wall clock minus monotonic clock; epoch: a word that tells relay sessions of this process from those
    of earlier ones; numbers: of calls, one row for whoever carries them."""

    __slots__ = ("_key", "_origins", "_timers", "epoch", "journal", "numbers", "relay", "router", "wall_offset")

    def __init__(self, timers: Timers, random_octets: Callable[[int], bytes], relay: MediaRelay,
                 journal: Journal) -> None:
        self._timers = timers
        self._key = random_octets(16)
        self._origins = 0
        self.relay = relay
        self.journal = journal
        self.router: Router
        self.numbers = CallNumbers()
        self.wall_offset = 0.0
        self.epoch = random_octets(3).hex()

    def alarm(self) -> Alarm:
        """A deadline on the stack's timer."""
        return Alarm(self._timers)

    def new_origin(self, host: str) -> OwnOrigin:
        """An o= line for one leg; it says nothing about the other (RFC 3264 5)."""
        self._origins += 1
        return OwnOrigin(int(siphash(self._key, b"%d" % self._origins)[:15], 16), host)     # 60 bits

    def name_media(self, number: int, place: int) -> str:
        """A name for the relay sessions of a pair that no other pair has, also after a restart."""
        return f"{self.epoch}.{number}.{place}"
