# SPDX-License-Identifier: Apache-2.0
"""Who sent this request: RFC 3261 section 22, RFC 7616, RFC 8760, as registrar, UAS (401) and proxy (407).

`judge` gives an Account or the Challenge to answer with. Only this module changes the nonce counts and the throttle.
Strangers cost no memory: nonces are sealed, not kept; of those answered rightly the counts are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from appliance.native.sip_digest import Credentials, NonceCounts, open_nonce, seal_nonce
from appliance.pbx.account import Account, AccountDirectory
from appliance.pbx.throttle import Throttle
from appliance.pbx.trusted_sources import Network, TrustedSources
from appliance.sip.digest.algorithm import MD5, Algorithm, compute_ha1, find_algorithm, is_proof
from appliance.sip.digest.challenge import challenge_value
from appliance.sip.flow import Flow
from appliance.vocabulary.counters import Counters
from appliance.vocabulary.journal import Journal

if TYPE_CHECKING:
    from appliance.native.sip_scanner import Message

NONCE_LIFE_S = 300.0
_SEAM = b"\x00"     # stands for the nonce while the lines of a challenge are prepared


NOBODY = Account(b"", b"", "", (), ())
"""Who sends from a trusted source in the name of no extension of ours: an account without an extension."""


class Challenge:
    """The answer for a request that proved nothing. status: 401 or 407; lines: whole header lines with CRLF."""

    __slots__ = ("lines", "status")

    def __init__(self, status: int, lines: bytes) -> None:
        self.status = status
        self.lines = lines

    def __repr__(self) -> str:
        return f"<Challenge {self.status}>"


class _ChallengeForm:
    """The lines of a challenge but for the nonce: `nonce.join(pieces)`; fresh and stale, for one role and one user."""

    __slots__ = ("fresh", "stale", "status")

    def __init__(self, realm: bytes, algorithms: tuple[Algorithm, ...], is_proxy: bool) -> None:
        self.status = 407 if is_proxy else 401
        self.fresh = self._cut(realm, algorithms, is_proxy, False)
        self.stale = self._cut(realm, algorithms, is_proxy, True)

    @staticmethod
    def _cut(realm: bytes, algorithms: tuple[Algorithm, ...], is_proxy: bool, is_stale: bool) -> list[bytes]:
        name = b"Proxy-Authenticate" if is_proxy else b"WWW-Authenticate"
        # RFC 8760 section 2.3: one line for each algorithm, the preferred on top.
        values = [challenge_value(realm, _SEAM, algorithm, is_stale) for algorithm in algorithms]
        return b"".join([b"%s: %s\r\n" % (name, value) for value in values]).split(_SEAM)


@dataclass(frozen=True)
class AuthenticationPolicy:
    """What the configuration says. general: what a stranger is offered, the preferred first; trusted: listener name ->
    networks whose requests need no proof; nonce_limit: about how many answered nonces are remembered.
    """

    general: tuple[Algorithm, ...] = (MD5,)
    trusted: Mapping[str, tuple[Network, ...]] = field(default_factory=dict)
    nonce_life_s: float = NONCE_LIFE_S
    nonce_limit: int = 65536


class GuessWatch(Protocol):
    """Who looks at sources on public listeners."""

    def note_guess(self, source: bytes, username: bytes, is_held: bool, now: float) -> None:
        """A wrong digest, over a nonce of ours; is_held: the pair gets no verdict from now on, for a while."""

    def note_excess(self, source: bytes, is_forgeable: bool, now: float) -> None:
        """A request beyond what a source may ask; is_forgeable: over UDP, where anybody can say any source."""

    def note_proof(self, source: bytes, now: float) -> None:
        """Somebody there has proved who he is."""


class Authentication:
    """Judges requests of one realm, that of its accounts.

    random_octets: n -> n octets that nobody can guess; on_throttled(source, username) is called when a pair of them is
    no longer given a verdict for a while (None: nobody wants to know); watch: the same for public listeners.
    """

    __slots__ = ("_accounts", "_counters", "_counts", "_forms", "_journal", "_key", "_nobody", "_nonce_life_s",
                 "_nonce_number", "_realm", "_throttle", "_trusted", "on_throttled", "watch")

    def __init__(self, accounts: AccountDirectory, policy: AuthenticationPolicy, random_octets: Callable[[int], bytes],
                 counters: Counters, journal: Journal) -> None:
        self._key = random_octets(16)
        self._nonce_number = 0
        self._counts = NonceCounts(policy.nonce_limit)
        self._throttle = Throttle()
        self._counters = counters
        self._journal = journal
        self.on_throttled: Callable[[bytes, bytes], None] | None = None
        self.watch: GuessWatch | None = None
        self._forms: dict[tuple[tuple[Algorithm, ...], bool], _ChallengeForm] = {}
        self.reconfigure(accounts, policy)

    def reconfigure(self, accounts: AccountDirectory, policy: AuthenticationPolicy) -> None:
        """Take up another configuration; nonces, their counts and the throttle live on (nonce_limit stays)."""
        self._accounts = accounts
        self._realm = accounts.realm
        self._nonce_life_s = policy.nonce_life_s
        self._trusted = TrustedSources(policy.trusted) if any(policy.trusted.values()) else None
        # Nobody's secret is one that nobody has: unknown users are checked against it.
        ha1s = tuple([compute_ha1(algorithm, b"", self._realm, self._key) for algorithm in policy.general])
        self._nobody = Account(b"", b"", "", policy.general, ha1s)
        self._forms.clear()

    def judge(self, message: Message, flow: Flow, now: float, is_proxy: bool) -> Account | Challenge:
        """The account whose user sent this request, or the challenge to answer with: 401, or 407 when is_proxy.

        Whether the account may do what the request asks (From, To, Request-URI) is for the caller to see. ACK and
        CANCEL are never to be judged (RFC 3261 section 22.1). Credentials we cannot read count as none.
        """
        is_trusted = self._trusted is not None and self._trusted.is_trusted(flow)
        if is_trusted:
            account = self._find_claimed(message)
            if account is not None:
                self._counters["authentications_trusted"] += 1
                return account
        for value in message.credentials(is_proxy):
            try:
                credentials = Credentials(value)
            except ValueError:
                self._counters["credentials_unreadable"] += 1
                continue
            # RFC 3261 section 22.3: credentials of other realms are not ours. Only one answer a request is judged:
            # many would be as many guesses.
            if credentials.realm == self._realm:
                return self._judge_answer(credentials, message.method, flow, now, is_proxy)
        if is_trusted:
            return NOBODY       # never challenged, and without the rights of anybody
        return self._challenge(self._find_claimed(message) or self._nobody, is_proxy, now)

    def is_trusted(self, flow: Flow) -> bool:
        """Whether requests from this source are not challenged."""
        return self._trusted is not None and self._trusted.is_trusted(flow)

    def _judge_answer(self, credentials: Credentials, method: bytes, flow: Flow, now: float,
                      is_proxy: bool) -> Account | Challenge:
        source = flow.host
        username, nonce = credentials.username, credentials.nonce
        account = self._accounts.by_username.get(username)
        asked = account or self._nobody
        if not nonce or not username or not credentials.response:
            return self._challenge(asked, is_proxy, now)        # RFC 8760 section 2.7: empty before the first challenge
        if self._throttle.is_held(source, username, now):
            self._counters["authentications_held"] += 1
            return self._challenge(asked, is_proxy, now)
        # RFC 8760 section 2.6, 6: the uri parameter need not equal the Request-URI; it is part of what is proved.
        algorithm = find_algorithm(credentials.algorithm)
        ha1 = asked.find_ha1(algorithm) if algorithm is not None else None
        # An unknown user is checked too: that takes as long as a wrong answer of a known one.
        if algorithm is None or ha1 is None or not is_proof(credentials, algorithm, ha1, method) or account is None:
            # one that has never had a nonce of ours may not even be where it says it is
            is_guess = open_nonce(self._key, nonce) >= 0
            return self._fail(asked, username, flow, now, is_proxy, is_guess)
        if not self._is_fresh(nonce, credentials.nonce_count, now):
            return self._challenge(account, is_proxy, now, True)
        self._throttle.note_proof(source, account.username, now)
        if self.watch is not None and flow.listener.side:
            self.watch.note_proof(source, now)
        self._counters["authentications_accepted"] += 1
        return account

    def _is_fresh(self, nonce: bytes, nonce_count: int, now: float) -> bool:
        """Whether this nonce is ours and young and this count of it is new; asked only once the digest is right.

        Without qop there is no count: such a nonce is good for one request (RFC 2617 section 3.2.3, one-time nonces).
        """
        stamp_s = open_nonce(self._key, nonce)
        if stamp_s < 0 or now - stamp_s > self._nonce_life_s:
            self._counters["authentications_stale"] += 1
            return False
        if not self._counts.admit(nonce, nonce_count):      # RFC 7616 section 3.4, nc
            self._counters["authentications_replayed"] += 1
            return False
        return True

    def _fail(self, asked: Account, username: bytes, flow: Flow, now: float, is_proxy: bool,
              is_guess: bool) -> Challenge:
        source = flow.host
        self._counters["authentications_failed"] += 1
        hold_s = self._throttle.note_failure(source, username, now)
        self._journal.record("authentication_failed", source=source, username=username[:64], hold_s=hold_s)
        if hold_s and self.on_throttled is not None:
            self.on_throttled(source, username)
        if self.watch is not None and flow.listener.side and is_guess and not self.is_trusted(flow):
            self.watch.note_guess(source, username, bool(hold_s), now)
        return self._challenge(asked, is_proxy, now)

    def _challenge(self, account: Account, is_proxy: bool, now: float, is_stale: bool = False) -> Challenge:
        algorithms = account.algorithms
        form = self._forms.get((algorithms, is_proxy))
        if form is None:
            form = self._forms[algorithms, is_proxy] = _ChallengeForm(self._realm, algorithms, is_proxy)
        self._nonce_number += 1
        self._counters["challenges_sent"] += 1
        nonce = seal_nonce(self._key, int(now), self._nonce_number)
        return Challenge(form.status, nonce.join(form.stale if is_stale else form.fresh))

    def _find_claimed(self, message: Message) -> Account | None:
        """Whose request this says it is: the AOR's user of a REGISTER (RFC 3261 section 10.2), else the From user."""
        user = message.to_user if message.method == b"REGISTER" else message.from_user
        return self._accounts.by_extension.get(user)
