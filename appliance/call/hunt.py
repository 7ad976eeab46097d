# SPDX-License-Identifier: Apache-2.0
"""The search for somebody who answers: groups of destinations, each rung together, one after the other (RFC 3261 16.5
to 16.7 as a B2BUA does it), trunks with failover.

It owns the legs that it rings until one answers or all have failed.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from appliance.call.hunt_owner import Failure, HuntCall, HuntOwner
from appliance.call.leg import OUTGOING, Leg
from appliance.call.line import Destination, Dial
from appliance.call.media_pause import MediaPause
from appliance.call.reasons import (
    ELSEWHERE,
    NO_ANSWER,
    NO_ANSWER_CAUSE,
    choose_best,
    copy_reason,
    copy_warning,
    read_cause,
    translate_status,
)
from appliance.call.redirections import Redirections
from appliance.call.second_try import SecondTries
from appliance.call.server_search import ServerSearches
from appliance.errors import MisuseError, PeerError
from appliance.native.sip_scanner import Message
from appliance.sip.transaction.server import ServerTransaction
from appliance.ua.alarm import Alarm
from appliance.ua.call_events import Alert, Cause, Release
from appliance.ua.outgoing_invite import OutgoingInvite
from appliance.ua.provisional_order import RELIABLE
from appliance.ua.referral import Referral
from appliance.ua.request_draft import RequestDraft

RINGING_S: Final = 180.0
SILENCE_S: Final = 4.0
"""A trunk that has said nothing for so long gives way to the next one."""
HEAD_OCTETS: Final = 700
"""An INVITE of ours without its session, and some to spare."""


class HuntState(IntEnum):
    """OPEN until the first answer, the last failure, or `stop`."""

    OPEN = 0
    OVER = 1


class Hunt:
    """dial: what was asked for; branches: legs that have been begun and are not over; passed: those of them that were
    silent for too long, and are waited for no more; owner: who searches."""

    __slots__ = ("_again", "_alarm", "_call", "_dial", "_failures", "_groups", "_passed", "_pause", "_redirections",
                 "_searches", "_seen", "_silence", "branches", "owner", "state")

    def __init__(self, call: HuntCall, dial: Dial, groups: list[list[Destination]], owner: HuntOwner) -> None:
        self._call = call
        self._dial = dial
        self._groups = groups
        self.owner = owner
        self._failures: list[tuple[int, Release | None]] = []
        self._redirections: Redirections | None = None      # most calls are not sent on
        self._seen = {destination.uri for group in groups for destination in group}
        self._alarm = call.services.alarm()
        self._silence: Alarm | None = None      # only trunks are waited for so
        self._again: SecondTries | None = None  # and only they are asked twice
        self._searches: ServerSearches | None = None    # of destinations that are names
        self._pause: MediaPause | None = None
        self._passed: set[Leg] = set()
        self.branches: list[Leg] = []
        self.state = HuntState.OPEN

    @property
    def is_open(self) -> bool:
        """Whether nobody has answered yet, and nobody has given up."""
        return self.state is HuntState.OPEN

    def start(self, now: float) -> None:
        """Ring the first group."""
        self._alarm.set(now + RINGING_S, self._give_up)
        self._ring_next(now)

    def stop(self, now: float, lines: bytes = b"") -> None:
        """Nobody wants this any more: all that ring are let go; lines: Reason."""
        self._close()
        for branch in tuple(self.branches):
            branch.hang_up(now, lines)

    def move(self, call: HuntCall, owner: HuntOwner) -> None:
        """It goes on for another call: what rings, rings on."""
        self._call, self.owner = call, owner
        for branch in self.branches:
            branch.move(call)

    def _close(self) -> None:
        self.state = HuntState.OVER
        self._alarm.clear()
        self._end_silence()
        if self._again is not None:
            self._again.stop()
        if self._searches is not None:
            self._searches.stop()
        if self._pause is not None:
            self._pause.stop()

    def _end_silence(self) -> None:
        if self._silence is not None:
            self._silence.clear()

    # ringing

    def _ring_next(self, now: float) -> None:
        while self.state is HuntState.OPEN and not any(map(self._is_open, self.branches)):
            if (self._again is not None and self._again.is_waiting) or (
                    self._searches is not None and self._searches.is_waiting):
                return
            if not self._groups:
                self._fail(now)
                return
            if self._call.services.relay.is_awaited and self._await_media(now):
                return
            self._ring_group(self._groups.pop(0), now)

    def _await_media(self, now: float) -> bool:
        self._pause = self._pause or MediaPause(self._call.services, now)
        return self._pause.begin(self._ring_next, now)

    def _ring_again(self, group: list[Destination], now: float) -> None:
        self._ring_group(group, now)
        self._ring_next(now)

    def _retry(self, leg: Leg, status: int, now: float) -> bool:
        """Whether the carrier is asked once more. Who calls for help does not wait where there is another one."""
        if self._again is None or (self._call.record.is_emergency and self._groups):
            return False
        return self._again.postpone(leg, status, now)

    def _is_open(self, branch: Leg) -> bool:
        return not branch.has_ended and branch not in self._passed

    def _ring_group(self, group: list[Destination], now: float) -> None:
        for destination in group:
            if self.state is HuntState.OPEN:
                self._ring(destination, now)
        if self._groups and any(map(self._is_open, self.branches)) and all(
                branch.line.is_trunk for branch in self.branches):
            self._silence = self._silence or self._call.services.alarm()
            self._silence.set(now + SILENCE_S, self._pass_silent)

    def _ring(self, destination: Destination, now: float) -> None:
        if destination.is_named:
            self._look_up(destination, now)
            return
        line = destination.line
        if line.is_trunk:
            self._call.record.trunk = self._call.record.trunk if self._call.record.answered_at else line.name
        if not line.may_begin(now):
            if destination.is_emergency and self._has_free_line(now):
                self._groups.append([destination])      # nobody loses his call while there is another way
                return
            if not (destination.is_emergency and self._call.free_line(line, now)):
                self._failures.append((503, None))
                self._call.note(f"no free channel on {line.name}")
                return
        if destination.is_emergency:
            self._call.record.is_emergency = True
        elif self._is_early(destination, now):
            return
        branch = Leg(self._call, line, OUTGOING, destination.callee, self)
        branch.is_phone = destination.is_phone
        branch.flow = destination.first_flow
        self._call.legs.append(branch)
        self.branches.append(branch)
        try:
            offer = self.owner.prepare_offer(branch, now)
        except PeerError as error:
            self._abandon(branch, error, now)
            return
        draft = line.draft_invite(destination, self._dial, offer)
        self._fit_draft(draft)
        branch.record.started_at = self._call.wall(now)
        if line.retry_500_s:
            self._later.note_try(branch, destination)
        if destination.later and self._searches is not None:
            self._searches.note_try(branch, destination, now)
        branch.usage = OutgoingInvite(line.core, draft, branch)
        branch.usage.start(now)

    # server_search.SearchOwner: destinations that have to be found first

    def _look_up(self, destination: Destination, now: float) -> None:
        self._searches = self._searches or ServerSearches(self._call.services, self)
        self._searches.find(destination, self._estimate_size(), self._dial.extension, now)

    def _estimate_size(self) -> int:
        """About how large the INVITE will be, for the choice of a transport (RFC 3261 18.1.1)."""
        request = self._dial.request
        if request is not None:
            return len(request.data)
        usages = [leg.usage for leg in self._call.legs if leg.usage is not None]
        return HEAD_OCTETS + max((len(usage.exchange.local) for usage in usages), default=0)

    def ring_found(self, destination: Destination, now: float) -> None:
        """SearchOwner."""
        if self.state is HuntState.OPEN:
            self._ring(destination, now)

    def found_nothing(self, destination: Destination, status: int, now: float) -> None:
        """SearchOwner."""
        self._failures.append((status, None))
        if self._searches is not None:
            self._call.note(self._searches.reason)

    def go_on(self, now: float) -> None:
        """SearchOwner."""
        self._ring_next(now)

    @property
    def _later(self) -> SecondTries:
        self._again = self._again or SecondTries(self._call.services, self._ring_again)
        return self._again

    def _is_early(self, destination: Destination, now: float) -> bool:
        """Whether its turn has not come; then it is rung when it has. A call for help waits for nobody."""
        if self._again is not None and self._again.has_turn(destination):
            return False
        wait_s = destination.line.take_turn(now)
        if wait_s > 0.0:
            self._later.hold(destination, now + wait_s)
        return wait_s > 0.0

    def _has_free_line(self, now: float) -> bool:
        """Whether one that is still to be rung can be reached, and has a channel left."""
        return any(one.is_reachable and one.line.may_begin(now) for group in self._groups for one in group)

    def _fit_draft(self, draft: RequestDraft) -> None:
        """What the caller's INVITE says of the way and of what the caller can do."""
        request = self._dial.request
        if request is None:
            return
        if request.max_forwards > 0:    # 16.3 step 3: one hop less, so that a call that comes back to us ends
            draft.max_forwards = min(draft.max_forwards, request.max_forwards - 1)
        if not draft.body and RELIABLE not in list_extensions(request):
            # RFC 3262 5: the first reliable response would offer, and the caller could not answer before the 200
            draft.supported = tuple([tag for tag in draft.supported if tag != RELIABLE])

    def _abandon(self, branch: Leg, error: PeerError, now: float) -> None:
        """A leg that never got an INVITE."""
        branch.has_ended = True
        branch.record.status = branch.status = error.status_hint
        branch.record.started_at = branch.record.ended_at = self._call.wall(now)
        branch.record.reason = error.reason
        branch.line.call_ends()
        self.branches.remove(branch)
        self._failures.append((error.status_hint, None))
        self._call.note(error.reason)
        self.owner.branch_ended(branch, now)

    def _pass_silent(self, now: float) -> None:
        """RFC 3263 4.3 would wait 32 s: the next trunk is tried, the silent one is let go as soon as 9.1 allows."""
        waiting = [branch for branch in self.branches if self._is_open(branch)]
        if not self._groups or any(branch.status or branch.handle.has_progress for branch in waiting):
            return
        for branch in waiting:
            branch.record.reason = "silent"
            branch.line.note_refusal(408, None, now)
            self._failures.append((408, None))
            self._passed.add(branch)
            branch.hang_up(now)
        self._ring_next(now)

    def _give_up(self, now: float) -> None:
        """Nobody has answered within the time for ringing."""
        self._groups.clear()
        failure = Failure(480, NO_ANSWER, "no answer", NO_ANSWER_CAUSE)
        self.stop(now, NO_ANSWER)
        self.owner.hunt_failed(failure, now)

    # LegOwner: what the rung legs say

    def leg_alerted(self, leg: Leg, alert: Alert, now: float) -> None:
        """LegOwner."""
        self._end_silence()
        if self.state is HuntState.OPEN:
            self.owner.branch_alerted(leg, alert, now)

    def leg_offered(self, leg: Leg, offer: bytes, now: float) -> None:
        """LegOwner. In a 2xx it is an answered call that waits for our answer (13.2.1)."""
        if self.state is not HuntState.OPEN:
            leg.hang_up(now)
            return
        if leg.handle.is_answering:
            self._take(leg, now)
        self.owner.branch_offered(leg, offer, now)

    def leg_wanted_offer(self, leg: Leg, now: float) -> None:
        """LegOwner. Not before the call stands."""
        leg.handle.refuse_offer(491, now)

    def leg_agreed(self, leg: Leg, answer: bytes, now: float) -> None:
        """LegOwner. The first answer is looked at when the leg is confirmed; any other is an early change."""
        if self.state is HuntState.OPEN and not leg.handle.is_over:
            self.owner.branch_agreed(leg, answer, now)

    def leg_confirmed(self, leg: Leg, now: float) -> None:
        """LegOwner. The first one has it."""
        if self.state is not HuntState.OPEN:
            leg.hang_up(now, ELSEWHERE)
            return
        self._take(leg, now)
        self.owner.branch_answered(leg, now)

    def _take(self, leg: Leg, now: float) -> None:
        self.branches.remove(leg)
        leg.line.note_answer()
        self.stop(now, ELSEWHERE)

    def leg_refused_change(self, leg: Leg, status: int, now: float) -> None:
        """LegOwner. An early change, an UPDATE."""
        if self.state is HuntState.OPEN:
            self.owner.branch_refused_change(leg, status, now)

    def leg_requested(self, leg: Leg, server: ServerTransaction, request: Message, now: float) -> None:
        """LegOwner."""
        server.respond(481 if request.method == b"INFO" else 405, now)

    def leg_referred(self, leg: Leg, referral: Referral, now: float) -> None:
        """LegOwner. A call that nobody has answered is not transferred."""
        referral.refuse(403, now)

    def leg_released(self, leg: Leg, release: Release, now: float) -> None:
        """LegOwner."""
        if leg in self.branches:
            self.branches.remove(leg)
        self.owner.branch_ended(leg, now)
        if self.state is not HuntState.OPEN or leg in self._passed:
            return
        status = release.status or 480
        leg.line.note_refusal(status, release.message, now)
        if self._searches is not None:
            if self._searches.try_later(leg, status, release.message is None, now):
                self._ring_next(now)
                return
            status = self._searches.translate_failure(leg, status)
            self._call.note(self._searches.reason)
        if release.cause is Cause.BROKEN:
            status = 502    # 21.5.3: what is wrong is their answer; whoever has answered is not called a second time
        if 300 <= status < 400 and self._follow(leg, release, now):
            self._ring_next(now)
            return
        if self._retry(leg, status, now):
            return
        self._failures.append((status, release))
        may_go_on = leg.line.may_fail_over(status) and release.cause is not Cause.BROKEN
        if not (self._call.record.is_emergency or may_go_on):   # for help nothing is left untried
            self._groups.clear()
            if status >= 600:   # 16.7 step 5: it speaks for everybody
                self.stop(now)
                self._fail(now)
                return
        self._ring_next(now)

    def _follow(self, leg: Leg, release: Release, now: float) -> bool:
        """A phone sends the call elsewhere."""
        self._redirections = self._redirections or Redirections(self._call.services.router, self._seen)
        found, refusals = self._redirections.follow(self._dial, leg, release.message, now)
        self._failures += [(status, None) for status in refusals]
        self._groups[:0] = found
        return bool(found)

    def _fail(self, now: float) -> None:
        self._close()
        statuses = [status for status, _release in self._failures]
        place = choose_best(statuses)
        if place < 0:
            raise MisuseError("a hunt without a destination")
        status, release = self._failures[place]
        message = release.message if release is not None else None
        lines = copy_reason(message) + copy_warning(message) if message is not None else b""
        if message is None and self._searches is not None:
            lines = self._searches.warning
        reason = release.cause.name.lower() if release is not None else ""
        record = self._call.record
        if status == 408 and message is None and record.trunk and not record.result:
            record.result = "failed"    # the trunk is what has not answered, not somebody behind it
        self.owner.hunt_failed(Failure(translate_status(status), lines, reason, read_cause(status, message),
                                        message is not None), now)


def list_extensions(request: Message) -> set[bytes]:
    """The option tags that its sender knows (20.32, 20.37)."""
    return {tag.lower() for name in (b"Supported", b"Require") for tag in request.values(name)}
