# SPDX-License-Identifier: Apache-2.0
"""Carriers that prove themselves by digest where their address says nothing (RFC 3261 22.2): one UA challenges another.

Nonces are sealed, not kept; counts of those answered rightly and wrong guesses are, in tables of fixed size.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from appliance.gateway.trunk import Trunk
from appliance.native.sip_digest import Credentials, NonceCounts, open_nonce, seal_nonce
from appliance.native.sip_scanner import Message
from appliance.sip.digest.algorithm import MD5, compute_ha1
from appliance.sip.digest.challenge import challenge_value
from appliance.sip.flow import Flow

NONCE_LIFE_S: Final = 300
GUESSES: Final = 5
"""Wrong answers of one source in a minute; then none of its answers is judged until the minute is over."""
GUESS_MEMORY_S: Final = 60.0
SOURCES_LIMIT: Final = 1024


class Challenged(NamedTuple):
    """To be answered with this status and these header lines."""

    status: int
    lines: bytes


class _Account(NamedTuple):
    trunk: Trunk
    realm: bytes
    username: bytes
    ha1: bytes


class InboundAccounts:
    """Of the trunks whose carrier has one."""

    __slots__ = ("_accounts", "_counts", "_guesses", "_key", "_number")

    def __init__(self, random_octets: Callable[[int], bytes]) -> None:
        self._key = random_octets(16)
        self._number = 0
        self._counts = NonceCounts(1024)
        self._accounts: list[_Account] = []
        self._guesses: OrderedDict[bytes, tuple[int, float]] = OrderedDict()

    def reconfigure(self, trunks: Iterable[Trunk]) -> None:
        """Take up these trunks; nonces live on."""
        self._accounts = []
        for trunk in trunks:
            configuration = trunk.configuration
            username, secret = configuration.inbound_username.encode(), configuration.inbound_secret.encode()
            realm = configuration.domain.encode()
            if username:
                self._accounts.append(_Account(trunk, realm, username, compute_ha1(MD5, username, realm, secret)))

    def judge(self, request: Message, flow: Flow, now: float) -> Trunk | Challenged | None:
        """The trunk whose carrier this request proves to be of; a challenge for one that says it is in its From; None
        for everybody else, whom the office may challenge."""
        if not self._accounts:
            return None
        host = request.from_uri.rpartition(b"@")[2].partition(b";")[0].partition(b":")[0].lower()
        asked = [one for one in self._accounts
                 if one.realm == host and one.trunk.configuration.listener == flow.listener.name]
        if not asked:
            return None
        for value in request.credentials(False):
            try:
                credentials = Credentials(value)
            except ValueError:
                continue
            account = next((one for one in asked if one.realm == credentials.realm
                            and one.username == credentials.username), None)
            if credentials.realm == asked[0].realm:
                return self._judge_answer(credentials, account, request, flow, now) or self._challenge(asked[0], now)
        return self._challenge(asked[0], now)

    def _judge_answer(self, credentials: Credentials, account: _Account | None, request: Message, flow: Flow,
                      now: float) -> Trunk | None:
        if self._is_held(flow.host, now):
            return None
        stamp = open_nonce(self._key, credentials.nonce)
        if not 0 <= now - stamp <= NONCE_LIFE_S or stamp < 0:
            return None
        if account is None or not credentials.matches_md5(account.ha1, request.method):
            self._note_guess(flow.host, now)
            return None
        # RFC 7616 3.4: an answer counts once; one without qop has no count and is good for one nonce alone
        return account.trunk if self._counts.admit(credentials.nonce, credentials.nonce_count or 1) else None

    def _challenge(self, account: _Account, now: float) -> Challenged:
        self._number = self._number + 1 & 0xFFFFFFFF
        nonce = seal_nonce(self._key, int(now), self._number)
        return Challenged(401, b"WWW-Authenticate: %s\r\n" % challenge_value(account.realm, nonce, MD5))

    def _is_held(self, host: bytes, now: float) -> bool:
        count, since = self._guesses.get(host, (0, 0.0))
        return count >= GUESSES and now - since < GUESS_MEMORY_S

    def _note_guess(self, host: bytes, now: float) -> None:
        count, since = self._guesses.pop(host, (0, now))
        self._guesses[host] = (count + 1, since) if now - since < GUESS_MEMORY_S else (1, now)
        if len(self._guesses) > SOURCES_LIMIT:
            self._guesses.popitem(last=False)
