# SPDX-License-Identifier: Apache-2.0
"""Who may call a telephone at its own address, past every server: who knows its secret (RFC 3261 22.2). Its server,
which asks callers itself, is not asked. Changed by answers alone.
"""

from __future__ import annotations

from collections.abc import Callable

from appliance.handset.account import Account
from appliance.native.sip_scanner import Message
from appliance.sip.digest.algorithm import MD5, compute_ha1
from appliance.sip.digest.verifier import DigestVerifier, find_answer
from appliance.sip.flow import Flow
from appliance.ua.inspection import Refusal


class DirectCallers:
    """name: the user name, and the realm; secret: what goes with it. Satisfies ua.user_agent.Authenticator."""

    __slots__ = ("_account", "_ha1", "_name", "_verifier")

    def __init__(self, account: Account, name: str, secret: str, random_octets: Callable[[int], bytes]) -> None:
        self._account = account
        self._name = name.encode()
        self._ha1 = compute_ha1(MD5, self._name, self._name, secret.encode())
        self._verifier = DigestVerifier(random_octets)

    def challenge(self, request: Message, flow: Flow, now: float) -> Refusal | None:
        """Authenticator."""
        if self._account.is_server(flow):
            return None
        credentials = find_answer(request, self._name)
        if credentials is not None:
            ha1 = self._ha1 if credentials.username == self._name else None
            if self._verifier.is_proof(credentials, ha1, request.method, flow.host, now):
                return None
        return Refusal(401, self._verifier.challenge(self._name, now))
