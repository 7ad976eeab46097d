# SPDX-License-Identifier: Apache-2.0
"""Whether a trunk can be used, and why not: what its registration, OPTIONS and refusals say (RFC 3261 10.2, 11).

Registration, qualification and outcomes of calls change it; the trunk reads it. It gives up nothing for ever.
"""

from enum import IntEnum
from typing import Final

from appliance.errors import MisuseError
from appliance.gateway.servers import TrunkServers
from appliance.sip.locating.search import Verdict
from appliance.sip.status import reason_phrase
from appliance.ua.registration import Registration
from appliance.vocabulary.journal import Journal

REST_LIMIT_S: Final = 3600.0
"""A server may ask us to stay away for an hour, not for ever."""
WRONG_CREDENTIALS: Final = frozenset({401, 403, 407})
_LOOKUPS: Final = {Verdict.ABSENT: "the DNS knows no such server", Verdict.FAILED: "the DNS does not answer",
                   Verdict.UNREACHABLE: "no transport of the listener leads there",
                   Verdict.OURSELVES: "it leads back to ourselves"}


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
    """reason: why it is down, in words; since: when it came into this state; granted_until: end of the binding, 0.0 for
    none; next_try: when REGISTER is sent again after a failure, 0.0 for no such wait; failures: in a row; status: that
    REGISTER got last."""

    __slots__ = ("_journal", "_name", "_rests_until", "_servers", "failures", "granted_until", "next_try", "reason",
                 "since", "state", "status")

    def __init__(self, name: str, servers: TrunkServers, journal: Journal) -> None:
        self._name = name
        self._servers = servers
        self._journal = journal
        self._rests_until = 0.0
        self.state = IDLE
        self.reason = "not started"
        self.status = 0
        self.since = 0.0
        self.granted_until = 0.0
        self.next_try = 0.0
        self.failures = 0

    def start(self, is_registered: bool, now: float) -> None:
        """A static trunk is up until something says otherwise."""
        if is_registered:
            self._enter(PENDING, "no answer yet", now)
        else:
            self._enter(UP, "", now)

    def stop(self, now: float) -> None:
        """Nothing is to be called any more."""
        if self.state is not IDLE:
            self._enter(IDLE, "stopped", now)

    def is_up(self, now: float) -> bool:
        """Whether calls may be tried, rest or no rest; not on a binding whose time is over."""
        return self.state is UP and not 0.0 < self.granted_until <= now

    def is_resting(self, now: float) -> bool:
        """Whether the carrier has asked for a pause (21.5.4)."""
        return now < self._rests_until

    def rest(self, seconds: float, now: float) -> None:
        """A 503 with Retry-After came. Without one, nothing changes: CONTRACT."""
        self._rests_until = max(self._rests_until, now + min(seconds, REST_LIMIT_S))
        self._journal.record("trunk_rests", trunk=self._name, seconds=seconds)

    # ua.registration.RegistrationEvents

    def registration_granted(self, registration: Registration, expires_s: int, now: float) -> None:
        """RegistrationEvents."""
        self.granted_until = now + expires_s
        self.next_try = 0.0
        self.failures = 0
        self.status = 200
        if self.state in (PENDING, DOWN):
            self._enter(UP, "", now)

    def registration_failed(self, registration: Registration, status: int, retry_s: float, now: float) -> None:
        """RegistrationEvents."""
        self.next_try = now + retry_s
        self.failures += 1
        self.status = status
        if status in WRONG_CREDENTIALS:
            self.granted_until = 0.0
        elif self.granted_until > now and status not in (404, 408):
            return      # the binding stands until its time is over, whatever a busy registrar says
        if self.state in (PENDING, UP):
            self._enter(DOWN, self._explain(status), now)
        else:
            self.reason = self._explain(status)

    def registration_ended(self, registration: Registration, now: float) -> None:
        """RegistrationEvents."""
        self.granted_until = 0.0
        self.stop(now)

    # OPTIONS

    def peer_answered(self, now: float) -> None:
        """It lives: whatever it answers (11.2). A trunk that registers is up again when it is registered."""
        if self.state is DOWN and (self.granted_until > now or not self.next_try):
            self._enter(UP, "", now)

    def peer_silent(self, now: float) -> None:
        """No answer to OPTIONS, by any of its servers."""
        if self.state is UP:
            self._enter(DOWN, self._explain(408), now)

    # inside

    def _explain(self, status: int) -> str:
        if status in (408, 503) and self._servers.verdict is not Verdict.FOUND:
            return _LOOKUPS[self._servers.verdict]
        if status == 408:
            return "no answer"
        if status in WRONG_CREDENTIALS:
            return f"wrong credentials: {status} {reason_phrase(status)}"
        return f"refused: {status} {reason_phrase(status)}"

    def _enter(self, state: LinkState, reason: str, now: float) -> None:
        if state not in TRANSITIONS[self.state]:
            raise MisuseError(f"trunk link: {self.state.name} to {state.name}")
        self.state, self.reason, self.since = state, reason, now
        self._journal.record(f"trunk_{state.name.lower()}", trunk=self._name, reason=reason)
