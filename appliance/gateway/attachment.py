# SPDX-License-Identifier: Apache-2.0
"""Keeps a trunk attached to its carrier: REGISTER, what the registrar says about the way (RFC 3261 10.2, RFC 3608), and
OPTIONS that ask whether anybody is there (11).

One for each trunk; it changes the link's state and the routes of the trunk's calls.
"""

from collections.abc import Callable, Sequence
from typing import Final

from appliance.gateway.trunk_link import TrunkLink
from appliance.native.sip_scanner import ScanError, split_address
from appliance.ua.agent_core import AgentCore
from appliance.ua.qualification import Qualification, QualificationState
from appliance.ua.registration import Registration, RegistrationFailure

_ABSENCES: Final = frozenset({RegistrationFailure.UNRESOLVED, RegistrationFailure.UNREACHABLE,
                              RegistrationFailure.SILENT})


class Attachment:
    """Of a trunk without registrar, or with one, see `register_at`. successor: starts when this one has ended; moved:
    told when the outside sees us at another address than before.
    Satisfies ua.registration.RegistrationEvents and ua.qualification.QualificationEvents."""

    __slots__ = ("_alarm", "_calling", "_has_checked", "_has_moved", "_mapped", "_proxies", "has_ended", "link",
                 "moved", "qualification", "registration", "successor")

    def __init__(self, calling: AgentCore, link: TrunkLink, server: bytes, qualify_s: int) -> None:
        self._calling = calling
        self._proxies = calling.profile.routes
        self._alarm = calling.alarm()
        self._has_checked = self._has_moved = False
        self._mapped: dict[str, bytes] = {}
        self.link = link
        self.moved: Callable[[float], None] = move_nobody
        self.registration: Registration | None = None
        self.qualification = Qualification(calling, server, self, qualify_s) if qualify_s else None
        self.has_ended = True
        self.successor: Attachment | None = None

    def register_at(self, core: AgentCore, registrar: bytes, expires_s: int) -> None:
        """This trunk registers; core: of its REGISTERs."""
        self.registration = Registration(core, registrar, self, expires_s)
        self.has_ended = False

    def start(self, now: float) -> None:
        """Register, for ever."""
        registration = self.registration
        self._mapped = dict(self._calling.profile.mapped)
        self.link.start(registration is not None, now)
        if registration is not None:
            registration.start(now)
        elif self.qualification is not None:
            self.qualification.start(now)

    def stop(self, now: float) -> None:
        """Take the binding away; `has_ended` once that is done or given up."""
        self._alarm.clear()
        if self.qualification is not None:
            self.qualification.stop()
        if self.registration is not None:
            self.registration.stop(now)
        else:
            self.link.stop(now)

    def renew(self, now: float) -> None:
        """The network has changed: do not wait."""
        if self.registration is not None:
            self.registration.refresh(now)
        if self.qualification is not None:
            self.qualification.ask_now(now)

    def readdress(self, now: float) -> None:
        """Our listener has another address. What the outside saw of the one before holds no more; the trunk's calls
        hear of it as soon as the registrar knows, or says that it will not: carriers take nothing from strangers."""
        self._calling.profile.mapped.clear()
        self._mapped = {}
        if self.registration is None:
            self.moved(now)
        else:
            self._has_moved = True
            self.registration.readdress(now)
        if self.qualification is not None:
            self.qualification.ask_now(now)

    # ua.registration.RegistrationEvents

    def registration_granted(self, registration: Registration, expires_s: int, now: float) -> None:
        """RegistrationEvents."""
        self._calling.profile.routes = decide_routes(self._proxies, registration.service_route)
        self.link.registration_granted(expires_s, now)
        if self._has_moved or self._calling.profile.mapped != self._mapped:
            self._has_moved = False
            self._mapped = dict(self._calling.profile.mapped)
            self.moved(now)
        qualification = self.qualification
        if qualification is not None and qualification.state is QualificationState.IDLE and not self._alarm.is_set:
            # that REGISTER is answered is proof for now
            self._alarm.set(now + qualification.interval_s, qualification.start)

    def registration_failed(self, registration: Registration, status: int, retry_s: float, now: float) -> None:
        """RegistrationEvents."""
        self.link.registration_failed(registration, status, retry_s, now)
        if self._has_moved:
            self._has_moved = False
            self.moved(now)

    def registration_ended(self, registration: Registration, now: float) -> None:
        """RegistrationEvents."""
        self.has_ended = True
        self.link.granted_until = 0.0
        self.link.stop(now)
        if self.successor is not None:
            self.successor.start(now)

    # ua.qualification.QualificationEvents

    def peer_answered(self, now: float) -> None:
        """QualificationEvents. Who is back is registered with at once."""
        self.link.peer_answered(now)
        registration = self.registration
        if registration is not None and registration.failure in _ABSENCES:
            registration.refresh(now)

    def peer_silent(self, now: float) -> None:
        """QualificationEvents. Another of its servers may take the registration. A registrar that has never answered
        OPTIONS may be one that never does: REGISTER is to tell, once."""
        registration, qualification = self.registration, self.qualification
        was_up = self.link.is_up(now)
        has_spoken = qualification is not None and qualification.round_trip_s > 0.0
        if has_spoken or registration is None:
            self.link.peer_silent(now)
        if registration is not None and was_up and (has_spoken or not self._has_checked):
            self._has_checked = True
            registration.refresh(now)


def move_nobody(_now: float) -> None:
    """For where no call hangs on our address."""


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
