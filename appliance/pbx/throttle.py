# SPDX-License-Identifier: Apache-2.0
"""Slows the guessing of passwords: after 5 wrong digests in a minute, a pair of source address and user gets no verdict
for a growing time, unless that user proved itself from that address within the last hour.

Both tables are bounded: strangers can fill the one of failures, only account holders the one of proofs.
"""

from collections import OrderedDict

FAILURE_LIMIT = 5
WINDOW_S = 60.0
FIRST_HOLD_S = 10.0
LONGEST_HOLD_S = 900.0
PROOF_LIFE_S = 3600.0
FORGIVEN_AFTER_S = 3600.0
USERNAME_SIZE_OCTETS = 128      # of a user name, what tells pairs apart: an attacker chooses its length

Pair = tuple[bytes, bytes]


class Failures:
    """The recent failures of one pair. times: the last FAILURE_LIMIT; hold_s: how long the last hold was."""

    __slots__ = ("held_until", "hold_s", "times")

    def __init__(self) -> None:
        self.times: list[float] = []
        self.held_until = 0.0
        self.hold_s = 0.0


class Throttle:
    """Failures and proofs by (source address, user name)."""

    __slots__ = ("_failures", "_limit", "_proofs", "_proofs_limit")

    def __init__(self, limit: int = 8192, proofs_limit: int = 65536) -> None:
        self._failures: OrderedDict[Pair, Failures] = OrderedDict()
        self._proofs: OrderedDict[Pair, float] = OrderedDict()
        self._limit = limit
        self._proofs_limit = proofs_limit

    def is_held(self, source: bytes, username: bytes, now: float) -> bool:
        """Whether an answer of this pair gets no verdict now."""
        if not self._failures:
            return False
        failures = self._failures.get((source, username[:USERNAME_SIZE_OCTETS]))
        return failures is not None and now < failures.held_until

    def note_failure(self, source: bytes, username: bytes, now: float) -> float:
        """Count a wrong digest; the seconds for which the pair is held from now on, 0 for not at all."""
        pair = (source, username[:USERNAME_SIZE_OCTETS])
        failures = self._failures.get(pair)
        if failures is None:
            failures = self._add(pair, now)
        else:
            self._failures.move_to_end(pair)
        failures.times = [*(time for time in failures.times if time > now - WINDOW_S), now][-FAILURE_LIMIT:]
        if len(failures.times) < FAILURE_LIMIT or self._has_proof(source, username, now):
            return 0.0
        if now > failures.held_until + FORGIVEN_AFTER_S:
            failures.hold_s = 0.0
        failures.hold_s = min(failures.hold_s * 2 or FIRST_HOLD_S, LONGEST_HOLD_S)
        failures.held_until = now + failures.hold_s
        return failures.hold_s

    def note_proof(self, source: bytes, username: bytes, now: float) -> None:
        """A right digest with a fresh nonce: this user is not slowed from this address for an hour."""
        pair = (source, username)
        proofs = self._proofs
        if self._failures:
            self._failures.pop((source, username[:USERNAME_SIZE_OCTETS]), None)
        if pair not in proofs:
            self._make_room(now)
        proofs[pair] = now

    def _has_proof(self, source: bytes, username: bytes, now: float) -> bool:
        time = self._proofs.get((source, username))
        return time is not None and now - time <= PROOF_LIFE_S

    def _add(self, pair: Pair, now: float) -> Failures:
        table = self._failures
        if len(table) >= self._limit:
            table.popitem(last=False)
        elif table:
            oldest = next(iter(table))
            held_until, times = table[oldest].held_until, table[oldest].times
            if now > max(held_until, times[-1]) + FORGIVEN_AFTER_S:
                del table[oldest]
        failures = table[pair] = Failures()
        return failures

    def _make_room(self, now: float) -> None:
        """Look at the two oldest proofs: the outdated go, the others move to the end; the table stays bounded."""
        proofs = self._proofs
        for _ in range(min(2, len(proofs))):
            pair, time = proofs.popitem(last=False)
            if now - time <= PROOF_LIFE_S and len(proofs) < self._proofs_limit - 1:
                proofs[pair] = time
