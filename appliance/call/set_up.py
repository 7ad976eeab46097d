# SPDX-License-Identifier: Apache-2.0
"""A call until somebody answers: the caller's leg and the hunt for the called side, joined message by message.

Early sessions pass end to end, each early dialog of the called side under a To tag of its own (RFC 3262 5, RFC 3311,
RFC 6337). It owns the caller's leg and the hunt; with the answer the bridge takes over.
"""

from __future__ import annotations

from typing import Final, Protocol

from appliance.call.bridge import Bridge
from appliance.call.hunt import Hunt
from appliance.call.hunt_owner import Failure, HuntCall
from appliance.call.leg import Leg
from appliance.call.line import Dial, Refused
from appliance.call.media_pair import MediaPair
from appliance.call.reasons import write_cause, write_reason
from appliance.errors import MisuseError, PeerError
from appliance.native.sip_scanner import Message
from appliance.sip.transaction.server import ServerTransaction
from appliance.ua.branch import Branch
from appliance.ua.call_events import Alert, Cause, Release
from appliance.ua.early_dialog import EarlyDialog
from appliance.ua.offer_answer import Exchange
from appliance.ua.referral import Referral
from appliance.ua.session_body import read_session

RETRY_LINE: Final = b"Retry-After: 10\r\n"
"""21.5.4: what is missing here, ports of the relay, comes back when a call ends."""


class SetUpCall(HuntCall, Protocol):
    """The call that is being set up."""

    caller: Leg
    dial: Dial
    hunt: Hunt | None
    offer: bytes

    def open_pair(self, branch: Leg) -> MediaPair:
        """The media of the caller and this leg, made when they are asked for the first time."""

    def drop_pair_of(self, branch: Leg) -> None:
        """This leg has no media any more."""

    def note_ringing(self, now: float) -> None:
        """A phone rings."""

    def bridge_caller(self, branch: Leg, now: float) -> Bridge:
        """This leg has answered; media of all others end."""

    def leg_ended(self, leg: Leg, release: Release, now: float) -> None:
        """It is over."""

    def legs_changed(self, now: float) -> None:
        """For whoever watches; and the call is over with its last leg."""


class SetUp:
    """Satisfies leg.LegOwner for the caller's leg, and hunt.HuntOwner."""

    __slots__ = ("_asked", "_asking", "_call", "_forks")

    def __init__(self, call: SetUpCall) -> None:
        self._call = call
        self._asked: Leg | None = None      # the branch that considers an early change of the caller
        self._asking: Leg | None = None     # and one whose change the caller considers
        self._forks: dict[tuple[Leg, bytes], int] = {}      # To tags under which the caller has heard a session

    # the caller's leg: LegOwner

    def leg_offered(self, leg: Leg, offer: bytes, now: float) -> None:
        """LegOwner. The INVITE; later an early change of the caller's mind (UPDATE, PRACK)."""
        call = self._call
        if call.hunt is not None:
            self._change_early(leg, offer, now)
            return
        call.offer = offer
        leg.flow = leg.incoming.flow
        verdict = call.services.router.route(call.dial, now)
        if isinstance(verdict, Refused):
            self.refuse(verdict, now)
            return
        call.legs_changed(now)
        call.hunt = Hunt(call, call.dial, verdict, self)
        call.hunt.start(now)

    def refuse(self, verdict: Refused, now: float) -> None:
        """The dial plan says no."""
        call = self._call
        call.note(verdict.reason)
        call.record.cause = verdict.q850
        call.record.ended_by = "server"
        call.caller.incoming.refuse(verdict.status, now, verdict.lines + write_cause(verdict.q850))

    def _find_branch(self, leg: Leg) -> Leg | None:
        """The leg whose early dialog the caller speaks in."""
        number = leg.speaker.number if isinstance(leg.speaker, Branch) else 0
        hunt = self._call.hunt
        branches = hunt.branches if hunt is not None else []
        return next((branch for (branch, _tag), known in reversed(self._forks.items())
                     if known == number and branch in branches and not branch.has_ended), None)

    def _change_early(self, leg: Leg, offer: bytes, now: float) -> None:
        branch = self._find_branch(leg)
        if branch is None or self._asked is not None or self._asking is not None:
            leg.handle.refuse_offer(504 if branch is None else 491, now)
            return
        pair = self._call.open_pair(branch)
        try:
            session = pair.carry_offer(0, offer)
        except PeerError as error:
            leg.handle.refuse_offer(error.status_hint, now)
            return
        if branch.handle.change_session(session, now, True):
            self._asked = branch
        else:
            pair.revert(0)
            leg.handle.refuse_offer(504, now)   # RFC 3311 5.2: it could not be asked of the called side

    def leg_wanted_offer(self, leg: Leg, now: float) -> None:
        """LegOwner. Only a call that stands is changed so."""
        leg.handle.refuse_offer(491, now)

    def leg_alerted(self, leg: Leg, alert: Alert, now: float) -> None:
        """LegOwner. Nothing rings back at us."""

    def leg_agreed(self, leg: Leg, answer: bytes, now: float) -> None:
        """LegOwner. In a PRACK or in a 200 to UPDATE: the answer to an early offer of the called side."""
        branch, self._asking = self._find_branch(leg), None
        if branch is None:
            return
        try:
            session = self._call.open_pair(branch).carry_answer(0, answer)
        except PeerError as error:
            leg.incoming.refuse(error.status_hint, now)
            return
        branch.handle.answer_offer(session, now)

    def leg_confirmed(self, leg: Leg, now: float) -> None:
        """LegOwner. It is the bridge's by then."""
        raise MisuseError("a caller's leg that stands without an answer")

    def leg_refused_change(self, leg: Leg, status: int, now: float) -> None:
        """LegOwner. The called side hears it, and its media are where they were."""
        branch, self._asking = self._asking, None
        if branch is not None and not branch.has_ended:
            self._call.open_pair(branch).revert(1)
            branch.handle.refuse_offer(status, now)

    def leg_requested(self, leg: Leg, server: ServerTransaction, request: Message, now: float) -> None:
        """LegOwner. Key presses before the answer have nobody to go to."""
        server.respond(480, now)

    def leg_referred(self, leg: Leg, referral: Referral, now: float) -> None:
        """LegOwner."""
        referral.refuse(403, now)

    def leg_released(self, leg: Leg, release: Release, now: float) -> None:
        """LegOwner. The caller gave up, or has been refused."""
        hunt, self._call.hunt = self._call.hunt, None
        if hunt is not None:
            hunt.stop(now, write_reason(release) if release.cause is not Cause.REFUSED else b"")
        self._call.leg_ended(leg, release, now)

    # the hunt: HuntOwner

    def prepare_offer(self, branch: Leg, now: float) -> bytes:
        """HuntOwner. The caller's session with our addresses; a pair of media for each branch."""
        if not self._call.offer:
            return b""
        return self._call.open_pair(branch).carry_offer(0, self._call.offer)

    def _locate_pair(self, branch: Leg) -> MediaPair:
        """Its pair, once a response has shown where its signalling comes from."""
        pair = self._call.open_pair(branch)
        flow = branch.handle.flow
        if flow is not None and flow is not branch.flow:
            branch.flow = flow
            pair.ends[1] = branch.media_end()
        return pair

    def _number_fork(self, branch: Leg, tag: bytes) -> None:
        """The To tag under which the caller hears this early dialog: one for each."""
        branch.branch = self._forks.setdefault((branch, tag), len(self._forks))

    def branch_alerted(self, branch: Leg, alert: Alert, now: float) -> None:
        """HuntOwner. 180 and 183 pass at once, early media with them."""
        if alert.status == 199:     # RFC 6228: one fork is over, the others ring on
            return
        if not self._call.offer and alert.is_reliable and (branch, alert.fork) not in self._forks \
                and read_session(alert.message):
            return      # it offers (RFC 3262 5): see branch_offered
        session = b""
        # an early change is open in another early dialog of this leg: its answer is not this one
        is_changing = branch in (self._asked, self._asking)
        if alert.session and self._call.offer and not is_changing:
            try:
                session = self._locate_pair(branch).carry_answer(1, alert.session)
            except PeerError as error:
                self._call.note(str(error))
        if session:
            self._number_fork(branch, alert.fork)
        elif self._call.offer and branch.handle.flow is not branch.flow:
            self._listen_early(branch)
        self._alert_caller(branch, alert.status, session, alert.is_reliable, now)

    def _listen_early(self, branch: Leg) -> None:
        """A carrier rings: where its server is, which was found while the INVITE went out, media may come from."""
        flow = branch.handle.flow
        if flow is not None:
            branch.flow = flow
            self._call.open_pair(branch).listen(1, branch.media_end())

    def _alert_caller(self, branch: Leg, status: int, session: bytes, is_reliable: bool, now: float) -> None:
        caller = self._call.caller.incoming
        caller.alert(status, now, session, is_reliable and caller.supports_reliable, branch.branch)
        self._call.note_ringing(now)

    def branch_offered(self, branch: Leg, offer: bytes, now: float) -> None:
        """HuntOwner. The caller left it to the called side to offer; or an early change of the called side."""
        caller = self._call.caller.incoming
        is_first = not self._call.offer and not branch.handle.is_answering and not self._is_agreed(branch)
        if not is_first and not branch.handle.is_answering:
            self._pass_early_offer(branch, offer, now)
            return
        if is_first and not caller.supports_reliable:   # asked for by nobody: the caller cannot answer before the 200
            branch.handle.refuse_offer(488, now)
            return
        if branch.handle.is_answering:
            self._drop_change(branch, now)
        try:
            session = self._locate_pair(branch).carry_offer(1, offer)
        except PeerError as error:
            self._refuse_offer(branch, error, now)
            return
        if branch.handle.is_answering:
            self.join(branch, session, now).expect_answer(branch)
        else:
            self._number_fork(branch, branch.speaker.fork if isinstance(branch.speaker, EarlyDialog) else b"")
            self._alert_caller(branch, branch.status, session, True, now)

    @staticmethod
    def _is_agreed(branch: Leg) -> bool:
        return isinstance(branch.speaker, EarlyDialog) and branch.speaker.exchange.is_agreed

    def _refuse_offer(self, branch: Leg, error: PeerError, now: float) -> None:
        """The called side's session is no good: it goes, and with an answered call the whole set-up."""
        is_answering = branch.handle.is_answering
        branch.handle.refuse_offer(error.status_hint, now)
        if is_answering:
            self.hunt_failed(Failure(explain_bad_session(error), reason=str(error)), now)

    def _pass_early_offer(self, branch: Leg, offer: bytes, now: float) -> None:
        pair = self._call.open_pair(branch)
        if self._asked is not None or self._asking is not None:
            branch.handle.refuse_offer(491, now)
            return
        try:
            session = pair.carry_offer(1, offer)
        except PeerError as error:
            branch.handle.refuse_offer(error.status_hint, now)
            return
        if self._call.caller.handle.change_session(session, now, True):
            self._asking = branch
        else:
            pair.revert(1)
            branch.handle.refuse_offer(504, now)

    def branch_agreed(self, branch: Leg, answer: bytes, now: float) -> None:
        """HuntOwner. To the caller's early change; the first answer of a leg comes with `branch_answered`."""
        if self._asked is not branch or not isinstance(branch.speaker, EarlyDialog):
            return
        self._asked = None
        caller, pair = self._call.caller.handle, self._call.open_pair(branch)
        try:
            caller.answer_offer(pair.carry_answer(1, answer), now)
        except PeerError as error:
            pair.revert(0)
            caller.refuse_offer(error.status_hint, now)

    def branch_refused_change(self, branch: Leg, status: int, now: float) -> None:
        """HuntOwner. The caller hears it, and its media are where they were."""
        if self._asked is branch:
            self._asked = None
            self._call.open_pair(branch).revert(0)
            self._call.caller.handle.refuse_offer(status, now)

    def branch_answered(self, branch: Leg, now: float) -> None:
        """HuntOwner. Its session is in the 2xx, or was in something reliable before."""
        pair = self._locate_pair(branch)
        if branch.handle.exchange.state is Exchange.IDLE:
            self._drop_change(branch, now)
        try:
            session = pair.carry_answer(1, branch.handle.exchange.remote)
        except PeerError as error:
            branch.hang_up(now)
            self.hunt_failed(Failure(explain_bad_session(error), reason=str(error)), now)
            return
        self.join(branch, session, now)

    def _drop_change(self, branch: Leg, now: float) -> None:
        """An early change that was open in another early dialog than the one that has answered: that one has lost."""
        if self._asked is branch:
            self.branch_refused_change(branch, 504, now)
        elif self._asking is branch:
            self._asking = None
            self._call.open_pair(branch).revert(1)

    def join(self, branch: Leg, session: bytes, now: float) -> Bridge:
        """Somebody answered with this session: the caller gets its 200."""
        caller = self._call.caller
        self._call.hunt = None
        # another phone's session may have been heard under the first To tag: then this answer has one of its own
        self._number_fork(branch, branch.handle.dialog.remote_tag)
        bridge = self._call.bridge_caller(branch, now)
        if self._asked is branch:       # an early change is still open (RFC 6337 4.3): the bridge hears the answer
            bridge.expect_answer(caller)
        elif self._asking is branch:
            bridge.expect_answer(branch)
        elif self._asked is not None:
            caller.handle.refuse_offer(504, now)
        self._asked = self._asking = None
        caller.incoming.answer(session, now, branch.branch)
        return bridge

    def branch_ended(self, branch: Leg, now: float) -> None:
        """HuntOwner."""
        if self._call.hunt is not None or self._call.caller.has_ended:
            self._call.drop_pair_of(branch)
        if self._asking is branch:
            self._asking = None
        if self._asked is branch:
            self._asked = None
            self._call.caller.handle.refuse_offer(504, now)     # RFC 3311 5.2
        self._call.legs_changed(now)

    def hunt_failed(self, failure: Failure, now: float) -> None:
        """HuntOwner."""
        self._call.hunt = None
        call = self._call
        call.note(failure.reason)
        call.record.cause = failure.cause
        call.record.ended_by = call.record.ended_by or ("callee" if failure.is_by_callee else "server")
        if call.caller.has_ended:
            return
        status = failure.status
        if status == 503 and failure.is_by_callee and call.caller.line.is_trunk:
            status = 500    # 16.7 step 6: a carrier would take us for out of service, for one telephone that is
        is_ours = status == 503 and not failure.is_by_callee and not failure.lines
        call.caller.incoming.refuse(status, now, RETRY_LINE if is_ours else failure.lines)


def explain_bad_session(error: PeerError) -> int:
    """For the caller, whose own session was in order."""
    return error.status_hint if error.status_hint in (488, 503) else 502
