# SPDX-License-Identifier: Apache-2.0
"""The way to one named target: its lookup, then one address after the other (RFC 3263 4.3) until somebody speaks.

The next address is tried when one refuses the connection, answers 503 or times out. One that says nothing for
SILENCE_S stays in play (its transaction goes on to Timer B or F) and the next is tried beside it: nobody waits half a
minute for a server that is down, and nothing that a slow one says is lost. Whoever has failed is tried last by others
for a while. Changed by its context and its deadline.
"""

from typing import Protocol

from appliance.pbx.proxy.target import NamedTarget, Target
from appliance.sip.flow import Flow
from appliance.sip.locating.locator import Inquiry
from appliance.sip.locating.search import Verdict
from appliance.sip.locating.server_health import ServerHealth
from appliance.sip.timers import Timers

SILENCE_S = 4.0     # four copies over UDP; a connection that nobody refuses has had three tries


class HuntOwner(Protocol):
    """The response context."""

    def try_address(self, hunt: "Hunt", target: Target, now: float) -> None:
        """Send a copy there."""

    def hunt_failed(self, hunt: "Hunt", verdict: Verdict, now: float) -> None:
        """The lookup has brought no address."""


class Hunt:
    """One named target of one request.

    branches: of the copies sent so far; silent: those of them that nobody has answered; late: those that nobody waits
    for any more; is_searching: the lookup has not ended.
    """

    __slots__ = ("_flows", "_health", "_inquiry", "_is_over", "_owner", "_timers", "_tried", "branches", "deadline",
                 "is_searching", "late", "silent", "target")

    def __init__(self, owner: HuntOwner, target: NamedTarget, timers: Timers, health: ServerHealth) -> None:
        self._owner = owner
        self._timers = timers
        self._health = health
        self._tried: Flow | None = None
        self._flows: list[Flow] = []
        self._inquiry: Inquiry | None = None
        self._is_over = False
        self.target = target
        self.branches: set[bytes] = set()
        self.silent: set[bytes] = set()
        self.late: set[bytes] = set()
        self.is_searching = True
        self.deadline = 0.0

    def follow(self, inquiry: Inquiry | None) -> None:
        """The lookup under way, None where it has ended already."""
        self._inquiry = inquiry

    def flows_found(self, flows: list[Flow], verdict: Verdict, now: float) -> None:
        """The lookup has ended."""
        self._inquiry = None
        self.is_searching = False
        if self._is_over:
            return
        self._flows = flows
        if not self.try_next(now):
            self._owner.hunt_failed(self, verdict, now)

    def try_next(self, now: float) -> bool:
        """Try the next address; False when there is none left."""
        if self._is_over or not self._flows:
            return False
        flow = self._tried = self._flows.pop(0)
        self.deadline = now + SILENCE_S if self._flows else 0.0
        if self.deadline:
            self._timers.arm(self, self.deadline)
        self._owner.try_address(self, self.target.at(flow), now)
        return True

    def note_copy(self, branch: bytes) -> None:
        """A copy has been sent."""
        self.branches.add(branch)
        self.silent.add(branch)

    def note_failure(self, flow: Flow, now: float) -> None:
        """A copy there has timed out, or its transport has failed."""
        self._health.note_failure(flow, now)

    def note_response(self, branch: bytes, flow: Flow) -> None:
        """Somebody has spoken: whatever comes of it, silence is no reason any more to try another."""
        self._health.note_answer(flow)
        self.silent.discard(branch)
        self.deadline = 0.0

    def abandon_silent(self) -> set[bytes]:
        """Somebody has given a final answer: the branches that nobody needs to wait for any more."""
        self.late |= self.silent
        return self.late

    def stop(self) -> None:
        """No further address, no further wait."""
        self._is_over = True
        self.is_searching = False
        self.deadline = 0.0
        if self._inquiry is not None:
            self._inquiry.cancel()
            self._inquiry = None

    def due(self, now: float) -> None:
        """Silence."""
        self.deadline = 0.0
        if self._tried is not None:
            self._health.note_failure(self._tried, now)
        self.try_next(now)
