# SPDX-License-Identifier: Apache-2.0
"""Keeps a trunk attached to its carrier: REGISTER, and what the registrar says about the way (RFC 3261 10.2, RFC 3608).

One for each trunk that registers; it changes the link's state and the routes of the trunk's calls.
"""

from collections.abc import Sequence

from appliance.gateway.trunk_link import TrunkLink
from appliance.native.sip_scanner import ScanError, split_address
from appliance.ua.agent_core import AgentCore
from appliance.ua.registration import Registration


class Attachment:
    """core: of REGISTER; calling: of the trunk's calls. Satisfies ua.registration.RegistrationEvents."""

    __slots__ = ("_calling", "_proxies", "has_ended", "link", "registration")

    def __init__(self, core: AgentCore, calling: AgentCore, link: TrunkLink, registrar: bytes, expires_s: int) -> None:
        self._calling = calling
        self._proxies = calling.profile.routes
        self.link = link
        self.registration = Registration(core, registrar, self, expires_s)
        self.has_ended = False

    def start(self, now: float) -> None:
        """Register, for ever."""
        self.link.start(True, now)
        self.registration.start(now)

    def stop(self, now: float) -> None:
        """Take the binding away; `has_ended` once that is done or given up."""
        self.registration.stop(now)

    def renew(self, now: float) -> None:
        """The network has changed, or the registrar may have: do not wait."""
        self.registration.refresh(now)

    # ua.registration.RegistrationEvents

    def registration_granted(self, registration: Registration, expires_s: int, now: float) -> None:
        """RegistrationEvents."""
        self._calling.profile.routes = decide_routes(self._proxies, registration.service_route)
        self.link.registration_granted(registration, expires_s, now)

    def registration_failed(self, registration: Registration, status: int, retry_s: float, now: float) -> None:
        """RegistrationEvents."""
        self.link.registration_failed(registration, status, retry_s, now)

    def registration_ended(self, registration: Registration, now: float) -> None:
        """RegistrationEvents."""
        self.has_ended = True
        self.link.registration_ended(registration, now)


def decide_routes(proxies: Sequence[bytes], service_route: Sequence[bytes]) -> tuple[bytes, ...]:
    """The route set of requests outside dialogs: by our proxy, then as the registrar wants it (RFC 3608 6.1); not twice
    by the same one."""
    if not proxies or not service_route:
        return tuple(proxies or service_route)
    return tuple(service_route) if _uri_of(proxies[0]) == _uri_of(service_route[0]) else (*proxies, *service_route)


def _uri_of(value: bytes) -> bytes:
    try:
        return split_address(value)[1].partition(b";")[0].lower()
    except ScanError:
        return value
