# SPDX-License-Identifier: Apache-2.0
"""Whether a trunk can be used, and why not: what its registration, OPTIONS and refusals say (RFC 3261 10.2, 11).

Its attachment and the outcomes of its calls change it; the router reads it. It gives up nothing for ever.
"""

from enum import IntEnum
from typing import Final

from appliance.errors import MisuseError
from appliance.gateway.call_refusals import REFUSING, CallRefusals
from appliance.gateway.servers import TrunkServers
from appliance.native.sip_scanner import Message
from appliance.sip.locating.search import Verdict
from appliance.sip.status import reason_phrase
from appliance.ua.registration import Registration, RegistrationFailure
from appliance.ua.retrying import read_retry_after
from appliance.vocabulary.journal import Journal
from appliance.vocabulary.trunk_state import TrunkFault

REST_LIMIT_S: Final = 3600.0
"""A server may ask us to stay away for an hour, not for ever."""
NO_ANSWER: Final = "no answer"
_LOOKUPS: Final = {Verdict.ABSENT: "the DNS knows no such server", Verdict.FAILED: "the DNS does not answer",
                   Verdict.UNREACHABLE: "no transport of the listener leads there",
                   Verdict.OURSELVES: "it leads back to ourselves"}
_CREDENTIALS: Final = frozenset({RegistrationFailure.WRONG_CREDENTIALS, RegistrationFailure.NO_CREDENTIALS,
                                 RegistrationFailure.FORBIDDEN})
_ABSENT: Final = frozenset({RegistrationFailure.SILENT, RegistrationFailure.UNREACHABLE})
_ENDING: Final = frozenset({*_CREDENTIALS, *_ABSENT, RegistrationFailure.UNKNOWN})
"""What takes a trunk down although its binding stands: nobody is there, or nobody would take our calls."""


class LinkState(IntEnum):
    """IDLE: not started; PENDING: nobody has answered yet; UP; DOWN: see `reason`."""

    IDLE = 0
    PENDING = 1
    UP = 2
    DOWN = 3


IDLE, PENDING, UP, DOWN = LinkState
TRANSITIONS: Final = (
    frozenset({PENDING, UP}),
    frozenset({UP, DOWN, IDLE}),
    frozenset({DOWN, IDLE}),
    frozenset({UP, IDLE}),
)
"""What may follow each state, by its number."""


class TrunkLink:
    """fault, reason: why it is not up, in words; since: when it came into this state; granted_until: end of the
    binding, 0.0 for none; next_try: when REGISTER is sent again after a failure, 0.0 for no such wait; last_fault,
    last_failure, failed_at: what went wrong last, also where it is up again; barred_since: when its carrier began not
    to accept our credentials for calls, 0.0 where it does; refusals: whether it refuses every call."""

    __slots__ = ("_journal", "_name", "_rests_until", "_servers", "barred_since", "failed_at", "fault", "granted_until",
                 "last_failure", "last_fault", "next_try", "reason", "refusals", "since", "state")

    def __init__(self, name: str, servers: TrunkServers, journal: Journal) -> None:
        self._name = name
        self._servers = servers
        self._journal = journal
        self._rests_until = 0.0
        self.state = IDLE
        self.fault = self.last_fault = TrunkFault.NONE
        self.reason = "not started"
        self.last_failure = ""
        self.since = self.failed_at = 0.0
        self.granted_until = self.next_try = self.barred_since = 0.0
        self.refusals = CallRefusals()

    def start(self, is_registered: bool, now: float) -> None:
        """A static trunk is up until something says otherwise."""
        if is_registered:
            self._enter(PENDING, now)
            self.reason = "no answer yet"
        else:
            self._enter(UP, now)

    def stop(self, now: float) -> None:
        """Nothing is to be called any more."""
        if self.state is not IDLE:
            self._enter(IDLE, now)
            self.reason = "stopped"

    def is_up(self, now: float) -> bool:
        """Whether calls may be tried, rest or no rest; not on a binding whose time is over."""
        return self.state is UP and not 0.0 < self.granted_until <= now

    def is_resting(self, now: float) -> bool:
        """Whether the carrier has asked for a pause (21.5.4)."""
        return now < self._rests_until

    def rest(self, seconds: float, now: float) -> None:
        """A 503 with Retry-After came. Without one, nothing changes: CONTRACT."""
        self._rests_until = max(self._rests_until, now + min(seconds, REST_LIMIT_S))
        self.note_failure(TrunkFault.OVERLOADED, f"503, and asks for a pause of {seconds:g} s", now)
        self._journal.record("trunk_rests", trunk=self._name, seconds=seconds)

    def note_failure(self, fault: TrunkFault, words: str, now: float) -> None:
        """Something went wrong; whether the trunk is down for it is another question."""
        self.last_fault, self.last_failure, self.failed_at = fault, words, now

    # its calls

    def note_refusal(self, status: int, response: Message | None, now: float) -> None:
        """An INVITE failed; by the trunk's own fault where nobody answered, or with 401 or a 5xx. That takes it out of
        use only where the carrier asks for a pause (CONTRACT: a 503 without Retry-After does not)."""
        if response is None:
            failure = RegistrationFailure.SILENT if status == 408 else RegistrationFailure.UNREACHABLE
            self.note_failure(*self._explain(failure, status, ""), now)
        elif status in (401, 407):
            self.note_failure(TrunkFault.CREDENTIALS, f"wrong credentials: {status} to INVITE", now)
            self.barred_since = self.barred_since or now
        elif status in REFUSING:
            self.barred_since = 0.0     # it has looked at the call itself
            self.refusals.note_refusal(response.to_user, now)
            if self.refusals.since:
                self.note_failure(TrunkFault.REFUSED, f"refused: {status} {reason_phrase(status)} to INVITE", now)
        elif status < 500 or status >= 600:
            self.note_passage()
        else:
            self.note_failure(TrunkFault.REFUSED, f"refused: {status} {reason_phrase(status)} to INVITE", now)
            retry_after_s = read_retry_after(response)
            if status == 503 and retry_after_s:
                self.rest(retry_after_s, now)

    def note_passage(self) -> None:
        """A call of ours was let through: answered, or refused by somebody behind the carrier."""
        self.barred_since = 0.0
        self.refusals.note_passage()

    # the registration

    def registration_granted(self, expires_s: int, now: float) -> None:
        """The binding stands."""
        self.granted_until = now + expires_s
        self.next_try = 0.0
        if self.state in (PENDING, DOWN):
            self._enter(UP, now)

    def registration_failed(self, registration: Registration, status: int, retry_s: float, now: float) -> None:
        """REGISTER failed and is tried again after retry_s."""
        self.next_try = now + retry_s
        failure = registration.failure
        fault, reason = self._explain(failure, status, registration.words)
        self.note_failure(fault, reason, now)
        if failure in _CREDENTIALS:
            self.granted_until = 0.0
        if self.granted_until > now and failure not in _ENDING:
            return      # the binding stands until its time is over, whatever a busy registrar or resolver says
        self._fail(fault, reason, now)

    # OPTIONS

    def peer_answered(self, now: float) -> None:
        """It lives, whatever it answers (11.2). A trunk that registers is up again when it is registered."""
        if self.state is DOWN and (self.granted_until > now or not self.next_try):
            self._enter(UP, now)

    def peer_silent(self, now: float) -> None:
        """No answer to OPTIONS by any of its servers."""
        fault, reason = self._explain(RegistrationFailure.SILENT, 408, "")
        self.note_failure(fault, reason, now)
        if self.state is UP:
            self._fail(fault, reason, now)

    # inside

    def _explain(self, failure: RegistrationFailure, status: int, words: str) -> tuple[TrunkFault, str]:
        verdict = self._servers.verdict
        if failure is RegistrationFailure.UNRESOLVED or (verdict is not Verdict.FOUND and failure in _ABSENT):
            fault = TrunkFault.DNS if verdict in (Verdict.ABSENT, Verdict.FAILED) else TrunkFault.UNREACHABLE
            return fault, _LOOKUPS.get(verdict, NO_ANSWER)
        if failure in _ABSENT:
            return TrunkFault.UNREACHABLE, words or (NO_ANSWER if status == 408 else "the connection failed")
        said = f"{status} {words or reason_phrase(status)}"
        if failure in _CREDENTIALS:
            return TrunkFault.CREDENTIALS, f"wrong credentials: {said}"
        return TrunkFault.REFUSED, f"refused: {said}"

    def _fail(self, fault: TrunkFault, reason: str, now: float) -> None:
        if self.state in (PENDING, UP):
            self._enter(DOWN, now)
            self._journal.record("trunk_down", trunk=self._name, reason=reason)
        self.fault, self.reason = fault, reason

    def _enter(self, state: LinkState, now: float) -> None:
        if state not in TRANSITIONS[self.state]:
            raise MisuseError(f"trunk link: {self.state.name} to {state.name}")
        self.state, self.since = state, now
        self.fault, self.reason = TrunkFault.NONE, ""
        if state is UP:
            self._journal.record("trunk_up", trunk=self._name)
