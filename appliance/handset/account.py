# SPDX-License-Identifier: Apache-2.0
"""Who a handset is on the network: its user agent, and the registration that the server knows it by. Without a server
it is an address that calls addresses (RFC 3261 4).

Changed by its registration alone.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha1
from typing import Final, NamedTuple

from appliance.handset.name_locator import NameLocator
from appliance.sip.digest.client import DigestClient, DigestExchange
from appliance.sip.flow import Flow, Listener
from appliance.sip.locating.records import Resolver
from appliance.sip.locating.search import split_hostport
from appliance.sip.stack import SipStack
from appliance.sip.uri import strip_for_request
from appliance.ua.agent_core import AgentCore
from appliance.ua.in_dialog_methods import TRANSFER_METHODS
from appliance.ua.profile import AgentProfile
from appliance.ua.registration import Registration
from appliance.vocabulary.journal import Journal

EXPIRES_S: Final = 300
SESSION_EXPIRES_S: Final = 1800
PRODUCT: Final = b"denwaban handset"


class Credentials(NamedTuple):
    """An extension's account. server: host:port, numeric."""

    number: str
    domain: str
    username: str
    secret: str
    server: str
    name: str = ""

    def __repr__(self) -> str:
        return f"<Credentials of {self.number} at {self.server}>"


class Surroundings(NamedTuple):
    """What an account has from outside. random_octets: n -> n octets nobody can guess; resolver: for names."""

    random_octets: Callable[[int], bytes]
    journal: Journal
    resolver: Resolver


class Account:
    """core: for the user agent; is_ready: whether the server knows us, so that numbers can be called; ready: called
    whenever it knows us again; instance: what tells our server that a Contact is ours in another life as well."""

    __slots__ = ("_credentials", "_is_known", "_journal", "_registration", "_server", "core", "failure", "instance",
                 "ready")

    def __init__(self, stack: SipStack, listener: Listener, credentials: Credentials | None,
                 surroundings: Surroundings) -> None:
        random_octets, journal = surroundings.random_octets, surroundings.journal
        self._credentials = credentials
        self._journal = journal
        self._is_known = False
        self.instance = b""
        self._server = (b"", 0) if credentials is None else split_hostport(credentials.server.encode())
        self.ready: Callable[[float], None] = tell_nobody
        self.failure = 0                # status of the last REGISTER that failed, 0: none has
        profile = _build_profile(listener, credentials)
        digest = DigestClient(self._find_secret, random_octets)
        digest.may_answer = self._may_answer
        locator = NameLocator(stack, listener, surroundings.resolver, random_octets)
        self.core = AgentCore(stack, profile, digest, locator, random_octets)
        self.core.methods += [b"INFO", *TRANSFER_METHODS]
        self._registration = None if credentials is None else Registration(
            self.core, b"sip:%s" % _write_host(credentials.domain), self, EXPIRES_S)
        if self._registration is not None:
            self._registration.does_map = False
            self.instance = _write_instance(listener.name, self.core.profile.aor)
            self._registration.parameters = self.instance + b";reg-id=1"

    def _find_secret(self, _realm: bytes) -> tuple[bytes, bytes] | None:
        one = self._credentials
        return (one.username.encode(), one.secret.encode()) if one is not None else None

    def _may_answer(self, _realm: bytes, exchange: DigestExchange) -> bool:
        """What the extension's secret proves is shown to its server alone, not to whoever is called at an address."""
        one = self._credentials
        return one is not None and exchange.place == one.server.encode()

    @property
    def is_ready(self) -> bool:
        """Whether a number can be called; while the binding is refreshed as well, since it stands."""
        return self._is_known

    @property
    def has_server(self) -> bool:
        """Whether there is one that numbers can be tried at."""
        return self._credentials is not None

    def is_server(self, flow: Flow) -> bool:
        """Whether our server is at the other end."""
        return (flow.host, flow.port) == self._server

    def start(self, now: float) -> None:
        """Register, and stay so."""
        if self._registration is not None:
            self._registration.start(now)

    def stop(self, now: float) -> None:
        """Take the binding away."""
        if self._registration is not None:
            self._registration.stop(now)

    def write_uri(self, dialled: str) -> bytes:
        """What a number or an address is called by, be it one or not; b"" where nobody can be."""
        if dialled[:4].lower() == "sip:" or dialled[:5].lower() == "sips:":
            return strip_for_request(dialled.encode(errors="replace"))      # RFC 3261 19.1.1, table 1
        if self._credentials is None:
            return b""
        number = dialled.replace("#", "%23")        # RFC 3261 25.1: not among the characters of a user part
        return b"sip:%s@%s" % (number.encode(errors="replace"), _write_host(self._credentials.domain))

    def is_direct(self, uri: bytes) -> bool:
        """Whether this is called without the server: an address, or where there is no server."""
        if self._credentials is None:
            return True
        return not uri.endswith(b"@" + _write_host(self._credentials.domain))

    # RegistrationEvents

    def registration_granted(self, registration: Registration, expires_s: int, now: float) -> None:
        """RegistrationEvents."""
        if self.failure or not expires_s:
            self._journal.record("handset_registered", expires_s=expires_s)
        self.failure = 0
        if not self._is_known:
            self._is_known = True
            self.ready(now)

    def registration_failed(self, registration: Registration, status: int, retry_s: float, now: float) -> None:
        """RegistrationEvents."""
        if status != self.failure:
            self._journal.record("handset_unregistered", status=status, retry_s=round(retry_s, 1))
        self.failure = status
        self._is_known = False

    def registration_ended(self, registration: Registration, now: float) -> None:
        """RegistrationEvents."""
        self._is_known = False


def tell_nobody(_now: float) -> None:
    """Before anybody wants to know."""


def _write_host(host: str) -> bytes:
    return b"[%s]" % host.encode() if ":" in host else host.encode()


def _write_instance(name: str, aor: bytes) -> bytes:
    """RFC 5626 4.1, 4.2: the same in every life, so that a handset that died, and comes back at another port, takes its
    own binding's place instead of filling the AOR with dead ones."""
    octets = bytearray(sha1(b"%s;handset=%s" % (aor, name.encode()), usedforsecurity=False).digest()[:16])
    octets[6], octets[8] = octets[6] & 0x0F | 0x50, octets[8] & 0x3F | 0x80         # RFC 4122 4.3: made from a name
    digits = octets.hex()
    uuid = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    return b';+sip.instance="<urn:uuid:%s>"' % uuid.encode()


def _build_profile(listener: Listener, credentials: Credentials | None) -> AgentProfile:
    if credentials is None:
        profile = AgentProfile(b"sip:%s@%s" % (listener.name.encode(), listener.hostport), listener.name.encode())
    else:
        user = credentials.number.encode()
        profile = AgentProfile(b"sip:%s@%s" % (user, _write_host(credentials.domain)), user, credentials.name.encode())
        profile.routes = (b"<sip:%s;lr>" % credentials.server.encode(),)
    profile.answers_for = frozenset({profile.user, listener.name.encode()})     # 8.2.2.1: who scans rings no bell
    profile.supported = (b"timer", b"100rel", b"replaces", b"norefersub", b"path", b"outbound")
    profile.session_expires_s = SESSION_EXPIRES_S
    profile.product = PRODUCT
    return profile
