# SPDX-License-Identifier: Apache-2.0
"""One call, from its INVITE to its record: the caller's leg, the hunt for who answers, the bridge between both.

The engine makes it; legs, hunt and bridge tell it what happens.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, Protocol

from appliance.call.bridge import Bridge
from appliance.call.call_record import CallRecord
from appliance.call.hunt import Hunt
from appliance.call.leg import INCOMING, Leg
from appliance.call.line import Dial, Line, Refused
from appliance.call.media_pair import MediaPair
from appliance.call.services import CallServices
from appliance.call.set_up import SetUp
from appliance.errors import MisuseError
from appliance.native.sip_scanner import Message
from appliance.rtp.relaying import DirectionFigures
from appliance.sdp.parser import parse_session
from appliance.sip.flow import Flow
from appliance.ua.alarm import Alarm
from appliance.ua.call_events import Cause, Release
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

    def remember_open(self, legs: list[Leg]) -> None:
        """These were let go, nobody waits for them any more, and they are not over yet."""

    def free_line(self, line: Line, call: Call, now: float) -> bool:
        """An emergency call needs a channel of this line: the youngest other call on it ends; False: there is none."""


class CallState(IntEnum):
    """What a caller would say of the call."""

    CALLING = 0
    RINGING = 1
    ANSWERED = 2
    ENDED = 3


CALLING, RINGING, ANSWERED, ENDED = CallState
TRANSITIONS: Final = (
    frozenset({RINGING, ANSWERED, ENDED}),
    frozenset({ANSWERED, ENDED}),
    frozenset({ENDED}),
    frozenset[CallState](),
)
"""What may follow each state, by its number."""
PATIENCE_S: Final = 1.0
"""How long a call that is over waits for who was let go to say so: nearly all do at once, a silent one never."""
RESULTS: Final = {486: "busy", 600: "busy", 480: "no_answer", 408: "no_answer", 404: "not_found", 604: "not_found",
                  487: "cancelled", 403: "blocked", 488: "refused"}


class Call:
    """number: counts up; caller: the leg that began it; legs: all of them, in the order in which they were begun;
    hunt: the search that is going on; offer: the caller's session; bridge: once somebody has answered; record: what
    will be kept of it. Times are monotonic seconds, 0.0 for not yet.

    Satisfies set_up.SetUpCall and bridge.BridgeCall.
    """

    __slots__ = ("_closing", "_pairs", "_pairs_made", "answered_at", "bridge", "caller", "dial", "directory",
                 "ended_at", "hunt", "legs", "number", "offer", "record", "services", "set_up",
                 "started_at", "state", "waiting_media")

    def __init__(self, services: CallServices, directory: CallDirectory, dial: Dial, now: float,
                 number: int = 0) -> None:
        self.services = services
        self.directory = directory
        self.number = number = number or services.numbers.next()
        self.dial = dial
        self.state = CALLING
        self.started_at = now
        self.answered_at = self.ended_at = 0.0
        self.record = CallRecord(number, self.wall(now))
        self.record.caller = _text(dial.caller.address)
        self.record.caller_name = _text(dial.caller.name)
        self.record.callee = self.record.dialled = _text(dial.dialled)
        self.record.trunk = dial.origin.name if dial.origin.is_trunk else ""
        self.legs: list[Leg] = []
        self.bridge: Bridge | None = None
        self.waiting_media: set[str] = set()
        self.hunt: Hunt | None = None
        self.offer = b""
        self._closing: Alarm | None = None
        self._pairs: dict[Leg, MediaPair] = {}
        self._pairs_made = 0
        self.set_up = SetUp(self)
        self.caller = Leg(self, dial.origin, INCOMING, dial.caller, self.set_up)
        self.caller.record.started_at = self.record.started_at
        self.legs.append(self.caller)

    def wall(self, now: float) -> float:
        """Wall clock time of a monotonic one."""
        return now + self.services.wall_offset

    def note(self, reason: str) -> None:
        """Why something did not work, in words, for the record."""
        self.record.reason = self.record.reason or reason

    def note_refusal(self, message: Message, flow: Flow, verdict: Refused) -> None:
        """Its INVITE was refused at once, and never became a leg that speaks."""
        record, leg = self.record, self.caller.record
        record.status, record.result, record.cause = verdict.status, read_result(verdict.status), verdict.q850
        record.ended_by = "server"
        self.note(verdict.reason)
        leg.address = flow.hostport.decode("ascii", "replace")
        leg.call_id, leg.remote_tag = message.call_id.decode("latin-1"), message.from_tag.decode("latin-1")
        leg.reason, leg.ended_at = "refused", record.started_at

    def _enter(self, state: CallState, now: float) -> None:
        if state is self.state:
            return
        if state not in TRANSITIONS[self.state]:
            raise MisuseError(f"call {self.number}: {self.state.name} to {state.name}")
        self.state = state

    @property
    def pairs(self) -> list[MediaPair]:
        """Every pair of media that is open."""
        return list(self._pairs.values())

    # the set-up: set_up.SetUpCall

    def open_pair(self, branch: Leg) -> MediaPair:
        """SetUpCall."""
        pair = self._pairs.get(branch)
        if pair is None:
            services, ends = self.services, (self.caller.media_end(), branch.media_end())
            branch.origin = services.new_origin(ends[1].host)
            origins = (services.new_origin(ends[0].host), branch.origin)
            self._pairs_made += 1
            name = services.name_media(self.number, self._pairs_made)
            pair = self._pairs[branch] = MediaPair(services.relay, name, ends, origins)
            pair.fits = [self.caller.line.fit_session, branch.line.fit_session]
        return pair

    def note_ringing(self, now: float) -> None:
        """SetUpCall."""
        if self.state is CALLING:
            self._enter(RINGING, now)
        self.directory.tell(self)

    def join(self, branch: Leg, session: bytes, now: float) -> Bridge:
        """Somebody answered with this session, the caller's is its answer or offer: both talk."""
        return self.set_up.join(branch, session, now)

    def bridge_caller(self, branch: Leg, now: float) -> Bridge:
        """SetUpCall."""
        pair = self._pairs.pop(branch)
        for lost in self._pairs.values():
            self._close_media(lost)
        self._pairs = {branch: pair}
        self.caller.origin = pair.origins[0]
        bridge = self.bridge = Bridge(self, (self.caller, branch), pair)
        self._note_answer(branch, now)
        return bridge

    def _note_answer(self, branch: Leg, now: float) -> None:
        self._enter(ANSWERED, now)
        self.answered_at = now
        record = self.record
        record.answered_at = self.wall(now)
        record.result, record.status = "answered", 200
        record.callee = _text(branch.party.address) or record.callee
        record.trunk = branch.line.name if branch.line.is_trunk else \
            self.caller.line.name if self.caller.line.is_trunk else ""
        self.directory.keep(self, now)
        self.directory.tell(self)

    def legs_changed(self, now: float) -> None:
        """SetUpCall."""
        self.directory.tell(self)
        self.end_if_over(now)

    def refuse(self, verdict: Refused, now: float) -> None:
        """The dial plan says no."""
        self.set_up.refuse(verdict, now)

    # the bridge

    def session_changed(self, now: float) -> None:
        """Another session holds between the legs: hold, resume, another codec."""
        self.directory.keep(self, now)
        self.directory.tell(self)

    def leg_stands(self, leg: Leg, now: float) -> None:
        """The caller's ACK has come."""
        self.directory.keep(self, now)
        self.directory.tell(self)

    def transfer(self, leg: Leg, referral: Referral, now: float) -> None:
        """REFER: the other side is to be connected to somebody else."""
        self.directory.transfer(self, leg, referral, now)

    def leg_ended(self, leg: Leg, release: Release, now: float) -> None:
        """A leg is over; with the last one the call is."""
        record = self.record
        if not record.ended_by:
            is_theirs = release.cause in (Cause.PEER_LEFT, Cause.CANCELLED)
            record.ended_by = ("caller" if leg is self.caller else "callee") if is_theirs else "server"
        if leg is self.caller and self.state < ANSWERED:
            record.status = leg.status
            has_given_up = release.cause in (Cause.CANCELLED, Cause.PEER_LEFT)
            record.result = "cancelled" if has_given_up else record.result or read_result(leg.status)
        if release.cause in (Cause.LOST, Cause.BROKEN, Cause.EXPIRED):
            self.note(release.cause.name.lower())
        self.end_if_over(now)

    def end_if_over(self, now: float) -> None:
        """Close what is left once nobody talks, calls or is called; who was let go long ago is not waited for."""
        if self.state is ENDED:
            return
        for leg in self.legs:
            if not (leg.has_ended or leg.let_go_at):
                self.ended_at = 0.0
                return
        self.ended_at = self.ended_at or now
        waiting = [leg for leg in self.legs if not leg.has_ended]
        if waiting and (patience_ends := max(leg.let_go_at for leg in waiting) + PATIENCE_S) > now:
            self._closing = self._closing or self.services.alarm()
            self._closing.set(patience_ends, self.end_if_over)
            return
        self._end(waiting, now)

    def _end(self, forgotten: list[Leg], now: float) -> None:
        if self._closing is not None:
            self._closing.clear()
        self._enter(ENDED, now)
        self.record.ended_at = self.wall(self.ended_at)
        for leg in forgotten:
            leg.forget(self.record.ended_at)
        self.directory.remember_open(forgotten)
        for record in [leg.record for leg in self.legs if leg.let_go_at]:
            record.ended_at = min(record.ended_at, self.record.ended_at)
        self.record.legs = [leg.record for leg in self.legs]
        for pair in self._pairs.values():
            self._close_media(pair)
        self._pairs.clear()
        self.directory.end_call(self, now)

    def cut_circles(self) -> None:
        """Nobody looks at this call any more: its memory goes at once, and the collector has nothing to find."""
        for leg in self.legs:
            if leg.usage is None or leg.usage.is_over:
                leg.cut_circles()
        self.legs.clear()
        self.bridge = self.hunt = None
        del self.set_up

    def _close_media(self, pair: MediaPair) -> None:
        sessions = pair.close()
        self.waiting_media.update(sessions)
        self.directory.expect_figures(self, pair, sessions)

    # legs that are joined anew

    def legs_of(self, pair: MediaPair) -> tuple[Leg | None, Leg | None]:
        """Whose media these are, side 0 and 1."""
        if self.bridge is not None and self.bridge.pair is pair:
            return self.bridge.legs
        branch = next((leg for leg, one in self._pairs.items() if one is pair), None)
        return (self.caller, branch) if branch is not None else (None, None)

    def make_pair(self, first: Leg, second: Leg) -> MediaPair:
        """A pair for legs of which at least the first stands; its origin and the places of its media go on."""
        services = self.services
        ends = (first.media_end(), second.media_end())
        first.origin = first.origin or services.new_origin(ends[0].host)
        second.origin = second.origin or services.new_origin(ends[1].host)
        self._pairs_made += 1
        pair = MediaPair(services.relay, services.name_media(self.number, self._pairs_made), ends,
                         (first.origin, second.origin))
        pair.fits = [first.line.fit_session, second.line.fit_session]
        for side, leg in enumerate((first, second)):
            if leg.usage is not None and leg.handle.exchange.local:
                pair.expect(side, parse_session(leg.handle.exchange.local))
        self._pairs[second] = pair
        return pair

    def bridge_legs(self, legs: tuple[Leg, Leg], pair: MediaPair) -> Bridge:
        """These two talk from now on; media of any other pair end."""
        for old in self._pairs.values():
            if old is not pair:
                self._close_media(old)
        self._pairs = {legs[1]: pair}
        pair.fits = [leg.line.fit_session for leg in legs]      # where it was restored nobody has said so yet
        self.bridge = Bridge(self, legs, pair)
        return self.bridge

    def drop_pair(self, pair: MediaPair) -> None:
        """These media came to nothing."""
        for leg, one in tuple(self._pairs.items()):
            if one is pair:
                del self._pairs[leg]
                self._close_media(pair)

    def find_pair(self, branch: Leg) -> MediaPair | None:
        """The pair whose second side is this leg."""
        return self._pairs.get(branch)

    def drop_pair_of(self, branch: Leg) -> None:
        """A leg that was rung is over: so are its media."""
        pair = self._pairs.pop(branch, None)
        if pair is not None:
            self._close_media(pair)

    def renew_pair(self) -> MediaPair:
        """New ports for the legs of the bridge, whose old ones are lost with the relay."""
        bridge = self.bridge
        if bridge is None:
            raise MisuseError("no legs to renew")
        return self.make_pair(*bridge.legs)

    def note_silence(self, leg: Leg, figures: DirectionFigures, now: float) -> None:
        """Nothing comes from this leg: for who asks why."""
        self.directory.tell(self)

    def note_voice(self, leg: Leg, now: float) -> None:
        """It is heard again."""
        self.directory.tell(self)

    def free_line(self, line: Line, now: float) -> bool:
        """hunt.HuntCall."""
        return self.directory.free_line(line, self, now)

    def refuse_stopped(self, now: float) -> None:
        """Nobody will be rung any more."""
        if not self.caller.has_ended and self.caller.usage is not None:
            self.caller.incoming.refuse(503, now)

    def hang_up(self, now: float, lines: bytes) -> None:
        """The server ends it."""
        self.record.ended_by = self.record.ended_by or "server"
        if self.hunt is not None:
            self.hunt.stop(now, lines)
        for leg in tuple(self.legs):
            leg.hang_up(now, lines)


def call_of(leg: Leg) -> Call:
    """The call that a leg is part of."""
    call = leg.call
    if not isinstance(call, Call):
        raise MisuseError("a leg of no call")
    return call


def read_result(status: int) -> str:
    """What became of a call that nobody answered, by the status that its caller got."""
    return RESULTS.get(status, "refused" if status >= 600 else "failed")


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")
