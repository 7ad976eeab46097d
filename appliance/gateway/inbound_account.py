# SPDX-License-Identifier: Apache-2.0
"""Carriers that prove themselves by digest where their address says nothing (RFC 3261 22.2): one UA challenges another.

Nonces are sealed, not kept; counts of those answered rightly and wrong guesses are, in tables of fixed size.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from appliance.gateway.trunk import Trunk
from appliance.native.sip_digest import Credentials
from appliance.native.sip_scanner import Message
from appliance.sip.digest.algorithm import MD5, compute_ha1
from appliance.sip.digest.verifier import DigestVerifier, find_answer
from appliance.sip.flow import Flow


class Challenged(NamedTuple):
    """To be answered with this status and these header lines."""

    status: int
    lines: bytes


class _Account(NamedTuple):
    trunk: Trunk
    realm: bytes
    username: bytes
    ha1: bytes

    def __repr__(self) -> str:
        return f"<Account of {self.trunk.name}>"


class InboundAccounts:
    """Of the trunks whose carrier has one."""

    __slots__ = ("_accounts", "_verifier")

    def __init__(self, random_octets: Callable[[int], bytes]) -> None:
        self._verifier = DigestVerifier(random_octets)
        self._accounts: list[_Account] = []

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
        credentials = find_answer(request, asked[0].realm)
        if credentials is not None:
            account = next((one for one in asked if one.username == credentials.username), None)
            return self._judge_answer(credentials, account, request, flow, now) or self._challenge(asked[0], now)
        return self._challenge(asked[0], now)

    def _judge_answer(self, credentials: Credentials, account: _Account | None, request: Message, flow: Flow,
                      now: float) -> Trunk | None:
        ha1 = None if account is None else account.ha1
        is_proof = self._verifier.is_proof(credentials, ha1, request.method, flow.host, now)
        return account.trunk if account is not None and is_proof else None

    def _challenge(self, account: _Account, now: float) -> Challenged:
        return Challenged(401, self._verifier.challenge(account.realm, now))
