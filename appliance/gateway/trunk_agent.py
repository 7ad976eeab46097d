# SPDX-License-Identifier: Apache-2.0
"""How a trunk presents itself: the profile of its calls, and the one of its registration, whose Contact carries a word
that only the registrar has heard, so that a call that brings it back is the carrier's (RFC 3261 10.2, 19.1.1).
"""

from appliance.config.configuration import TrunkConfiguration
from appliance.gateway.carrier_profiles.carrier_profile import CarrierProfile
from appliance.native.sip_scanner import siphash
from appliance.sip.flow import Listener
from appliance.ua.profile import AgentProfile

LINE_PARAMETER = b"line"
KNOWN_EXTENSIONS = (b"100rel", b"timer")
"""What a carrier may require of us, whatever its profile says that we offer (RFC 3262, RFC 4028)."""


def never_follow(uri: bytes) -> bool:
    """CONTRACT: a 3xx of a trunk is not followed; it would let the carrier choose whom we call."""
    return not uri and False


class RegisteringProfile(AgentProfile):
    """token: what our registered Contact carries, b"" for nothing."""

    __slots__ = ("token",)

    def __init__(self, aor: bytes, user: bytes, token: bytes) -> None:
        super().__init__(aor, user)
        self.token = token

    def contact_uri(self, listener: Listener, is_secure: bool = False) -> bytes:
        """AgentProfile."""
        uri = super().contact_uri(listener, is_secure)
        return b"%s;%s=%s>" % (uri[:-1], LINE_PARAMETER, self.token) if self.token else uri


def write_aor(configuration: TrunkConfiguration) -> bytes:
    """Our address of record at the carrier."""
    domain = configuration.domain
    host = f"[{domain}]" if ":" in domain else domain
    user = f"{configuration.number}@" if configuration.number else ""
    return f"sip:{user}{host}".encode()


def write_token(key: bytes, configuration: TrunkConfiguration) -> bytes:
    """The word in our registered Contact: nobody can guess it. After a restart it is the same, so that the carrier does
    not have two bindings of us; another account or registrar has another, so that taking away the one binding does not
    touch the other."""
    account = repr(read_attachment(configuration)).encode()
    return siphash(key, b"line 1 " + account) + siphash(key, b"line 2 " + account)


def read_attachment(one: TrunkConfiguration) -> tuple[object, ...]:
    """What is the same where two configurations attach a trunk in the same way; the rest is whose calls it carries."""
    return (one.listener, one.registrar, one.peer, one.proxy, one.domain, one.number, one.username, one.secret,
            one.profile, one.qualify_s)


def build_profiles(configuration: TrunkConfiguration, habits: CarrierProfile,
                   token: bytes) -> tuple[AgentProfile, RegisteringProfile]:
    """For calls, and for REGISTER; both are seen from outside at the same address."""
    aor, user = write_aor(configuration), configuration.number.encode()
    calling = AgentProfile(aor, user)
    registering = RegisteringProfile(aor, user, token if habits.has_line_parameter else b"")
    registering.mapped = calling.mapped
    for profile in (calling, registering):
        profile.may_follow = never_follow
        proxy = write_proxy(configuration)
        profile.routes = (proxy,) if proxy else ()
    calling.supported = KNOWN_EXTENSIONS
    calling.session_expires_s = habits.session_expires_s
    return calling, registering


def list_hosts(one: TrunkConfiguration) -> list[bytes]:
    """Every name and address by which the configuration knows the trunk's servers, without brackets."""
    named = [one.domain, *(server.host for server in (one.registrar, one.proxy) if server is not None)]
    return [host.strip("[]").lower().encode() for host in (*named, one.peer.address if one.peer else "") if host]


def write_server_uri(configuration: TrunkConfiguration) -> bytes:
    """Where requests of the trunk go that no Route leads: its registrar, or its peer."""
    registrar, peer = configuration.registrar, configuration.peer
    if registrar is not None:
        return _write_uri(registrar.scheme, registrar.host, registrar.port, registrar.parameters)
    return _write_uri("sip", peer.address, peer.port, "") if peer is not None else b""


def write_proxy(configuration: TrunkConfiguration) -> bytes:
    """The Route value of the outbound proxy, b"" for none."""
    proxy = configuration.proxy
    if proxy is None:
        return b""
    parameters = proxy.parameters if ";lr" in proxy.parameters.lower() else proxy.parameters + ";lr"
    return b"<%s>" % _write_uri(proxy.scheme, proxy.host, proxy.port, parameters)


def _write_uri(scheme: str, host: str, port: int, parameters: str) -> bytes:
    hostport = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
    return f"{scheme}:{hostport}{parameters}".encode()
