# SPDX-License-Identifier: Apache-2.0
"""The call engine: every call that we carry as a B2BUA, from its INVITE to its record.

It hands INVITEs to new calls, media news to the calls they concern, and what has ended to the records. Only it changes
the table of calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from appliance.call.call import ANSWERED, Call
from appliance.call.call_record import RecordStore
from appliance.call.call_table import ENDED_KEPT, CallTable
from appliance.call.leg import Leg
from appliance.call.line import Dial, Line, Refused
from appliance.call.media_pair import MediaPair
from appliance.call.media_watch import MediaWatch
from appliance.call.pickup import Pickups
from appliance.call.readdressing import Readdressing
from appliance.call.reasons import CLOSED, STOPPED, write_cause
from appliance.call.replacement import Replacements
from appliance.call.services import CallServices
from appliance.call.transfers import start_transfer
from appliance.native.sip_scanner import Message
from appliance.sip.flow import Listener
from appliance.sip.transaction.invite_server import InviteServer
from appliance.ua.call_taking import take_call
from appliance.ua.referral import Referral

CALLS_LIMIT: Final = 4000
"""Calls at once; more are refused with 503: each holds ports and memory."""
FIGURES_WAIT_S: Final = 1.0
"""A record does not wait longer for what the relay has measured."""


class CallEngine(CallTable):
    """The table with everyone who acts on it. Satisfies call.CallDirectory."""

    __slots__ = ("_readdressings", "replacements", "watch")

    def __init__(self, services: CallServices, records: RecordStore | None = None) -> None:
        super().__init__(services, records)
        self.watch = MediaWatch(self)
        self._readdressings: dict[Leg, Readdressing] = {}
        self.replacements = Replacements(self, Pickups(self))

    # calls come

    def take_invite(self, server: InviteServer, message: Message, dial: Dial, now: float) -> None:
        """An INVITE outside every dialog, from somebody whose right to call is proved."""
        if message.max_forwards == 0:   # RFC 3261 16.3 step 3: what goes on from here goes one hop further
            server.respond(483, now)
            return
        if len(self.calls) >= CALLS_LIMIT and not self.services.router.is_emergency(dial):
            server.respond(503, now, b"Retry-After: 10\r\n")
            return
        replaces = message.header(b"Replaces")
        if replaces is not None:
            self.replacements.take(server, message, dial, now)
            return
        if self.replacements.take_starred(server, message, dial, now):
            return
        call = self.open_call(dial, now)
        self.begin(call, server, message, now)

    def open_call(self, dial: Dial, now: float) -> Call:
        """A new call, which has only its caller."""
        call = Call(self.services, self, dial, now)
        self.calls[call.number] = call
        self.total += 1
        return call

    def begin(self, call: Call, server: InviteServer, message: Message, now: float) -> None:
        """Its INVITE becomes the caller's leg."""
        leg = call.caller
        leg.flow = server.source
        status = take_call(call.dial.origin.core, server, message, leg, now)
        if status is not None:      # no dialog can be made: answered already
            self.drop_leg(leg, status)
            call.record.status, call.record.result = status, "failed"
            call.end_if_over(now)

    def turn_away(self, server: InviteServer, message: Message, dial: Dial, verdict: Refused, now: float) -> None:
        """An INVITE that is refused before anybody is looked for: no call, but a record that there was one."""
        call = self.open_call(dial, now)
        server.respond(verdict.status, now, verdict.lines + write_cause(verdict.q850))
        call.note_refusal(message, server.source, verdict)
        self.drop_leg(call.caller, verdict.status)
        call.end_if_over(now)

    # what calls say: call.CallDirectory

    def end_call(self, call: Call, now: float) -> None:
        """CallDirectory."""
        self.calls.pop(call.number, None)
        if len(self.ended) == ENDED_KEPT:
            self.ended.popleft().cut_circles()
        self.ended.append(call)
        if self.keeper is not None:
            self.keeper(call, now)
        self.services.journal.record(
            "call_ended", number=call.number, caller=call.record.caller, callee=call.record.callee,
            result=call.record.status, ended_by=call.record.ended_by,
            talked_s=call.ended_at - call.answered_at if call.answered_at else 0.0)
        self.tell(call)
        if call.waiting_media:
            self.watch.await_figures(call, now + FIGURES_WAIT_S)
        else:
            self.records.keep(call.record)

    def expect_figures(self, call: Call, pair: MediaPair, sessions: list[str]) -> None:
        """CallDirectory."""
        self.watch.expect(call, pair, sessions)

    def transfer(self, call: Call, leg: Leg, referral: Referral, now: float) -> None:
        """CallDirectory."""
        start_transfer(call, leg, referral, now)

    # the network

    def readdress(self, line: Line, now: float) -> None:
        """Our address as this line's peer sees it has changed: its legs hear of it, and their media come back."""
        legs = [(call, leg) for call in self.calls.values() for leg in call.legs
                if leg.line is line and not leg.has_ended]
        if legs:
            self.services.journal.record("address_changed", line=line.name, legs=len(legs))
        for call, leg in legs:
            self._readdress(call, leg, now)

    def readdress_over(self, line: Line, listeners: Sequence[Listener], now: float) -> None:
        """These listeners of ours have moved: what this line has over them hears where we are now."""
        for call in self.calls.values():
            for leg in call.legs:
                if leg.line is line and not leg.has_ended and leg.listener in listeners:
                    self._readdress(call, leg, now)

    def readdress_stranded(self, now: float) -> None:
        """Calls that were taken up after a restart, and whose media are at an address that we have left meanwhile."""
        for call in self.calls.values():
            bridge = call.bridge
            if bridge is None:
                continue
            for leg in bridge.legs:
                if leg.media_end().bind_host != bridge.pair.ends[bridge.side_of(leg)].bind_host:
                    self._readdress(call, leg, now)

    def _readdress(self, call: Call, leg: Leg, now: float) -> None:
        known = self._readdressings.get(leg)
        if known is None:
            known = self._readdressings[leg] = Readdressing(call, leg, self._forget_readdressing)
        known.call = call       # it may have been transferred meanwhile
        known.start(now)

    def _forget_readdressing(self, leg: Leg) -> None:
        del self._readdressings[leg]

    def count_over(self, listeners: Sequence[Listener]) -> int:
        """How many calls `end_over` would end."""
        return len(self._list_over(listeners))

    def _list_over(self, listeners: Sequence[Listener]) -> list[Call]:
        return [call for call in self.calls.values() if not call.record.is_emergency
                and any(not leg.has_ended and leg.listener in listeners for leg in call.legs)]

    def helps_over(self, listener: Listener) -> bool:
        """Whether somebody calls for help over this listener: it must not go."""
        return any(call.record.is_emergency and any(not leg.has_ended and leg.listener is listener for leg in call.legs)
                   for call in self.calls.values())

    def end_over(self, listeners: Sequence[Listener], now: float) -> int:
        """These listeners of ours go: every call that passes by them is ended while they still stand, but for those to
        emergency numbers. How many."""
        going = self._list_over(listeners)
        for call in going:
            call.note("its listener was taken out of service")
            if call.state < ANSWERED:
                call.refuse_stopped(now)
            call.hang_up(now, CLOSED)
        return len(going)

    # the shell

    def shut_down(self, now: float) -> None:
        """The server stops: every call is ended with BYE, every one that rings with 503 or CANCEL."""
        for call in tuple(self.calls.values()):
            call.note("the telephone system stopped")
            if call.state < ANSWERED:
                call.refuse_stopped(now)
            call.hang_up(now, STOPPED)

    @property
    def is_quiet(self) -> bool:
        """Whether no call is left and every record is kept."""
        return not self.calls and self.watch.is_idle

    def flush_records(self) -> None:
        """Nobody waits for figures any more."""
        self.watch.flush()
