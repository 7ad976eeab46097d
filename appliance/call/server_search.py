# SPDX-License-Identifier: Apache-2.0
"""Destinations that are known by name: their servers are found (RFC 3263) before a leg is made, since our address in
its media and Contact is that of the listener which leads there.

Servers that are reached from the same address of ours are one leg's to try; those behind another one are a leg of their
own, rung when the first ones fail (4.3) or say nothing for a while. Only the hunt that owns it changes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final, Protocol

from appliance.call.leg import Leg
from appliance.call.line import Destination
from appliance.call.services import CallServices
from appliance.native.sip_scanner import split_address
from appliance.sip.flow import Flow, Side
from appliance.sip.locating.search import WARNINGS, Verdict
from appliance.sip.uri import read_host
from appliance.ua.alarm import Alarm
from appliance.ua.location import Hop, Lookup

SILENCE_S: Final = 4.0


class SearchOwner(Protocol):
    """The hunt."""

    def ring_found(self, destination: Destination, now: float) -> None:
        """It has been located: ring it."""

    def found_nothing(self, destination: Destination, status: int, now: float) -> None:
        """Nothing leads there; status: why, for the caller."""

    def go_on(self, now: float) -> None:
        """What was searched for has been told: is anybody left to wait for?"""


class _Search:
    """One destination while it is being looked up."""

    __slots__ = ("_searches", "destination", "found", "host", "is_late", "lookup")

    def __init__(self, searches: ServerSearches, destination: Destination, hop: bytes) -> None:
        self._searches = searches
        self.destination = destination
        self.host = read_host(hop)
        self.lookup: Lookup | None = None
        self.found: tuple[Sequence[Flow], Verdict] | None = None
        self.is_late = False

    def take(self, flows: Sequence[Flow], verdict: Verdict, now: float) -> None:
        """location.FlowsFound."""
        self.found = (flows, verdict)
        if self.is_late:
            self._searches.settle(self, now)


class ServerSearches:
    """warning: the Warning line of the last one that found nothing (RFC 3261 20.43); reason: the same in words."""

    __slots__ = ("_alarm", "_later", "_open", "_owner", "_services", "reason", "warning")

    def __init__(self, services: CallServices, owner: SearchOwner) -> None:
        self._services = services
        self._owner = owner
        self._open: list[_Search] = []
        self._later: dict[Leg, Destination] = {}
        self._alarm: Alarm | None = None
        self.reason = ""
        self.warning = b""

    @property
    def is_waiting(self) -> bool:
        """Whether something is still being looked up."""
        return bool(self._open)

    def find(self, destination: Destination, size_octets: int, source: bytes, now: float) -> None:
        """Look it up; its owner hears, perhaps before this returns. source: on whose behalf."""
        routes = destination.routes
        hop = split_address(routes[0])[1] if routes else destination.uri     # RFC 3261 8.1.2
        search = _Search(self, destination, hop)
        self._open.append(search)
        search.lookup = destination.line.core.locate(Hop(hop, size_octets, source=source), search.take, now)
        if search.found is None:
            search.is_late = True
        else:
            self.settle(search, now)

    def settle(self, search: _Search, now: float) -> None:
        """A lookup has ended."""
        if search not in self._open or search.found is None:
            return
        self._open.remove(search)
        flows, verdict = search.found
        destination = search.destination
        if destination.is_outside:
            flows = [flow for flow in flows if flow.listener.side is Side.PUBLIC]
            verdict = verdict if flows or verdict is not Verdict.FOUND else Verdict.UNREACHABLE
        if flows:
            media_host = destination.line.media_host
            runs = tuple([tuple(run) for _host, run in groupby(flows, media_host)])
            self._owner.ring_found(destination.locate_at(runs[0], runs[1:]), now)
        else:
            self._lose(search, verdict, now)
        if search.is_late:
            self._owner.go_on(now)

    def _lose(self, search: _Search, verdict: Verdict, now: float) -> None:
        """As the proxy says it: 404 where the DNS knows that nobody is there (21.4.5), 500 where nobody could say,
        since a 503 is not ours to pass on (16.7 step 6). A phone of ours that is nowhere is away, not unknown
        (21.4.18)."""
        self._warn(search.host + b": " + WARNINGS[verdict])
        is_nowhere = verdict in (Verdict.ABSENT, Verdict.OURSELVES)
        nobody = 404 if search.destination.callee.domain else 480
        self._owner.found_nothing(search.destination, nobody if is_nowhere else 500, now)

    def _warn(self, words: bytes) -> None:
        """20.43: for the person who reads the ladder."""
        text = bytes([octet for octet in words if 0x20 <= octet < 0x7F and octet not in b'"\\'])
        self.warning = b'Warning: 399 denwaban "%s"\r\n' % text
        self.reason = text.decode("ascii")

    def translate_failure(self, leg: Leg, status: int) -> int:
        """What becomes of the refusal of somebody else's server, or of none being reached: a 503 would have the caller
        take us for what is out of service (16.7 step 6). Why a connection failed is told."""
        if status != 503 or not leg.party.domain or leg.line.is_trunk:
            return status
        flow = leg.handle.flow
        if flow is not None and flow.failure:
            self._warn(b"%s: %s" % (leg.party.domain, flow.failure.encode("ascii", "replace")))
        return 500

    # further addresses of ours

    def note_try(self, leg: Leg, destination: Destination, now: float) -> None:
        """This leg is there."""
        if destination.later:
            self._later[leg] = destination
            self._alarm = self._alarm or self._services.alarm()
            self._alarm.set(now + SILENCE_S, self._pass_silent)

    def try_later(self, leg: Leg, status: int, is_unheard: bool, now: float) -> bool:
        """A leg was refused; whether there are further servers, which have not failed with it: a 503, a time-out, a
        failed transport (RFC 3263 4.3)."""
        destination = self._later.pop(leg, None)
        if destination is None or not (status == 503 or is_unheard):
            return False
        self._ring_later(destination, now)
        return True

    def _ring_later(self, destination: Destination, now: float) -> None:
        self._owner.ring_found(destination.locate_at(destination.later[0], destination.later[1:]), now)

    def _pass_silent(self, now: float) -> None:
        """The silent one stays in play, as in the proxy: what it says late still counts."""
        silent = [(leg, one) for leg, one in self._later.items() if not leg.status and not leg.handle.has_progress]
        for leg, destination in silent:
            del self._later[leg]
            self._ring_later(destination, now)

    def stop(self) -> None:
        """Nobody is wanted any more."""
        for search in self._open:
            if search.lookup is not None:
                search.lookup.cancel()
        self._open.clear()
        self._later.clear()
        if self._alarm is not None:
            self._alarm.clear()
