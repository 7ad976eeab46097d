# SPDX-License-Identifier: Apache-2.0
"""Which strangers the firewall is to shut out: who tries the passwords of several users, who goes on when he is held,
who floods. Sources of public listeners alone; never one where a user has proved himself within the hour, never a
carrier's, never one that is trusted.

A wrong digest counts where its nonce is ours: a source that nobody has ever heard an answer at may be a forged one, and
whoever forges must not choose whom we shut out. So a flood of datagrams counts only where our nonce has come back.
Changed by what authentication and the limiter tell it. `now` is monotonic seconds; every table is bounded.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from appliance.vocabulary.journal import Journal

WINDOW_S: Final = 600.0
GUESSES: Final = 10             # in a window, by at least so many user names:
USERNAMES: Final = 3
HOLDS: Final = 3                # in a window
EXCESS: Final = 2000            # requests in a window beyond what the limiter lets through
PROOF_LIFE_S: Final = 3600.0
FIRST_BAN_S: Final = 600
LONGEST_BAN_S: Final = 86400
FORGIVEN_AFTER_S: Final = 2.0 * LONGEST_BAN_S
SOURCES_MAX: Final = 8192

Ban = Callable[[str, int, str], bool]
"""Shut out an address for so many seconds, for this reason; False where nobody is there to do it."""


class Suspect:
    """What one source has done in this window, and how long its last ban was, 0 for none."""

    __slots__ = ("ban_s", "banned_until", "began", "excess", "guesses", "holds", "is_real", "usernames")

    def __init__(self, now: float) -> None:
        self.ban_s = 0
        self.banned_until = 0.0
        self.is_real = False        # it has received something from us
        self.begin(now)

    def begin(self, now: float) -> None:
        """A new window."""
        self.began = now
        self.excess = self.guesses = self.holds = 0
        self.usernames: set[bytes] = set()

    def decide_reason(self) -> str:
        """Why it is to be shut out; "" for not yet."""
        if self.guesses >= GUESSES and len(self.usernames) >= USERNAMES:
            return f"{self.guesses} wrong passwords for {len(self.usernames)} user names"
        if self.holds >= HOLDS:
            return f"went on guessing after {self.holds} holds"
        if self.excess >= EXCESS:
            return f"{self.excess} requests beyond the limit"
        return ""


class BanWatch:
    """ban: the firewall; is_spared(host): trusted, or a carrier's. Satisfies authentication.GuessWatch."""

    __slots__ = ("_ban", "_is_spared", "_journal", "_proofs", "_suspects")

    def __init__(self, ban: Ban, is_spared: Callable[[bytes], bool], journal: Journal) -> None:
        self._ban = ban
        self._is_spared = is_spared
        self._journal = journal
        self._suspects: OrderedDict[bytes, Suspect] = OrderedDict()
        self._proofs: OrderedDict[bytes, float] = OrderedDict()

    def note_guess(self, source: bytes, username: bytes, is_held: bool, now: float) -> None:
        """GuessWatch."""
        suspect = self._find(source, now)
        suspect.is_real = True
        suspect.guesses += 1
        suspect.holds += is_held
        if len(suspect.usernames) < USERNAMES:
            suspect.usernames.add(username[:64])
        self._judge(source, suspect, now)

    def note_excess(self, source: bytes, is_forgeable: bool, now: float) -> None:
        """GuessWatch."""
        suspect = self._find(source, now)
        if is_forgeable and not suspect.is_real:
            return
        suspect.excess += 1
        if suspect.excess % EXCESS == 0:
            self._judge(source, suspect, now)

    def note_proof(self, source: bytes, now: float) -> None:
        """GuessWatch."""
        self._proofs.pop(source, None)
        self._proofs[source] = now
        if len(self._proofs) > SOURCES_MAX:
            self._proofs.popitem(last=False)

    def _find(self, source: bytes, now: float) -> Suspect:
        suspect = self._suspects.pop(source, None)
        if suspect is None:
            suspect = Suspect(now)
            if len(self._suspects) >= SOURCES_MAX:
                self._suspects.popitem(last=False)
        elif now - suspect.began > WINDOW_S:
            suspect.begin(now)
        self._suspects[source] = suspect
        return suspect

    def _judge(self, source: bytes, suspect: Suspect, now: float) -> None:
        reason = suspect.decide_reason()
        if not reason or self._has_proof(source, now) or self._is_spared(source):
            return
        before = 0 if now > suspect.banned_until + FORGIVEN_AFTER_S else suspect.ban_s
        seconds = min(2 * before or FIRST_BAN_S, LONGEST_BAN_S)
        if not self._ban(source.decode("ascii"), seconds, reason):
            return
        suspect.begin(now)
        suspect.ban_s, suspect.banned_until = seconds, now + seconds
        self._journal.record("source_banned", source=source, seconds=seconds, reason=reason)

    def _has_proof(self, source: bytes, now: float) -> bool:
        return now - self._proofs.get(source, -PROOF_LIFE_S - 1.0) <= PROOF_LIFE_S
