# SPDX-License-Identifier: Apache-2.0
"""The firewall as values: from the configuration, and where WAN and LAN are, to rules and the networks they look up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Interface, IPv4Network, IPv6Network, collapse_addresses, ip_address, ip_network

from appliance.config.configuration import Configuration, TrunkConfiguration
from appliance.config.network_kinds import IpNetwork
from appliance.networking.ruleset_admission import list_admission_rules, list_early_rules
from appliance.networking.ruleset_forwarding import list_passage_rules, list_translation_rules
from appliance.networking.ruleset_marks import list_mark_rules
from appliance.networking.ruleset_values import CARRIERS, MANAGEMENT, NEVER_BANNED, Border, Ruleset

EVERYWHERE = 0


def build_ruleset(configuration: Configuration, border: Border, lifelines: Iterable[IpNetwork] = ()) -> Ruleset:
    """What is to be in force. Nothing but marks where there is no WAN. lifelines: who is never shut out, beside those
    that the configuration says."""
    rules = (
        *list_early_rules(border),
        *list_admission_rules(configuration, border),
        *list_passage_rules(border),
        *list_translation_rules(configuration, border),
        *list_mark_rules(configuration),
    )
    firewall = configuration.firewall
    networks = {
        CARRIERS: merge_networks(list_carriers(configuration)),
        NEVER_BANNED: merge_networks((*firewall.never_ban, *lifelines)),
        MANAGEMENT: merge_networks(firewall.management_sources),
    }
    return Ruleset(rules, networks, border, configuration.media_ports)


def find_border(configuration: Configuration, lan_address: IPv4Interface | None) -> Border:
    """lan_address: ours on the LAN as it is now, None for none. Networks behind routers of the LAN belong to it."""
    network = configuration.network
    if lan_address is None:
        return Border(network.wan_link(), network.lan_link(), ())
    behind = [route.to for route in network.routes.values()
              if route.via in lan_address.network and route.to.prefixlen != EVERYWHERE]
    return Border(network.wan_link(), network.lan_link(), tuple(collapse_addresses([lan_address.network, *behind])))


def merge_networks(networks: Iterable[IpNetwork]) -> tuple[IpNetwork, ...]:
    """The same addresses, none in two networks: what a set of the kernel takes."""
    listed = tuple(networks)
    four = collapse_addresses(one for one in listed if isinstance(one, IPv4Network))
    six = collapse_addresses(one for one in listed if isinstance(one, IPv6Network))
    return *four, *six


def list_carriers(configuration: Configuration) -> Iterator[IpNetwork]:
    """Whom the configuration itself lets speak SIP to a public listener: addresses of trunks, domains, trusted ones."""
    public = {listener.name for listener in configuration.listeners.values() if listener.side == "public"}
    for listener in configuration.listeners.values():
        if listener.name in public:
            yield from listener.trusted
    for trunk in configuration.trunks.values():
        if trunk.listener in public:
            yield from list_servers(trunk)
    if public:
        for networks in configuration.neighbours.values():
            yield from networks


def list_servers(trunk: TrunkConfiguration) -> Iterator[IpNetwork]:
    """Those of a trunk's servers that are said by address; names are looked up by the call server."""
    hosts = [one.host for one in (trunk.registrar, trunk.proxy) if one is not None]
    hosts += [trunk.peer.address] if trunk.peer is not None else []
    for host in hosts:
        if is_address(host):
            yield ip_network(host)


def is_address(host: str) -> bool:
    """Whether it is an address, not a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
