# SPDX-License-Identifier: Apache-2.0
"""The configuration as the daemons use it: typed, complete, verified. `load_configuration` makes it from text.

What is not built yet is left out of roles and transports.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from appliance.config.finding import Finding
from appliance.config.firewall_configuration import FirewallConfiguration, build_firewall
from appliance.config.handset_configuration import HandsetConfiguration, build_handsets
from appliance.config.leaf import Leaf
from appliance.config.listening import decide_port, list_transports
from appliance.config.network_configuration import NetworkConfiguration, build_network
from appliance.config.network_kinds import AddressPort, IpNetwork, PortRange, RegistrarUri
from appliance.config.reading import read_tree
from appliance.config.sections import emergency, extension, media, message, network, route, sip, system, trunk
from appliance.config.tree import Tree
from appliance.config.verify import verify_tree
from appliance.config.word_kinds import DialIn

REGISTERED_QUALIFY_S = 60


@dataclass(frozen=True, slots=True)
class ListenerConfiguration:
    """Where SIP is spoken. address: textual, IPv6 compressed without brackets; interface: "wan" or "lan" where its
    address counts instead, else ""; side: private or public.

    transports: those it can speak, in the order said; tls_port: where it speaks tls, 0 where it does not; trusted:
    whose requests are not challenged.
    """

    name: str
    address: str
    interface: str
    port: int
    transports: tuple[str, ...]
    tls_port: int
    side: str
    trusted: tuple[IpNetwork, ...]
    certificate: str
    key: str


@dataclass(frozen=True, slots=True)
class ExtensionConfiguration:
    """One user. number is the user part of the AOR; name is empty where none was said.

    username, digest_algorithms and role are what holds for it, the general values included. allowed: international,
    premium: what it may call besides the country's numbers.
    """

    number: str
    name: str
    secret: str = field(repr=False)
    username: str
    digest_algorithms: tuple[str, ...]
    role: str
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrunkConfiguration:
    """A line to a carrier: either registrar or peer is given. channels 0: no limit; qualify_s 0: off; inbound_trunk:
    where calls go on that no did is for, "" nowhere; inbound_allowed: what they may reach; proxy: None for none."""

    name: str
    listener: str
    registrar: RegistrarUri | None
    peer: AddressPort | None
    proxy: RegistrarUri | None
    domain: str
    number: str
    username: str
    secret: str = field(repr=False)
    inbound_username: str
    inbound_secret: str = field(repr=False)
    inbound_trunk: str
    inbound_allowed: tuple[str, ...]
    dids: tuple[DialIn, ...]
    channels: int
    profile: str
    is_emergency: bool
    qualify_s: int


@dataclass(frozen=True, slots=True)
class RouteConfiguration:
    """What is dialled with this prefix goes to the trunks in order. strip_digits: taken from the front; allowed: what
    everybody may call by it besides the country's numbers."""

    name: str
    prefix: str
    strip_digits: int
    trunks: tuple[str, ...]
    allowed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything. Dictionaries are keyed by name, in the order of the file.

    name_servers: empty for those of the machine; neighbours: other domains, and where their calls may come from.

    emergency: "none" where the operator said so, else empty; role: that of `sip role`, as far as it is built.
    """

    domain: str
    country: str
    timezone: str
    name_servers: tuple[AddressPort, ...]
    listeners: dict[str, ListenerConfiguration]
    neighbours: dict[str, tuple[IpNetwork, ...]]
    tls_authority: str
    role: str
    record_route: bool
    digest_algorithms: tuple[str, ...]
    min_expires_s: int
    max_expires_s: int
    media_ports: PortRange
    message_max_waiting: int
    message_max_octets: int
    message_max_days: int
    extensions: dict[str, ExtensionConfiguration]
    handsets: dict[str, HandsetConfiguration]
    trunks: dict[str, TrunkConfiguration]
    routes: dict[str, RouteConfiguration]
    emergency: str
    network_managed: bool
    network: NetworkConfiguration
    firewall: FirewallConfiguration


@dataclass(frozen=True, slots=True)
class LoadResult:
    """configuration is None exactly if a finding is an error; findings are in the order of their lines."""

    configuration: Configuration | None
    findings: tuple[Finding, ...]
    file_name: str

    def has_errors(self) -> bool:
        return self.configuration is None


def load_configuration(
    text: bytes | str,
    file_name: str = "configuration",
    is_timezone: Callable[[str], bool] | None = None,
    explain_certificate: Callable[[str, str], str] | None = None,
) -> LoadResult:
    """Reads, checks and builds. Never raises for anything in the text.

    is_timezone: whether the machine knows a time zone; without it any well-formed name passes.
    explain_certificate: why certificate and key files cannot be used, "" where they can; without it nobody looks.
    """
    findings: list[Finding] = []
    tree = read_tree(text, findings)
    findings.extend(verify_tree(tree, is_timezone, explain_certificate))
    findings.sort(key=_take_line)
    is_refused = any(finding.is_error() for finding in findings)
    return LoadResult(None if is_refused else build_configuration(tree), tuple(findings), file_name)


def build_configuration(tree: Tree) -> Configuration:
    """The configuration of a tree that has been verified. Raises MisuseError for one that has not."""
    return Configuration(
        domain=tree.certain_value(system.DOMAIN_NAME),
        country=tree.certain_value(system.COUNTRY_CODE),
        timezone=tree.certain_value(system.TIMEZONE_NAME),
        name_servers=tree.values(system.DNS_SERVERS),
        neighbours={name: tree.values(sip.NEIGHBOUR_SOURCE, name) for name in tree.names("domain")},
        listeners={name: _build_listener(tree, name) for name in tree.names("listener")},
        tls_authority=tree.value(sip.AUTHORITY) or "",
        role=_take_role(tree, sip.ROLE, ""),
        record_route=tree.certain_value(sip.RECORD_ROUTE),
        digest_algorithms=tree.values(sip.DIGEST_ALGORITHM),
        min_expires_s=tree.certain_value(sip.MIN_EXPIRES),
        max_expires_s=tree.certain_value(sip.MAX_EXPIRES),
        media_ports=tree.certain_value(media.PORTS),
        message_max_waiting=tree.certain_value(message.MAX_WAITING),
        message_max_octets=tree.certain_value(message.MAX_OCTETS),
        message_max_days=tree.certain_value(message.MAX_DAYS),
        extensions=_build_extensions(tree),
        handsets=build_handsets(tree),
        trunks={name: _build_trunk(tree, name) for name in tree.names("trunk")},
        routes={name: _build_route(tree, name) for name in tree.names("route")},
        emergency=tree.value(emergency.WAIVER) or "",
        network_managed=tree.certain_value(network.MANAGED),
        network=build_network(tree),
        firewall=build_firewall(tree),
    )


def _take_line(finding: Finding) -> int:
    return finding.line


def _take_role(tree: Tree, leaf: Leaf[str], name: str) -> str:
    role = tree.value(leaf, name) or sip.ROLE_DEFAULT
    return sip.ROLE_DEFAULT if role in leaf.not_built else role


def _build_listener(tree: Tree, name: str) -> ListenerConfiguration:
    transports = list_transports(tree, name)
    return ListenerConfiguration(
        name=name,
        address=tree.value(sip.ADDRESS, name) or "",
        interface=tree.value(sip.INTERFACE, name) or "",
        port=tree.certain_value(sip.LISTENER_PORT, name),
        transports=transports,
        tls_port=(decide_port(tree, name, "tls") or 0) if "tls" in transports else 0,
        side=tree.certain_value(sip.SIDE, name),
        trusted=tree.values(sip.TRUSTED, name),
        certificate=tree.value(sip.CERTIFICATE, name) or "",
        key=tree.value(sip.KEY, name) or "",
    )


def _build_extensions(tree: Tree) -> dict[str, ExtensionConfiguration]:
    general_role = _take_role(tree, sip.ROLE, "")
    general_algorithms = tree.values(sip.DIGEST_ALGORITHM)
    return {
        number: ExtensionConfiguration(
            number,
            tree.value(extension.DISPLAY_NAME, number) or "",
            tree.certain_value(extension.SECRET_WORD, number),
            tree.value(extension.DIGEST_USERNAME, number) or number,
            tree.values(extension.DIGEST, number) or general_algorithms,
            _take_role(tree, extension.EXTENSION_ROLE, number)
            if tree.sayings(extension.EXTENSION_ROLE, number)
            else general_role,
            tree.values(extension.EXTENSION_ALLOW, number),
        )
        for number in tree.names("extension")
    }


def _build_trunk(tree: Tree, name: str) -> TrunkConfiguration:
    registrar = tree.value(trunk.REGISTRAR, name)
    peer = tree.value(trunk.PEER, name)
    host = registrar.host if registrar else peer.address if peer else ""
    number = tree.value(trunk.NUMBER, name) or ""
    qualify_s = tree.value(trunk.QUALIFY, name)
    return TrunkConfiguration(
        name=name,
        listener=tree.value(trunk.LISTENER, name) or next(iter(tree.names("listener"))),
        registrar=registrar,
        peer=peer,
        proxy=tree.value(trunk.PROXY, name),
        domain=tree.value(trunk.CARRIER_DOMAIN, name) or host,
        number=number,
        username=tree.value(trunk.TRUNK_USERNAME, name) or number,
        secret=tree.value(trunk.TRUNK_SECRET, name) or "",
        inbound_username=tree.value(trunk.INBOUND_USERNAME, name) or "",
        inbound_secret=tree.value(trunk.INBOUND_SECRET, name) or "",
        inbound_trunk=tree.value(trunk.INBOUND_TRUNK, name) or "",
        inbound_allowed=tree.values(trunk.INBOUND_ALLOW, name),
        dids=tree.values(trunk.DID, name),
        channels=tree.value(trunk.CHANNELS, name) or 0,
        profile=tree.certain_value(trunk.PROFILE, name),
        is_emergency=tree.certain_value(trunk.EMERGENCY, name),
        qualify_s=qualify_s if qualify_s is not None else REGISTERED_QUALIFY_S if registrar else 0,
    )


def _build_route(tree: Tree, name: str) -> RouteConfiguration:
    return RouteConfiguration(
        name=name,
        prefix=tree.certain_value(route.ROUTE_PREFIX, name),
        strip_digits=tree.certain_value(route.STRIP, name),
        trunks=tree.values(route.ROUTE_TRUNK, name),
        allowed=tree.values(route.ROUTE_ALLOW, name),
    )
